// A lock that knows its owner, a thread of a client, and what becomes of it when that client is gone: the state machine of
// RLock and of the lock inside a Condition.
//
// free -- acquire --> held (depth 1, 2, ...) -- release --> free, or held by whoever waits longest
// held -- the owner's client is gone --> marked; the next owner is told so, and each one after it until one has said
// recover().
//
// Each time that the lock gets an owner is a tenure with a number of its own. What an OwnerDied in a client holds, it gives
// back by that number: a late or second message of that kind does nothing.
//
// Several objects of the server may share one (see served_rlock.hpp). The end of a client is then told by each of them: the
// first time does everything, the others find the lock with another owner, or free.
#pragma once

#include <cstdint>
#include <functional>

#include "manager/waiting_calls.hpp"
#include "procyon/detail/manager/lock_answer.hpp"

namespace procyon::manager {

class OwnedLock {
 public:
  explicit OwnedLock(Loop& loop) : waiting_(loop) {}

  /// Answers with a LockAnswer, now or when the lock is the caller's or the deadline has passed.
  void acquire(IncomingCall call, os::Deadline deadline);
  /// Takes back one acquire(). Throws std::logic_error if it is not the caller's.
  void release(Caller caller);
  /// See the top. Both do nothing if the tenure is over.
  void recover(ClientId client, std::uint64_t tenure);
  void give_back(ClientId client, std::uint64_t tenure);

  /// For Condition: frees it wholly, and says how often the caller, its owner, had taken it.
  std::uint32_t free_all();
  /// For Condition: makes the call wait, without a time, for the lock at that depth; it is answered with `notified` then.
  void take_back(IncomingCall call, std::uint32_t depth, bool notified);

  [[nodiscard]] bool is_held() const { return depth_ != 0; }
  [[nodiscard]] bool is_held_by(Caller caller) const { return is_held() && owner_ == caller; }

  /// Whether there was such a call, which is then ended.
  bool cancel(ClientId client, std::uint64_t number);
  void client_gone(ClientId client);

 private:
  struct Wanted {
    std::uint32_t depth = 1;
    bool notified = true;
    bool comes_back = false;  // from Condition::wait()
  };

  void grant(IncomingCall& call, const Wanted& wanted);
  void hand_on();

  WaitingCalls<Wanted> waiting_;
  Caller owner_;
  std::uint32_t depth_ = 0;
  std::uint64_t tenure_ = 0;
  bool marked_ = false;
};

}  // namespace procyon::manager
