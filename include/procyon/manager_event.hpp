// EventProxy: a flag of a manager's server that processes wait for.
//
//   auto ready = manager.Event();
//   ready.set();                       // all who wait go on; who comes later does not wait
//   batch.on(results).set("a", 1), batch.on(ready).set();       // one message for both (batch.hpp)
//
// An mp::Event in the memory of its server's session (event.hpp): processes of that session use it there, without the server,
// and it outlives the server for them; others ask the server. A proxy is a reference: copies, and what arrives in another
// process, are the same event. To be used by any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "procyon/detail/manager/calls.hpp"
#include "procyon/event.hpp"

namespace procyon {

/// The methods of an Event that are one call each and do not wait, through the server: begun by async(), in a batch by
/// Batch::on() (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class How>
class EventCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  [[nodiscard]] Result<bool> is_set() const {
    return this->call("is_set()->bool", manager::ReadPlain<bool>{});
  }
  Result<void> set() const { return this->call("set()", manager::ReadNothing{}); }
  Result<void> clear() const { return this->call("clear()", manager::ReadNothing{}); }
};

class EventProxy : public EventCalls<manager::AtOnce> {
  using Remote = EventCalls<manager::AtOnce>;

 public:
  template <class How>
  using Calls = EventCalls<How>;
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Event")); }

  /// For the library: a proxy of an object that is an Event.
  explicit EventProxy(manager::ObjectReference object);

  /// Calls that are sent to the server without waiting, also within its session: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const { return Calls<manager::Begun>(object_reference()); }

  [[nodiscard]] bool is_set() const { return local_ ? local_->is_set() : Remote::is_set(); }
  void set() const { local_ ? local_->set() : Remote::set(); }
  void clear() const { local_ ? local_->clear() : Remote::clear(); }
  /// Waits until the flag is set.
  void wait() const { wait_in(manager::WaitingTime::for_ever()); }
  /// The same for at most `timeout`; returns whether it was set.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return wait_in(manager::WaitingTime::of(timeout));
  }

  /// The event itself, if it lies in this process's session: for wait().
  [[nodiscard]] const std::optional<Event>& local() const { return local_; }

 private:
  bool wait_in(manager::WaitingTime time) const;

  mutable std::optional<Event> local_;
};

}  // namespace procyon
