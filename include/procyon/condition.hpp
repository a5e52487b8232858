// Condition: waiting until somebody has changed shared data, under a lock.
//
//   mp::Condition changed;                      // with an RLock of its own; or changed(lock), sharing a Lock or RLock
//   {
//     std::scoped_lock guard(changed);
//     changed.wait_for([&] { return total.value() >= 100; });
//   }
//   // and in another process
//   {
//     std::scoped_lock guard(changed);
//     total.value() += 10;
//     changed.notify_all();
//   }
//
// wait() frees the lock, sleeps until it is notified, and takes the lock again. notify() wakes those who waited before
// it, and does not wait for them. The death of a waiter loses no wake-up of the others: what was meant for it wakes
// another. After such a death a wait may return although nobody notified it, as std::condition_variable's may always:
// look at the data again, or use wait_for(). When somebody died while he held the lock, wait() throws OwnerDied (see
// owner_died.hpp) in one of those who wait, as taking the lock does; the guard around it may be left on the way to the
// handler. The dead one may have been about to notify: a handler that repairs the data notifies the others.
//
// Copies, and what arrives in another process, are the same condition. notify() without waiters costs no system call.
// Not for a flag (Event), items (Queue) or a number of free places (Semaphore).
#pragma once

#include <chrono>
#include <cstddef>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/lock.hpp"

namespace procyon {

namespace sync {

struct ConditionState;

inline constexpr arena::ObjectType condition_type{"Condition", 9};

}  // namespace sync

class Condition {
 public:
  using procyon_shared_object = void;

  /// With an RLock of its own. Throws SessionError when shared memory is exhausted.
  Condition();
  /// With a lock that exists. A thread that waits with a Lock must hold it, like any other, though the Lock does not
  /// know its owner.
  explicit Condition(const Lock& lock) : Condition(lock.reference(), nullptr) {}
  explicit Condition(const RLock& lock) : Condition(lock.reference(), nullptr) {}
  /// For the library: another reference to a condition.
  explicit Condition(arena::Reference reference);

  // The lock. As Lock or RLock have it.
  void acquire() { take(os::Deadline::never()); }
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) {
    return take(os::Deadline::after(timeout));
  }
  void release();
  [[nodiscard]] bool locked() const { return word_->is_held(); }
  void lock() { acquire(); }
  [[nodiscard]] bool try_lock() { return take(os::Deadline::now()); }
  void unlock() { release(); }

  /// Waits until it is notified. The lock must be held, and is held again afterwards. Throws std::logic_error if it is
  /// not held; OwnerDied.
  void wait() { wait_until(os::Deadline::never()); }
  /// The same for at most `timeout`; false if it was not notified in time.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) {
    return wait_until(os::Deadline::after(timeout));
  }

  /// Waits until `predicate()`, called with the lock held, is true.
  template <class Predicate>
  void wait_for(Predicate predicate) {
    while (!predicate()) wait();
  }
  /// The same for at most `timeout`; returns what the predicate said last.
  template <class Predicate, class Rep, class Period>
  [[nodiscard]] bool wait_for(Predicate predicate, std::chrono::duration<Rep, Period> timeout) {
    const os::Deadline deadline = os::Deadline::after(timeout);
    while (!predicate())
      if (!wait_until(deadline)) return predicate();
    return true;
  }

  /// Wakes `count` of those who wait, or all if they are fewer. The lock must be held: std::logic_error.
  void notify(std::size_t count = 1);
  void notify_all() { notify(SIZE_MAX); }

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  Condition(const arena::Reference& lock, std::nullptr_t);

  bool take(os::Deadline deadline);
  bool wait_until(os::Deadline deadline);
  void require_held(const char* what) const;

  arena::Reference reference_;
  arena::Reference lock_;  // empty: the lock in the state
  sync::ConditionState* state_;
  sync::RobustWord* word_;
  bool is_recursive_ = true;
};

}  // namespace procyon
