// Lock and RLock: mutual exclusion between processes (and their threads) that outlives a killed owner.
//
//   mp::Lock lock;
//   mp::Process worker([](mp::Lock lock) {
//     std::scoped_lock guard(lock);          // or lock.acquire() ... lock.release()
//     ...
//   }, lock);
//
// A Lock has no owner in the eyes of release(): any thread of any process may free it, as in Python. An RLock may be
// taken again by the thread that holds it, and only that thread frees it. When a process ends in whatever way while it
// holds one, the next to take it gets OwnerDied (see owner_died.hpp). A thread that ends holding one is a bug, as ever.
//
// A Lock object is a reference: copies, and what arrives in another process as an argument or through a queue, are the
// same lock. 64 bytes of shared memory each. Uncontended, taking and freeing cost no system call.
// Not for threads of one process only: std::mutex is smaller there.
#pragma once

#include <chrono>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/sync/robust_word.hpp"

namespace procyon {

namespace sync {

struct LockState : arena::Counted {
  RobustWord word;
};

inline constexpr arena::ObjectType lock_type{"Lock", 1};
inline constexpr arena::ObjectType rlock_type{"RLock", 2};

/// `reference` itself, if it is of that type; otherwise std::logic_error.
arena::Reference checked(arena::Reference reference, arena::ObjectType type);

/// std::logic_error for a release that nothing was taken for.
[[noreturn]] void throw_released_too_often(const char* object);
[[noreturn]] void throw_released_by_a_stranger(const char* object);

}  // namespace sync

class Lock {
 public:
  using procyon_shared_object = void;

  /// A new lock, free. Throws SessionError when shared memory is exhausted.
  Lock() : Lock(arena::Reference::create<sync::LockState>(sync::lock_type)) {}
  /// For the library: another reference to a lock.
  explicit Lock(arena::Reference reference)
      : reference_(sync::checked(std::move(reference), sync::lock_type)),
        word_(&reference_.get<sync::LockState>().word) {}

  /// Waits until the lock is ours. Throws OwnerDied.
  void acquire() { word_->take(os::Deadline::never(), reference_, "Lock"); }
  /// The same for at most `timeout` (zero or negative: does not wait); false if it was not free in time.
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) {
    return word_->take(os::Deadline::after(timeout), reference_, "Lock");
  }
  /// Frees it, whoever took it. Throws std::logic_error if it is not taken.
  void release() {
    if (!word_->free()) sync::throw_released_too_often("Lock");
  }
  /// Whether somebody holds it, at this moment.
  [[nodiscard]] bool locked() const { return word_->is_held(); }

  // Lockable, so that std::unique_lock, std::scoped_lock and std::lock take it.
  void lock() { acquire(); }
  [[nodiscard]] bool try_lock() { return word_->take(os::Deadline::now(), reference_, "Lock"); }
  void unlock() { release(); }

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  arena::Reference reference_;
  sync::RobustWord* word_;
};

class RLock {
 public:
  using procyon_shared_object = void;

  RLock() : RLock(arena::Reference::create<sync::LockState>(sync::rlock_type)) {}
  /// For the library: another reference to an RLock.
  explicit RLock(arena::Reference reference)
      : reference_(sync::checked(std::move(reference), sync::rlock_type)),
        word_(&reference_.get<sync::LockState>().word) {}
  /// For the library: the lock that lies inside another object.
  RLock(arena::Reference owner, sync::RobustWord& word) : reference_(std::move(owner)), word_(&word) {}

  /// Waits until the lock is this thread's; at once if it is already. Throws OwnerDied.
  void acquire() { word_->take_again(os::Deadline::never(), reference_, "RLock"); }
  /// The same for at most `timeout` (zero or negative: does not wait); false if it was not to be had in time.
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) {
    return word_->take_again(os::Deadline::after(timeout), reference_, "RLock");
  }
  /// Takes back one acquire(). Throws std::logic_error in a thread that does not hold it.
  void release() {
    if (!word_->free_one_level()) sync::throw_released_by_a_stranger("RLock");
  }
  [[nodiscard]] bool locked() const { return word_->is_held(); }

  void lock() { acquire(); }
  [[nodiscard]] bool try_lock() { return word_->take_again(os::Deadline::now(), reference_, "RLock"); }
  void unlock() { release(); }

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  arena::Reference reference_;
  sync::RobustWord* word_;
};

}  // namespace procyon
