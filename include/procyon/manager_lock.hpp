// LockProxy and RLockProxy: locks of a manager's server, for processes that need not be of one program or machine.
//
//   mp::Manager manager;
//   auto lock = manager.Lock();
//   mp::Process worker([](mp::LockProxy lock) { std::scoped_lock guard(lock); ... }, lock);
//
// As mp::Lock and mp::RLock (lock.hpp): any thread may release a Lock, only its owner an RLock. When a client ends in whatever
// way while it holds one, the next to take it gets OwnerDied (owner_died.hpp); waits of the dead are dropped. Who waits is
// served in the order of coming.
//
// A Lock lies in the memory of its server's session: processes of that session use it there, without the server, and it
// outlives the server for them. Others, and all users of an RLock, ask the server. unlock(), which guards call, says nothing
// if the server is gone, for then the lock is; release() throws ManagerGone.
//
// A proxy is a reference: copies, and what arrives in another process, are the same lock. To be used by any thread. Within one
// program an mp::Lock needs no server.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "procyon/detail/manager/lock_proxy.hpp"
#include "procyon/lock.hpp"

namespace procyon {

class LockProxy : public manager::LockMethods {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Lock")); }

  /// For the library: a proxy of an object that is a Lock.
  explicit LockProxy(manager::ObjectReference object);

  /// Waits until the lock is ours. Throws OwnerDied.
  void acquire() const { take_here_or_there(manager::WaitingTime::for_ever()); }
  /// The same for at most `timeout` (zero or negative: does not wait); false if it was not free in time.
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) const {
    return take_here_or_there(manager::WaitingTime::of(timeout));
  }
  /// Frees it, whoever took it. Throws std::logic_error if it is not taken.
  void release() const;
  [[nodiscard]] bool locked() const { return local_ ? local_->locked() : is_held(); }

  // Lockable, so that std::unique_lock, std::scoped_lock and std::lock take it.
  void lock() const { acquire(); }
  [[nodiscard]] bool try_lock() const { return take_here_or_there(manager::WaitingTime::none()); }
  void unlock() const;

  /// The lock itself, if it lies in this process's session.
  [[nodiscard]] const std::optional<Lock>& local() const { return local_; }

 private:
  bool take_here_or_there(manager::WaitingTime time) const;

  mutable std::optional<Lock> local_;
};

class RLockProxy : public manager::LockMethods {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("RLock")); }

  /// For the library: a proxy of an object that is an RLock.
  explicit RLockProxy(manager::ObjectReference object) : LockMethods(std::move(object)) {}

  /// Waits until the lock is this thread's; at once if it is already. Throws OwnerDied.
  void acquire() const { take(manager::WaitingTime::for_ever(), "RLock"); }
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) const {
    return take(manager::WaitingTime::of(timeout), "RLock");
  }
  /// Takes back one acquire(). Throws std::logic_error in a thread that does not hold it.
  void release() const { free(); }
  [[nodiscard]] bool locked() const { return is_held(); }

  void lock() const { acquire(); }
  [[nodiscard]] bool try_lock() const { return take(manager::WaitingTime::none(), "RLock"); }
  void unlock() const { free_if_there(); }
};

}  // namespace procyon
