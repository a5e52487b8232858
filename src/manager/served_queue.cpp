#include "manager/served_queue.hpp"

#include <stdexcept>

#include "manager/waiting_calls.hpp"
#include "procyon/detail/manager/join_answer.hpp"
#include "procyon/errors.hpp"
#include "procyon/joinable_queue.hpp"

namespace procyon::manager {

const Method<ServedQueue> ServedQueue::methods_[] = {
    {"put(bytes,i64)->bool", &ServedQueue::put},
    {"put_many(vector<bytes>)->u64", &ServedQueue::put_many},
    {"get_many(u64,i64)->vector<bytes>", &ServedQueue::get_many},
    {"lend_many(u64,u64,i64)->vector<bytes>", &ServedQueue::lend_many},
    {"take(u64)", &ServedQueue::take},
    {"give_back(u64)", &ServedQueue::give_back},
    {"task_done()", &ServedQueue::task_done},
    {"join(i64)->join_answer", &ServedQueue::join},
    {"forgive_lost()", &ServedQueue::forgive_lost},
    {"size()->u64", &ServedQueue::size},
    {"full()->bool", &ServedQueue::full},
    {"options()->options", &ServedQueue::options},
};

namespace {

ServedPointer make_queue(Loop& loop, IncomingCall& arguments, channel::QueueEngine::Kind kind) {
  auto [type, detail, options] = arguments.read<std::string, std::uint16_t, QueueOptions>();
  const arena::ObjectType object{"Queue", channel::queue_type<char>.kind, detail};
  return std::make_shared<ServedQueue>(loop, std::move(type), object, options, kind);
}

constexpr std::size_t enough_bytes = 1 << 20;  // of messages in one answer

}  // namespace

ServedPointer ServedQueue::make(Loop& loop, IncomingCall& arguments) {
  return make_queue(loop, arguments, channel::QueueEngine::Kind::plain);
}

ServedPointer ServedQueue::make_joinable(Loop& loop, IncomingCall& arguments) {
  return make_queue(loop, arguments, channel::QueueEngine::Kind::counts_tasks);
}

void ServedQueue::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedQueue::methods() const { return names_of(methods_); }
std::string ServedQueue::text() const {
  return type_ + " of " + std::to_string(engine_.size()) + " messages";
}

// Putting -------------------------------------------------------------------------------------------------------

bool ServedQueue::put_now(const Message& message) {
  channel::Parcel parcel;
  return engine_.put(message, parcel, os::Deadline::now());
}

void ServedQueue::put(IncomingCall& call) {
  auto [bytes, timeout] = call.read<Message, std::int64_t>();
  const auto message = std::make_shared<const Message>(std::move(bytes));
  puts_.add(std::move(call), deadline_of(timeout),
            {.try_now =
                 [this, message](IncomingCall& waiting) {
                   const bool done = put_now(*message);
                   if (done) waiting.reply(true);
                   return done;
                 },
             .wait =
                 [engine = engine_, message](os::Deadline slice) mutable {
                   channel::Parcel parcel;
                   return engine.put(*message, parcel, slice);
                 },
             .finish = [](IncomingCall& waiting) { waiting.reply(true); },
             .too_late = [](IncomingCall& waiting) { waiting.reply(false); }});
}

// As many as there is room for; nothing if somebody waits for room already.
void ServedQueue::put_many(IncomingCall& call) {
  const auto [messages] = call.read<std::vector<Message>>();
  std::uint64_t put = 0;
  if (puts_.size() == 0)
    while (put < messages.size() && put_now(messages[put])) ++put;
  call.reply(put);
}

// Getting -------------------------------------------------------------------------------------------------------

void ServedQueue::wait_for_messages(IncomingCall& call, std::int64_t timeout,
                                    std::function<bool(IncomingCall&)> try_now) {
  gets_.add(
      std::move(call), deadline_of(timeout),
      {.try_now = std::move(try_now),
       .wait = [target = engine_.wait_target()](
                   os::Deadline slice) { return !sync::wait_for_any(std::span(&target, 1), slice).empty(); },
       .too_late = [](IncomingCall& waiting) { waiting.reply(std::vector<Message>{}); }});
}

void ServedQueue::get_many(IncomingCall& call) {
  const auto [most, timeout] = call.read<std::uint64_t, std::int64_t>();
  wait_for_messages(call, timeout, [this, most = most](IncomingCall& waiting) {
    const Leased leased = lease(most);
    if (leased.leases.empty() && most > 0) return false;
    hand_over(waiting.caller().client, leased.leases);
    waiting.reply(leased.messages);
    return true;
  });
}

void ServedQueue::lend_many(IncomingCall& call) {
  const auto [number, most, timeout] = call.read<std::uint64_t, std::uint64_t, std::int64_t>();
  wait_for_messages(call, timeout, [this, number = number, most = most](IncomingCall& waiting) {
    Leased leased = lease(most);
    if (leased.leases.empty() && most > 0) return false;
    auto& loan = loans_[{waiting.caller().client, number}];
    give_back_all(loan);  // empty, unless the client uses a number twice
    loan = std::move(leased.leases);
    waiting.reply(leased.messages);
    return true;
  });
}

void ServedQueue::take(IncomingCall& call) {
  const auto [number] = call.read<std::uint64_t>();
  const ClientId client = call.caller().client;
  if (const auto loan = loans_.extract({client, number})) hand_over(client, loan.mapped());
  call.reply();
}

void ServedQueue::give_back(IncomingCall& call) {
  const auto [number] = call.read<std::uint64_t>();
  if (const auto loan = loans_.extract({call.caller().client, number})) give_back_all(loan.mapped());
  call.reply();
}

// Throws what the client is told instead, but not once there are messages.
ServedQueue::Leased ServedQueue::lease(std::uint64_t most) {
  Leased leased;
  std::size_t bytes = 0;
  while (leased.messages.size() < most && bytes < enough_bytes && lease_one(leased))
    bytes += leased.messages.back().size();
  return leased;
}

bool ServedQueue::lease_one(Leased& leased) {
  channel::LeasedMessage lease;
  const channel::Got got = engine_.get_lease(lease, os::Deadline::now());
  if (got == channel::Got::nothing_in_time) return false;
  if (got == channel::Got::no_producers) return leased.messages.empty() && channel::has_come(got);
  if (!lease.references.empty()) {
    engine_.give_back(lease);
    if (!leased.messages.empty()) return false;
    throw std::invalid_argument("procyon: the next message of this " + type_ +
                                " holds objects that lie in its session's memory, which the server cannot "
                                "send; it stays in the queue");
  }
  leased.messages.emplace_back(lease.bytes.begin(), lease.bytes.end());
  leased.leases.push_back(lease);
  return true;
}

// What was taken on lease is the client's now.
void ServedQueue::hand_over(ClientId client, std::span<const channel::LeasedMessage> leases) {
  for (const channel::LeasedMessage& lease : leases)
    if (engine_.counts_tasks())
      unfinished_[client].push_back(lease);
    else
      engine_.acknowledge(lease);
}

void ServedQueue::give_back_all(std::span<const channel::LeasedMessage> leases) {
  for (const channel::LeasedMessage& lease : leases) engine_.give_back(lease);
}

// Tasks ---------------------------------------------------------------------------------------------------------

// The oldest of this client's; if it owes none, of somebody else who handed the work on, as JoinableQueue has it.
void ServedQueue::task_done(IncomingCall& call) {
  call.read<>();
  if (!engine_.counts_tasks()) channel::throw_counts_no_tasks();
  auto owed = unfinished_.find(call.caller().client);
  if (owed == unfinished_.end()) owed = unfinished_.begin();
  if (owed == unfinished_.end()) {
    engine_.task_done();
  } else {
    engine_.acknowledge(owed->second.front());
    owed->second.pop_front();
    if (owed->second.empty()) unfinished_.erase(owed);
  }
  call.reply();
}

void ServedQueue::join(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  if (!engine_.counts_tasks()) channel::throw_counts_no_tasks();
  // What a dead consumer had taken is told by a look, so the thread aside only waits until it is time for one.
  joins_.add(std::move(call), deadline_of(timeout),
             {.try_now = [this](IncomingCall& waiting) { return join_now(waiting); },
              .wait =
                  [engine = engine_](os::Deadline slice) {
                    try {
                      return engine.join(slice);
                    } catch (const OwnerDied&) {
                      return true;
                    }
                  },
              .too_late = [](IncomingCall& waiting) { waiting.reply(JoinAnswer{}); }});
}

bool ServedQueue::join_now(IncomingCall& call) {
  try {
    const bool done = engine_.join(os::Deadline::now());
    if (done) call.reply(JoinAnswer{JoinOutcome::all_finished, {}});
    return done;
  } catch (const OwnerDied& died) {
    lost_ = died;
    call.reply(JoinAnswer{JoinOutcome::some_lost, died.what()});
    return true;
  }
}

void ServedQueue::forgive_lost(IncomingCall& call) {
  call.read<>();
  if (lost_) lost_->recover();
  lost_.reset();
  call.reply();
}

// Looking -------------------------------------------------------------------------------------------------------

void ServedQueue::size(IncomingCall& call) {
  call.read<>();
  call.reply(std::uint64_t{engine_.size()});
}

void ServedQueue::full(IncomingCall& call) {
  call.read<>();
  const QueueOptions options = engine_.options();
  call.reply((options.maxsize != 0 && engine_.size() >= options.maxsize) ||
             (options.max_bytes != 0 && engine_.is_full(1)));
}

void ServedQueue::options(IncomingCall& call) {
  call.read<>();
  call.reply(engine_.options());
}

void ServedQueue::cancel(ClientId client, std::uint64_t number) {
  for (AsideWaits* const waits : {&puts_, &gets_, &joins_}) waits->cancel(client, number);
}

void ServedQueue::client_gone(ClientId client) {
  for (AsideWaits* const waits : {&puts_, &gets_, &joins_}) waits->client_gone(client);
  while (true) {
    const auto loan = loans_.lower_bound({client, 0});
    if (loan == loans_.end() || loan->first.first != client) break;
    give_back_all(loan->second);
    loans_.erase(loan);
  }
  const auto owed = unfinished_.find(client);
  if (owed == unfinished_.end()) return;
  for (const channel::LeasedMessage& lease : owed->second) engine_.give_back(lease);
  unfinished_.erase(owed);
}

}  // namespace procyon::manager
