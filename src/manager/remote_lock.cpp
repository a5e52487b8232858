#include "manager/remote_lock.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/manager/lock_answer.hpp"
#include "procyon/lock.hpp"

namespace procyon::manager {

/// What the thread aside took.
struct RemoteLock::Taken {
  arena::Acquired acquired = arena::Acquired::not_in_time;
  std::uint64_t word = 0;
};

bool RemoteLock::is_held_for(const Caller& caller) const {
  return holder_ && holder_->caller == caller && word_.is_held_by(holder_->word);
}

bool RemoteLock::is_tenure_of(ClientId client, std::uint64_t tenure) const {
  return holder_ && holder_->caller.client == client && tenure_ == tenure && word_.is_held_by(holder_->word);
}

void RemoteLock::acquire(IncomingCall call, os::Deadline deadline) {
  if (kind_ == Kind::rlock && is_held_for(call.caller())) {
    ++holder_->depth;
    return call.reply(LockAnswer{LockOutcome::taken, true, tenure_});
  }
  const auto taken = std::make_shared<Taken>();
  waits_.add(
      std::move(call), deadline,
      {.try_now =
           [this](IncomingCall& waiting) {
             const arena::Acquired acquired = word_.take_for_another(os::Deadline::now());
             if (acquired == arena::Acquired::not_in_time) return false;
             grant(waiting, acquired, arena::self_word());
             return true;
           },
       .wait =
           [this, taken](os::Deadline slice) {
             *taken = {word_.take_for_another(slice), arena::self_word()};
             return taken->acquired != arena::Acquired::not_in_time;
           },
       .finish = [this, taken](IncomingCall& waiting) { grant(waiting, taken->acquired, taken->word); },
       .undo =
           [this, taken] {
             // A mark that it was taken with stays in the word.
             holder_.reset();
             word_.free();
           },
       .too_late = [](IncomingCall& waiting) { waiting.reply(LockAnswer{}); }});
}

void RemoteLock::grant(IncomingCall& call, arena::Acquired acquired, std::uint64_t word) {
  holder_ = Holder{call.caller(), word};
  ++tenure_;
  call.reply(
      LockAnswer{acquired == arena::Acquired::cleanly ? LockOutcome::taken : LockOutcome::taken_from_the_dead,
                 true, tenure_});
}

void RemoteLock::free() {
  holder_.reset();
  if (!word_.free()) sync::throw_released_too_often("Lock");
}

void RemoteLock::release(Caller caller) {
  if (kind_ == Kind::lock) return free();
  if (!is_held_for(caller)) sync::throw_released_by_a_stranger("RLock");
  if (--holder_->depth == 0) free();
}

void RemoteLock::recover(ClientId client, std::uint64_t tenure) {
  if (is_tenure_of(client, tenure)) word_.mark_recovered();
}

void RemoteLock::give_back(ClientId client, std::uint64_t tenure) {
  if (is_tenure_of(client, tenure) && --holder_->depth == 0) free();
}

void RemoteLock::client_gone(ClientId client) {
  waits_.client_gone(client);
  if (!holder_ || holder_->caller.client != client) return;
  word_.free_as_dead(holder_->word);
  holder_.reset();
}

}  // namespace procyon::manager
