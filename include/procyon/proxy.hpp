// Proxy: an object of a registered class that lies in a manager's server, as any process sees it.
//
//   mp::Proxy<Counter> counter = manager.create<Counter>("Counter");
//   int n = counter.call(mp::m<&Counter::inc>, 5);              // checked by the compiler
//   int same = counter.call<int>("inc", 5);                     // by name, for programs that do not have the class
//   auto later = counter.begin(mp::m<&Counter::inc>, 1);        // sent; later.get() waits (manager_result.hpp)
//
//   mp::Batch batch;                                            // many calls, one message (batch.hpp)
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
#include <string_view>
#include <type_traits>
#include <utility>

#include "procyon/batch.hpp"
#include "procyon/detail/manager/proxy_base.hpp"
#include "procyon/detail/manager/signature.hpp"
#include "procyon/detail/manager/typed_call.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"
#include "procyon/manager_result.hpp"
#include "procyon/registration.hpp"

namespace procyon {

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
    return ManagerResult<R>(self.link().begin(self.object(), method, writer.bytes(), outgoing.objects()),
                            &manager::value_of<R>);
  }
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
