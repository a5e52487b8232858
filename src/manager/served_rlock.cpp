#include "manager/served_rlock.hpp"

#include <stdexcept>

#include "manager/stored_values.hpp"

namespace procyon::manager {

// RLock ---------------------------------------------------------------------------------------------------------

const Method<ServedRLock> ServedRLock::methods_[] = {
    {"acquire(i64)->lock_answer", &ServedRLock::acquire},
    {"release()", &ServedRLock::release},
    {"locked()->bool", &ServedRLock::locked},
    {"recover(tenure)", &ServedRLock::recover},
    {"give_back(tenure)", &ServedRLock::give_back},
};

ServedPointer ServedRLock::make(Loop& loop, IncomingCall& arguments) {
  arguments.read<std::string>();
  return std::make_shared<ServedRLock>(loop);
}

void ServedRLock::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedRLock::methods() const { return names_of(methods_); }
std::string ServedRLock::text() const { return lock_->is_held() ? "RLock(held)" : "RLock(free)"; }

void ServedRLock::acquire(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  lock_->acquire(std::move(call), deadline_of(timeout));
}

void ServedRLock::release(IncomingCall& call) {
  call.read<>();
  lock_->release(call.caller());
  call.reply();
}

void ServedRLock::locked(IncomingCall& call) {
  call.read<>();
  call.reply(lock_->is_held());
}

void ServedRLock::recover(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  lock_->recover(call.caller().client, tenure);
  call.reply();
}

void ServedRLock::give_back(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  lock_->give_back(call.caller().client, tenure);
  call.reply();
}

// Condition -----------------------------------------------------------------------------------------------------

const Method<ServedCondition> ServedCondition::methods_[] = {
    {"acquire(i64)->lock_answer", &ServedCondition::acquire},
    {"release()", &ServedCondition::release},
    {"locked()->bool", &ServedCondition::locked},
    {"recover(tenure)", &ServedCondition::recover},
    {"give_back(tenure)", &ServedCondition::give_back},
    {"wait(i64)->lock_answer", &ServedCondition::wait},
    {"notify(u64)", &ServedCondition::notify},
};

ServedPointer ServedCondition::make(Loop& loop, IncomingCall& call) {
  ArgumentReader arguments(call);
  arguments.get<std::string>();
  if (arguments.at_end()) return std::make_shared<ServedCondition>(loop, std::make_shared<OwnedLock>(loop));
  const StoredPointer given = arguments.value();
  arguments.end();
  if (given->objects.empty())
    throw std::invalid_argument(
        "procyon: a Condition of a manager takes an RLock of the same manager; this lock is another "
        "manager's");
  const auto* const rlock = dynamic_cast<const ServedRLock*>(given->objects.front().get());
  if (rlock == nullptr)
    throw std::invalid_argument("procyon: a Condition of a manager takes an RLock of it; what was given is " +
                                given->objects.front()->text());
  return std::make_shared<ServedCondition>(loop, rlock->lock());
}

void ServedCondition::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedCondition::methods() const { return names_of(methods_); }
std::string ServedCondition::text() const {
  return std::string("Condition(") + (lock_->is_held() ? "held, " : "free, ") +
         std::to_string(waiting_.size()) + " waiting)";
}

void ServedCondition::acquire(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  lock_->acquire(std::move(call), deadline_of(timeout));
}

void ServedCondition::release(IncomingCall& call) {
  call.read<>();
  lock_->release(call.caller());
  call.reply();
}

void ServedCondition::locked(IncomingCall& call) {
  call.read<>();
  call.reply(lock_->is_held());
}

void ServedCondition::recover(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  lock_->recover(call.caller().client, tenure);
  call.reply();
}

void ServedCondition::give_back(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  lock_->give_back(call.caller().client, tenure);
  call.reply();
}

void ServedCondition::require_held(const IncomingCall& call, const char* what) const {
  if (!lock_->is_held_by(call.caller()))
    throw std::logic_error(std::string("procyon: ") + what +
                           " of a Condition needs its lock to be held by the thread that calls it");
}

// A waiter whose time is over waits on for the lock, like one that was notified: it comes back with the lock in any case.
void ServedCondition::wait(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  require_held(call, "wait()");
  const os::Deadline deadline = deadline_of(timeout);
  const std::uint32_t depth = lock_->free_all();
  if (deadline.expired()) return lock_->take_back(std::move(call), depth, false);
  waiting_.add(std::move(call), deadline, depth,
               [lock = lock_](auto waiter) { lock->take_back(std::move(waiter.call), waiter.data, false); });
}

void ServedCondition::notify(IncomingCall& call) {
  const auto [count] = call.read<std::uint64_t>();
  require_held(call, "notify()");
  for (std::uint64_t woken = 0; woken < count; ++woken) {
    auto waiter = waiting_.take_first();
    if (!waiter) break;
    lock_->take_back(std::move(waiter->call), waiter->data, true);
  }
  call.reply();
}

void ServedCondition::cancel(ClientId client, std::uint64_t number) {
  if (lock_->cancel(client, number)) return;
  if (auto waiter = waiting_.take(client, number))
    lock_->take_back(std::move(waiter->call), waiter->data, false);
}

void ServedCondition::client_gone(ClientId client) {
  waiting_.drop(client);
  lock_->client_gone(client);
}

}  // namespace procyon::manager
