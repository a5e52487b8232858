// The lock of a structure that repairs itself: held for a scope, and what a dead owner left is mended before anybody
// else sees it.
//
//   const sync::StateLock lock(state.lock, [&] { state.recount(); });
//
// For states of the library, whose every half-done step can be told and finished by whoever comes next. Users' data is
// protected by a Lock, and its repair is theirs (owner_died.hpp). Not recursive.
#pragma once

#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::sync {

template <class Word>
class BasicStateLock {
 public:
  /// `repair` is called with the lock held if an owner died; should it be killed too, the next one calls it again.
  template <class Repair>
  BasicStateLock(Word& word, Repair&& repair, os::Deadline deadline = os::Deadline::never()) : word_(word) {
    arena::Acquired acquired = word.lock(deadline);
    // It is held for instructions only, so who does not want to wait for a message waits for the lock: otherwise
    // get_nowait() would say that a queue is empty because somebody else takes from it. Bounded: a holder may be stopped.
    if (acquired == arena::Acquired::not_in_time && deadline == os::Deadline::now()) [[unlikely]]
      acquired = word.lock(os::Deadline::after(os::wait_slice));
    held_ = acquired != arena::Acquired::not_in_time;
    if (acquired == arena::Acquired::after_owner_died) [[unlikely]] {
      repair();
      word.mark_recovered();
    }
  }
  BasicStateLock(const BasicStateLock&) = delete;
  BasicStateLock& operator=(const BasicStateLock&) = delete;
  ~BasicStateLock() { unlock(); }

  void unlock() {
    if (held_) word_.unlock();
    held_ = false;
  }
  /// False if it was not to be had in time.
  [[nodiscard]] bool held() const { return held_; }

 private:
  Word& word_;
  bool held_;
};

using StateLock = BasicStateLock<arena::OwnerWord>;

}  // namespace procyon::sync
