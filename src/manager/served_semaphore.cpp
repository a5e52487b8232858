#include "manager/served_semaphore.hpp"

#include <stdexcept>

namespace procyon::manager {

namespace {
constexpr std::int64_t largest_value = INT32_MAX;
}

const Method<ServedSemaphore> ServedSemaphore::methods_[] = {
    {"acquire(i64)->bool", &ServedSemaphore::acquire},
    {"release(u64)", &ServedSemaphore::release},
    {"take_permit(i64)->bool", &ServedSemaphore::take_permit},
    {"return_permit()", &ServedSemaphore::return_permit},
    {"value()->u64", &ServedSemaphore::value},
};

namespace {

ServedPointer make_semaphore(Loop& loop, IncomingCall& arguments, bool is_bounded) {
  const auto [type, value] = arguments.read<std::string, std::int64_t>();
  if (value < 0 || value > largest_value)
    throw std::invalid_argument("procyon: a " + type + " begins with 0 to 2^31 - 1, not with " +
                                std::to_string(value));
  return std::make_shared<ServedSemaphore>(loop, static_cast<std::uint64_t>(value), is_bounded);
}

}  // namespace

ServedPointer ServedSemaphore::make(Loop& loop, IncomingCall& arguments) {
  return make_semaphore(loop, arguments, false);
}

ServedPointer ServedSemaphore::make_bounded(Loop& loop, IncomingCall& arguments) {
  return make_semaphore(loop, arguments, true);
}

void ServedSemaphore::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedSemaphore::methods() const { return names_of(methods_); }
std::string ServedSemaphore::text() const {
  return std::string(name()) + "(value " + std::to_string(value_) + ", " + std::to_string(waiting_.size()) +
         " waiting)";
}

void ServedSemaphore::acquire(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  take(call, deadline_of(timeout), Taken::for_anybody);
}

void ServedSemaphore::take_permit(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  take(call, deadline_of(timeout), Taken::as_permit);
}

void ServedSemaphore::take(IncomingCall& call, os::Deadline deadline, Taken taken) {
  if (value_ > 0) return give(call, taken);
  if (deadline.expired()) return call.reply(false);
  waiting_.add(std::move(call), deadline, taken, [](auto waiter) { waiter.call.reply(false); });
}

void ServedSemaphore::give(IncomingCall& call, Taken taken) {
  --value_;
  if (taken == Taken::as_permit) ++permits_[call.caller().client];
  call.reply(true);
}

void ServedSemaphore::add(std::uint64_t count) {
  value_ += count;
  while (value_ > 0) {
    auto next = waiting_.take_first();
    if (!next) return;
    give(next->call, next->data);
  }
}

void ServedSemaphore::release(IncomingCall& call) {
  const auto [count] = call.read<std::uint64_t>();
  const std::uint64_t most = bound_.value_or(largest_value);
  if (count > most || value_ > most - count)
    throw std::logic_error(std::string("procyon: this ") + name() +
                           " was released more often than it was acquired: it may have at most " +
                           std::to_string(most));
  add(count);
  call.reply();
}

void ServedSemaphore::return_permit(IncomingCall& call) {
  call.read<>();
  const auto held = permits_.find(call.caller().client);
  if (held == permits_.end()) throw std::logic_error("procyon: this client has no permit to return");
  if (--held->second == 0) permits_.erase(held);
  add(1);
  call.reply();
}

void ServedSemaphore::value(IncomingCall& call) {
  call.read<>();
  call.reply(value_);
}

void ServedSemaphore::cancel(ClientId client, std::uint64_t number) {
  if (auto waiter = waiting_.take(client, number)) complete_as_cancelled(waiter->call);
}

void ServedSemaphore::client_gone(ClientId client) {
  waiting_.drop(client);
  const auto held = permits_.find(client);
  if (held == permits_.end()) return;
  const std::uint64_t count = held->second;
  permits_.erase(held);
  add(count);
}

}  // namespace procyon::manager
