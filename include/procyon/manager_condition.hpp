// ConditionProxy: waiting until another client of a manager's server has changed something, under a lock.
//
//   auto changed = manager.Condition();                     // with an RLock of its own; or Condition(rlock), sharing that
//   {
//     std::scoped_lock guard(changed);
//     changed.wait_for([&] { return totals.at("all") >= 100; });
//   }
//
// As mp::Condition (condition.hpp): wait() frees the lock, waits until it is notified, and takes the lock again; notify() wakes
// those who waited before it. The end of a waiter's process takes no wake-up from the others. When a process ends while it
// holds the lock, the next to have it, also out of wait(), gets OwnerDied.
//
//   auto lock = manager.RLock();
//   auto filled = manager.Condition(lock);
//   auto emptied = manager.Condition(lock);
//
// These three are handles of one lock: what a thread took through one it holds in all, and may release through any. wait()
// frees the lock wholly, however often and through whichever of them it was taken, and takes it back as often. So does the
// death of its owner, which is told to the next one whichever handle that uses. notify() wakes those who wait in the same
// condition. The lock of a LockProxy cannot be shared: it lies in the session's memory and is taken there without the server.
// Use an RLock(), or, in one session, mp::Condition(*lock.local()).
//
// A proxy is a reference: copies, and what arrives in another process, are the same condition. To be used by any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "procyon/detail/manager/lock_proxy.hpp"

namespace procyon {

class ConditionProxy : public manager::LockMethods {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Condition")); }

  /// For the library: a proxy of an object that is a Condition.
  explicit ConditionProxy(manager::ObjectReference object) : LockMethods(std::move(object)) {}

  // The lock. As RLockProxy has it.
  void acquire() const { take(manager::WaitingTime::for_ever(), "Condition"); }
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) const {
    return take(manager::WaitingTime::of(timeout), "Condition");
  }
  void release() const { free(); }
  [[nodiscard]] bool locked() const { return is_held(); }
  void lock() const { acquire(); }
  [[nodiscard]] bool try_lock() const { return take(manager::WaitingTime::none(), "Condition"); }
  void unlock() const { free_if_there(); }

  /// Waits until it is notified. The lock must be held by this thread, and is held again afterwards: std::logic_error
  /// otherwise. Throws OwnerDied.
  void wait() const { wait_in(manager::WaitingTime::for_ever()); }
  /// The same for at most `timeout`; false if it was not notified in time.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return wait_in(manager::WaitingTime::of(timeout));
  }

  /// Waits until `predicate()`, called with the lock held, is true.
  template <class Predicate>
  void wait_for(Predicate predicate) const {
    while (!predicate()) wait();
  }
  /// The same for at most `timeout`; returns what the predicate said last.
  template <class Predicate, class Rep, class Period>
  [[nodiscard]] bool wait_for(Predicate predicate, std::chrono::duration<Rep, Period> timeout) const {
    const os::Deadline deadline = os::Deadline::after(timeout);
    while (!predicate())
      if (!wait(deadline.remaining())) return predicate();
    return true;
  }

  /// Wakes `count` of those who wait, or all if they are fewer. The lock must be held: std::logic_error.
  void notify(std::size_t count = 1) const { invoke("notify(u64)", std::uint64_t{count}); }
  void notify_all() const { notify(SIZE_MAX); }

 private:
  bool wait_in(manager::WaitingTime time) const {
    return come_back("wait(i64)->lock_answer", time, "Condition");
  }
};

}  // namespace procyon
