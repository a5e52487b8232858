// Batch: many calls of objects in one manager's server, sent in one message and answered in one.
//
//   mp::Batch batch;
//   auto total = batch.add(counter, mp::m<&Counter::inc>, 1);     // of a registered class (proxy.hpp)
//   batch.on(ages).set("Ada", 36);                                // of a dict, list, ...: its own methods
//   auto age = batch.on(ages).at("Grace");
//   batch.run();
//   use(batch.outcome(total).value(), batch.outcome(age).value());
//
// They begin in the order in which they were added; it is not a transaction: calls of others come between, and an error of one
// does not stop the next. A hundred calls in a batch cost about as much as eight single ones. Where a call needs the result of
// one before it, begin() and async() (manager_result.hpp).
//
// For one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/manager/proxy_base.hpp"
#include "procyon/detail/manager/typed_call.hpp"
#include "procyon/outcome.hpp"
#include "procyon/registration.hpp"

namespace procyon {

template <class T>
class Proxy;

namespace manager {
class InBatch;
}

/// Where the result of a call of a Batch will be: give it to outcome() of that batch.
template <class R>
class BatchPlace {
 public:
  /// For the library.
  BatchPlace(std::size_t number, std::function<R(manager::Answer)> read)
      : number_(number), read_(std::move(read)) {}

  /// Counted from 0, in the order in which calls were added.
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  friend class Batch;
  std::size_t number_;
  std::function<R(manager::Answer)> read_;
};

class Batch {
 public:
  /// Adds a call of an object of a registered class.
  template <class T, auto function, class... Arguments>
  auto add(const Proxy<T>& proxy, MethodTag<function>, const Arguments&... arguments) {
    using Shape = manager::signature::ShapeOfMember<decltype(function)>;
    return add_call<typename Shape::Result>(proxy.object_reference(),
                                            manager::method_id(manager::method_signature<function>()),
                                            typename Shape::Parameters{}, arguments...);
  }
  template <class R = void, class T, class... Arguments>
  BatchPlace<R> add(const Proxy<T>& proxy, std::string_view name, const Arguments&... arguments) {
    return add_call<R>(proxy.object_reference(),
                       manager::method_id(manager::signature_by_name<R, Arguments...>(name)),
                       wire::TypeList<wire::stored_t<Arguments>...>{}, arguments...);
  }
  /// The methods of a dict, list, set, ...: each adds its call, and returns its place. To be used at once, while both are there.
  template <class StandardProxy>
  auto on(const StandardProxy& proxy) {
    constexpr bool has_calls = requires { typename StandardProxy::template Calls<manager::InBatch>; };
    static_assert(has_calls,
                  "procyon: objects of this type have no calls for a Batch: those of a registered class have "
                  "add(), and what waits for its turn, as a lock, must have somebody who waits");
    if constexpr (has_calls)
      return typename StandardProxy::template Calls<manager::InBatch>(proxy.object_reference(), *this);
  }

  [[nodiscard]] std::size_t size() const { return calls_.size(); }
  /// Sends them and waits until all have ended; the batch is empty then. Throws ManagerGone; what single calls threw,
  /// outcome() tells, and check() throws.
  void run() { run_until(os::Deadline::never()); }
  template <class Rep, class Period>
  void run(std::chrono::duration<Rep, Period> timeout) {
    run_until(os::Deadline::after(timeout));
  }

  /// Of the call of that place in the last run(), once.
  template <class R>
  Outcome<R> outcome(const BatchPlace<R>& place) {
    return outcome_of<R>(place.number_, place.read_);
  }
  /// The same by its number, for calls that add() has added.
  template <class R>
  Outcome<R> outcome(std::size_t number) {
    return outcome_of<R>(number, &manager::value_of<R>);
  }
  /// Throws the first error of them.
  void check() const;

 private:
  friend class manager::InBatch;

  template <class R, class Parameters, class... Arguments>
  BatchPlace<R> add_call(const manager::ObjectReference& target, manager::MethodId method,
                         Parameters parameters, const Arguments&... arguments) {
    manager::OutgoingObjects outgoing(target.shared_link());
    wire::Writer writer(&outgoing);
    manager::write_as_parameters(writer, parameters, arguments...);
    return {add_encoded(target, method, writer.bytes(), outgoing.objects()), &manager::value_of<R>};
  }
  /// Returns its number.
  std::size_t add_encoded(const manager::ObjectReference& target, manager::MethodId method,
                          std::span<const std::byte> arguments,
                          std::span<const manager::ObjectReference> objects);
  void run_until(os::Deadline deadline);

  template <class R, class Read>
  Outcome<R> outcome_of(std::size_t number, const Read& read) {
    manager::BatchOutcome& one = outcomes_.at(number);
    if (one.error) return Outcome<R>(one.error);
    try {
      if constexpr (std::is_void_v<R>) {
        read(std::move(one.answer));
        return Outcome<void>();
      } else {
        return Outcome<R>(read(std::move(one.answer)));
      }
    } catch (...) {
      return Outcome<R>(std::current_exception());
    }
  }

  std::vector<manager::BatchCall> calls_;
  std::vector<manager::BatchOutcome> outcomes_;
};

}  // namespace procyon
