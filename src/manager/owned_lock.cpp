#include "manager/owned_lock.hpp"

#include <stdexcept>
#include <utility>

namespace procyon::manager {

void OwnedLock::acquire(IncomingCall call, os::Deadline deadline) {
  if (is_held_by(call.caller())) {
    ++depth_;
    call.reply(LockAnswer{LockOutcome::taken, true, tenure_});
  } else if (!is_held()) {
    grant(call, {});
  } else if (deadline.expired()) {
    call.reply(LockAnswer{});
  } else {
    waiting_.add(std::move(call), deadline, {}, [](auto waiter) { waiter.call.reply(LockAnswer{}); });
  }
}

void OwnedLock::grant(IncomingCall& call, const Wanted& wanted) {
  owner_ = call.caller();
  // What its OwnerDied holds is one level more: a guard that is left on the way to the handler frees the others.
  const bool more = marked_ && wanted.comes_back;
  depth_ = wanted.depth + (more ? 1 : 0);
  ++tenure_;
  call.reply(
      LockAnswer{marked_ ? LockOutcome::taken_from_the_dead : LockOutcome::taken, wanted.notified, tenure_});
}

void OwnedLock::hand_on() {
  depth_ = 0;
  if (auto next = waiting_.take_first()) grant(next->call, next->data);
}

void OwnedLock::release(Caller caller) {
  if (!is_held_by(caller))
    throw std::logic_error(is_held()
                               ? "procyon: this lock was taken by another thread, which alone may release it"
                               : "procyon: this lock was released more often than it was taken");
  if (--depth_ == 0) hand_on();
}

void OwnedLock::recover(ClientId client, std::uint64_t tenure) {
  if (is_held() && owner_.client == client && tenure_ == tenure) marked_ = false;
}

void OwnedLock::give_back(ClientId client, std::uint64_t tenure) {
  if (is_held() && owner_.client == client && tenure_ == tenure && --depth_ == 0) hand_on();
}

std::uint32_t OwnedLock::free_all() {
  const std::uint32_t depth = depth_;
  hand_on();
  return depth;
}

void OwnedLock::take_back(IncomingCall call, std::uint32_t depth, bool notified) {
  const Wanted wanted{depth, notified, true};
  if (is_held()) return waiting_.add(std::move(call), os::Deadline::never(), wanted, {});
  grant(call, wanted);
}

// Who comes back from Condition::wait() has the lock: such a call ends only with it.
bool OwnedLock::cancel(ClientId client, std::uint64_t number) {
  auto waiter = waiting_.take_if(client, number, [](const Wanted& wanted) { return !wanted.comes_back; });
  if (waiter) complete_as_cancelled(waiter->call);
  return waiter.has_value();
}

void OwnedLock::client_gone(ClientId client) {
  waiting_.drop(client);
  if (!is_held() || owner_.client != client) return;
  marked_ = true;
  hand_on();
}

}  // namespace procyon::manager
