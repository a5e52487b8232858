// Proxy: an object of a registered class that lies in a manager's server, as any process sees it.
//
//   mp::Proxy<Counter> counter = manager.create<Counter>("Counter");
//   int n = counter.call(mp::m<&Counter::inc>, 5);              // checked by the compiler
//   int same = counter.call<int>("inc", 5);                     // by name, for programs that do not have the class
//   auto later = counter.begin(mp::m<&Counter::inc>, 1);        // sent; later.get() waits
//
//   mp::Batch batch;                                            // many calls, one message
//   for (int i = 0; i < 100; ++i) batch.add(counter, mp::m<&Counter::inc>, 1);
//   batch.run();
//
// A proxy is a reference that the server counts: copies are the same object, which lives until the last of them is gone, in
// whichever process. It can be an argument of a process or task, go through queues and pipes, and lie inside other served
// objects. After a fork the child's copies are its own; the parent must keep one until the child has used its first.
//
// A method that returns std::shared_ptr<Child> gives its caller a Proxy<Child> (registration.hpp says when); by name it is
// call<mp::Proxy<Child>>("child"), or call<mp::Proxy<>>("child") for programs without the class. One of null is empty.
//
// Other arguments and results are copied. A method's exception arrives as itself if it is a standard one, otherwise as RemoteError.
// Throws ManagerGone when the server is gone or the connection is lost: the call may have been carried out. To be used by any
// thread. Each call is a message to the server and back, some ten microseconds on one machine: for data that all processes
// change often use Value, Array and Queue, which lie in shared memory.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/manager/proxy_base.hpp"
#include "procyon/detail/manager/signature.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"
#include "procyon/outcome.hpp"
#include "procyon/registration.hpp"

namespace procyon {

/// What a call that was begun will return. Dropping it cancels the call, if it has not begun to run.
template <class R>
class ManagerResult {
 public:
  explicit ManagerResult(std::unique_ptr<manager::PendingAnswer> answer) : answer_(std::move(answer)) {}

  /// Whether get() would not wait.
  [[nodiscard]] bool ready() const { return answer_->ready(); }
  /// Waits, and throws what the method threw. Once.
  R get() { return get_until(os::Deadline::never()); }
  /// Throws TimeoutError; the result may still come, and get() may be called again.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> timeout) {
    return get_until(os::Deadline::after(timeout));
  }

 private:
  R get_until(os::Deadline deadline) { return manager::value_of<R>(answer_->get(deadline)); }

  std::unique_ptr<manager::PendingAnswer> answer_;
};

namespace manager {

/// The arguments of a call as the parameters of its method.
template <class... Parameters, class... Arguments>
void write_as_parameters(wire::Writer& writer, wire::TypeList<Parameters...>, const Arguments&... arguments) {
  if constexpr (sizeof...(Parameters) != sizeof...(Arguments)) {
    static_assert(sizeof...(Parameters) == sizeof...(Arguments),
                  "procyon: this method takes another number of arguments");
  } else {
    static_assert((std::is_convertible_v<const Arguments&, Parameters> && ...),
                  "procyon: this method takes arguments of other types; see its declaration");
    if constexpr ((std::is_convertible_v<const Arguments&, Parameters> && ...))
      (wire::detail::write_as<Parameters>(writer, arguments), ...);
  }
}

/// "inc(i32)->i32" for a name that is known at run time.
template <class R, class... Arguments>
std::string signature_by_name(std::string_view name) {
  static_assert(!is_served<R>,
                "procyon: what a method returns as std::shared_ptr<Child> stays in the server: call it for a "
                "mp::Proxy<Child>, as in call<mp::Proxy<Child>>(\"child\")");
  return std::string(name) + std::string(signature::Shape<R, Arguments...>::text.view());
}

}  // namespace manager

template <class T = void>
class Proxy : public manager::ProxyBase {
 public:
  Proxy() = default;
  explicit Proxy(manager::ObjectReference reference) : ProxyBase(std::move(reference)) {}
  /// A proxy of a class as one of nobody's, for calls by name.
  template <class Other>
  requires(std::is_void_v<T> && !std::is_void_v<Other>)
      Proxy(const Proxy<Other>& other)  // NOLINT: is one, too
      : ProxyBase(other.object_reference()) {}

