// Event: a flag that processes wait for.
//
//   mp::Event ready;
//   mp::Process child([](mp::Event ready) { ready.wait(); ... }, ready);
//   child.start();
//   ready.set();                            // all who wait go on; who comes later does not wait
//
// Copies, and what arrives in another process, are the same event. set() without waiters costs no system call.
// The death of a waiter, or of who sets it, at any instruction keeps nobody waiting: the flag is one store.
// Not for handing over items (Queue) or for waiting on a condition over shared data (Condition).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/detail/sync/watch.hpp"

namespace procyon {

namespace sync {

/// Format: one futex word; bit 0: set, bit 1: somebody may sleep on it, the others: bells to ring (doorbell.hpp). Anybody
/// may change any by one atomic operation. A death between set() and its wake leaves sleepers to the end of their slice
/// (os::wait_slice); a dead sleeper leaves bit 1 set for nobody, which costs the next set() a futile wake.
struct EventState : arena::Counted {
  static constexpr std::uint32_t set_bit = 1;
  static constexpr std::uint32_t sleepers_bit = 2;
  os::FutexWord word{0};
};

inline constexpr arena::ObjectType event_type{"Event", 3};

}  // namespace sync

class Event {
 public:
  using procyon_shared_object = void;

  /// A new event, not set. Throws SessionError when shared memory is exhausted.
  Event();
  /// For the library: another reference to an event.
  explicit Event(arena::Reference reference);

  [[nodiscard]] bool is_set() const;
  /// Sets the flag and lets everyone who waits go on. What was written before is seen by them (release).
  void set();
  void clear();

  /// Waits until the flag is set.
  void wait() const { wait_until(os::Deadline::never()); }
  /// The same for at most `timeout`; returns whether the flag is set.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return wait_until(os::Deadline::after(timeout));
  }

  /// For event loops (poll, epoll, asio): a descriptor of this process that becomes readable soon after the flag was set, and
  /// unreadable when this process clears it, or finds it cleared by is_set() or wait(). When another process has cleared it,
  /// it is readable for a tenth of a second longer at most; an edge-triggered loop, which is told once of each time that
  /// it becomes readable, therefore clears the flag itself. A set() that a clear() follows at once may pass unnoticed.
  /// It stays the event's: nothing is read from it, and it is open as long as this object or a copy made since. In a forked
  /// child ask again. The first call starts a library thread. Throws std::system_error.
  [[nodiscard]] int fileno() const;
  /// For wait(): ready while the flag is set.
  [[nodiscard]] sync::WaitTarget wait_target() const;

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  bool wait_until(os::Deadline deadline) const;
  [[nodiscard]] os::FutexWord& word() const { return reference_.get<sync::EventState>().word; }

  arena::Reference reference_;
  mutable sync::WatchSlot watch_;
};

}  // namespace procyon
