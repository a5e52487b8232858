#include "manager/served_barrier.hpp"

#include <stdexcept>

#include "procyon/detail/manager/barrier_answer.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

namespace {
constexpr std::uint64_t most_parties = 65536;
}

const Method<ServedBarrier> ServedBarrier::methods_[] = {
    {"wait(bool,i64)->barrier_answer", &ServedBarrier::wait},
    {"action_ended(bool)", &ServedBarrier::action_ended},
    {"reset()", &ServedBarrier::reset},
    {"abort()", &ServedBarrier::abort},
    {"state()->barrier_state", &ServedBarrier::state},
};

ServedPointer ServedBarrier::make(Loop& loop, IncomingCall& arguments) {
  auto [type, parties, timeout, action] =
      arguments.read<std::string, std::uint64_t, std::int64_t, std::string>();
  if (parties < 1 || parties > most_parties)
    throw std::invalid_argument("procyon: a Barrier is for 1 to 65536 parties, not for " +
                                std::to_string(parties));
  return std::make_shared<ServedBarrier>(loop, parties, timeout, std::move(action));
}

void ServedBarrier::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedBarrier::methods() const { return names_of(methods_); }
std::string ServedBarrier::text() const {
  return "Barrier(" + std::to_string(arrived_.size()) + " of " + std::to_string(parties_) +
         (broken_ ? ", broken)" : ")");
}

void ServedBarrier::wait(IncomingCall& call) {
  const auto [has_time, timeout] = call.read<bool, std::int64_t>();
  if (broken_) throw BrokenBarrier("procyon: this barrier is broken, until somebody calls reset()");
  const os::Deadline deadline = deadline_of(has_time ? timeout : timeout_);
  if (acting_)
    early_.add(std::move(call), deadline, deadline, [this](auto waiter) { too_late(std::move(waiter)); });
  else
    arrive(std::move(call), deadline);
}

void ServedBarrier::arrive(IncomingCall call, os::Deadline deadline) {
  const std::uint64_t number = arrived_.size();
  if (number + 1 < parties_) {
    if (deadline.expired()) return too_late({std::move(call), deadline});
    arrived_.add(std::move(call), deadline, deadline, [this](auto waiter) { too_late(std::move(waiter)); });
  } else if (!action_.empty()) {
    acting_ = call.caller().client;
    call.reply(BarrierAnswer{number, action_});
  } else {
    call.reply(BarrierAnswer{number, {}});
    let_go();
  }
}

void ServedBarrier::too_late(Arrivals::Waiter waiter) {
  const char* const why = "somebody did not come in time";
  waiter.call.fail_with(BrokenBarrier(std::string("procyon: the barrier is broken: ") + why));
  break_all(why);
}

// The number of each is its place among those who came.
void ServedBarrier::let_go() {
  for (std::uint64_t number = 0; auto waiter = arrived_.take_first(); ++number)
    waiter->call.reply(BarrierAnswer{number, {}});
}

void ServedBarrier::action_ended(IncomingCall& call) {
  const auto [well] = call.read<bool>();
  if (acting_ != call.caller().client) return call.reply();  // the round was broken or reset meanwhile
  acting_.reset();
  call.reply();
  if (!well) return break_all("its action failed");
  let_go();
  for (std::size_t early = early_.size(); early > 0; --early)
    if (auto waiter = early_.take_first()) arrive(std::move(waiter->call), waiter->data);
}

void ServedBarrier::fail_all(Arrivals& arrivals, const char* why) {
  while (auto waiter = arrivals.take_first())
    waiter->call.fail_with(BrokenBarrier(std::string("procyon: the barrier is broken: ") + why));
}

void ServedBarrier::break_all(const char* why) {
  broken_ = true;
  acting_.reset();
  fail_all(arrived_, why);
  fail_all(early_, why);
}

void ServedBarrier::reset(IncomingCall& call) {
  call.read<>();
  break_all("it was reset");
  broken_ = false;
  call.reply();
}

void ServedBarrier::abort(IncomingCall& call) {
  call.read<>();
  break_all("somebody called abort()");
  call.reply();
}

void ServedBarrier::state(IncomingCall& call) {
  call.read<>();
  call.reply(BarrierState{parties_, arrived_.size() + early_.size(), broken_});
}

// Who gives up waiting did not come in time, whatever its time was.
void ServedBarrier::cancel(ClientId client, std::uint64_t number) {
  auto waiter = arrived_.take(client, number);
  if (!waiter) waiter = early_.take(client, number);
  if (!waiter) return;
  complete_as_cancelled(waiter->call);
  break_all("somebody gave up waiting");
}

void ServedBarrier::client_gone(ClientId client) {
  const std::size_t dropped = arrived_.drop(client) + early_.drop(client);
  if (dropped > 0 || acting_ == client) break_all("the process of one who waited has ended");
}

}  // namespace procyon::manager
