// EventProxy: a flag of a manager's server that processes wait for.
//
//   auto ready = manager.Event();
//   ready.set();                       // all who wait go on; who comes later does not wait
//
// An mp::Event in the memory of its server's session (event.hpp): processes of that session use it there, without the server,
// and it outlives the server for them; others ask the server. A proxy is a reference: copies, and what arrives in another
// process, are the same event. To be used by any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "procyon/detail/manager/standard_proxy.hpp"
#include "procyon/event.hpp"

namespace procyon {

class EventProxy : public manager::StandardProxy {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Event")); }

  /// For the library: a proxy of an object that is an Event.
  explicit EventProxy(manager::ObjectReference object);

  [[nodiscard]] bool is_set() const;
  void set() const;
  void clear() const;
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