  /// Whether it is a proxy of something: not after default construction, and not if a method returned null.
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(object_reference()); }

  /// Calls a member function and waits for its result.
  template <auto function, class... Arguments>
  auto call(MethodTag<function>, const Arguments&... arguments) const {
    using Shape = checked_shape<function>;
    return this->template run<typename Shape::Result>(
        manager::method_id(manager::method_signature<function>()), os::Deadline::never(),
        typename Shape::Parameters{}, arguments...);
  }
  /// By name: the server must have a method with these very types.
  template <class R = void, class... Arguments>
  R call(std::string_view name, const Arguments&... arguments) const {
    return this->template run<R>(manager::method_id(manager::signature_by_name<R, Arguments...>(name)),
                                 os::Deadline::never(), wire::TypeList<wire::stored_t<Arguments>...>{},
                                 arguments...);
  }
  /// The same, but gives the call up after `timeout` (TimeoutError): one that waits for its turn is cancelled, one that runs
  /// goes on without its caller.
  template <auto function, class Rep, class Period, class... Arguments>
  auto call_for(std::chrono::duration<Rep, Period> timeout, MethodTag<function>,
                const Arguments&... arguments) const {
    using Shape = checked_shape<function>;
    return this->template run<typename Shape::Result>(
        manager::method_id(manager::method_signature<function>()), os::Deadline::after(timeout),
        typename Shape::Parameters{}, arguments...);
  }

  /// Sends the call and does not wait. Calls that were begun by one thread begin in this order.
  template <auto function, class... Arguments>
  auto begin(MethodTag<function>, const Arguments&... arguments) const {
    using Shape = checked_shape<function>;
    return this->template send<typename Shape::Result>(
        manager::method_id(manager::method_signature<function>()), typename Shape::Parameters{},
        arguments...);
  }
  template <class R = void, class... Arguments>
  ManagerResult<R> begin(std::string_view name, const Arguments&... arguments) const {
    return this->template send<R>(manager::method_id(manager::signature_by_name<R, Arguments...>(name)),
                                  wire::TypeList<wire::stored_t<Arguments>...>{}, arguments...);
  }

 private:
  // The shape of a member function of T.
  template <auto function>
  struct Checked : manager::signature::ShapeOfMember<decltype(function)> {
    static_assert(
        std::is_void_v<T> ||
            std::is_base_of_v<typename manager::signature::ShapeOfMember<decltype(function)>::Class, T>,
        "procyon: this proxy is of another class than the member function that is called");
  };
  template <auto function>
  using checked_shape = Checked<function>;

  template <class R, class Parameters, class... Arguments>
  R run(manager::MethodId method, os::Deadline deadline, Parameters parameters,
        const Arguments&... arguments) const {
    const manager::ObjectReference& self = object_reference();
    manager::OutgoingObjects outgoing(self.shared_link());
    wire::Writer writer(&outgoing);
    manager::write_as_parameters(writer, parameters, arguments...);
    return manager::value_of<R>(
        self.link().call(self.object(), method, writer.bytes(), outgoing.objects(), deadline));
  }
  template <class R, class Parameters, class... Arguments>
  ManagerResult<R> send(manager::MethodId method, Parameters parameters,
                        const Arguments&... arguments) const {
    const manager::ObjectReference& self = object_reference();
    manager::OutgoingObjects outgoing(self.shared_link());
    wire::Writer writer(&outgoing);
    manager::write_as_parameters(writer, parameters, arguments...);
    return ManagerResult<R>(self.link().begin(self.object(), method, writer.bytes(), outgoing.objects()));
  }
};

/// Many calls in one message, of objects of one server. They begin in the order in which they were added.
class Batch {
 public:
  /// Adds a call, and returns its number.
  template <class T, auto function, class... Arguments>
  std::size_t add(const Proxy<T>& proxy, MethodTag<function>, const Arguments&... arguments) {
    using Shape = manager::signature::ShapeOfMember<decltype(function)>;
    return add_call(proxy.object_reference(), manager::method_id(manager::method_signature<function>()),
                    typename Shape::Parameters{}, arguments...);
  }
  template <class R = void, class T, class... Arguments>
  std::size_t add(const Proxy<T>& proxy, std::string_view name, const Arguments&... arguments) {
    return add_call(proxy.object_reference(),
                    manager::method_id(manager::signature_by_name<R, Arguments...>(name)),
                    wire::TypeList<wire::stored_t<Arguments>...>{}, arguments...);
  }

  [[nodiscard]] std::size_t size() const { return calls_.size(); }
  /// Sends them and waits until all have ended; the batch is empty then. Throws ManagerGone; what single calls threw,
  /// outcome() tells, and check() throws.
  void run() { run_until(os::Deadline::never()); }
  template <class Rep, class Period>
  void run(std::chrono::duration<Rep, Period> timeout) {
    run_until(os::Deadline::after(timeout));
  }
  /// Of the call of that number, once.
  template <class R>
  Outcome<R> outcome(std::size_t number) {
    manager::BatchOutcome& one = outcomes_.at(number);
    if (one.error) return Outcome<R>(one.error);
    try {
      if constexpr (std::is_void_v<R>) {
        return Outcome<void>();
      } else {
        return Outcome<R>(manager::value_of<R>(std::move(one.answer)));
      }
    } catch (...) {
      return Outcome<R>(std::current_exception());
    }
  }
  /// Throws the first error of them.
  void check() const;

 private:
  template <class Parameters, class... Arguments>
  std::size_t add_call(const manager::ObjectReference& target, manager::MethodId method,
                       Parameters parameters, const Arguments&... arguments) {
    manager::OutgoingObjects outgoing(target.shared_link());
    wire::Writer writer(&outgoing);
    manager::write_as_parameters(writer, parameters, arguments...);
    const auto bytes = writer.bytes();
    add_encoded(target, method, {bytes.begin(), bytes.end()}, outgoing.objects());
    return calls_.size() - 1;
  }
  void add_encoded(const manager::ObjectReference& target, manager::MethodId method,
                   std::vector<std::byte> arguments, std::vector<manager::ObjectReference> objects);
  void run_until(os::Deadline deadline);

  std::vector<manager::BatchCall> calls_;
  std::vector<manager::BatchOutcome> outcomes_;
};

}  // namespace procyon

namespace procyon::wire {

template <class T>
struct Codec<Proxy<T>> {
  using Parts = TypeList<>;
  static void write(Writer& writer, const Proxy<T>& proxy) {
    manager::write_reference(writer, proxy.object_reference(), manager::signature_of<Proxy<T>>());
  }
  static Proxy<T> read(Reader& reader) {
    if constexpr (std::is_void_v<T>) {
      return Proxy<T>(manager::read_any_reference(reader));
    } else {
      return Proxy<T>(manager::read_reference(reader, manager::signature_of<Proxy<T>>()));
    }
  }
};

}  // namespace procyon::wire
