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

void ServedQueue::get_many(IncomingCall& call) {
  const auto [most, timeout] = call.read<std::uint64_t, std::int64_t>();
  gets_.add(
      std::move(call), deadline_of(timeout),
      {.try_now = [this, most = most](IncomingCall& waiting) { return get_now(waiting, most); },
       .wait = [target = engine_.wait_target()](
                   os::Deadline slice) { return !sync::wait_for_any(std::span(&target, 1), slice).empty(); },
       .too_late = [](IncomingCall& waiting) { waiting.reply(std::vector<Message>{}); }});
}

bool ServedQueue::get_now(IncomingCall& call, std::uint64_t most) {
  std::vector<Message> messages;
  std::size_t bytes = 0;
  while (messages.size() < most && bytes < enough_bytes && take_on_lease(call, messages))
    bytes += messages.back().size();
  if (messages.empty() && most > 0) return false;
  call.reply(messages);
  return true;
}

// Throws what the client is told instead, but not once it has messages.
bool ServedQueue::take_on_lease(IncomingCall& call, std::vector<Message>& messages) {
  channel::LeasedMessage lease;
  const channel::Got got = engine_.get_lease(lease, os::Deadline::now());
  if (got == channel::Got::nothing_in_time) return false;
  if (got == channel::Got::no_producers) return messages.empty() && channel::has_come(got);
  if (!lease.references.empty()) {
    engine_.give_back(lease);
    if (!messages.empty()) return false;
    throw std::invalid_argument("procyon: the next message of this " + type_ +
                                " holds objects that lie in its session's memory, which this process cannot "
                                "reach; it stays in the queue");
  }
  messages.emplace_back(lease.bytes.begin(), lease.bytes.end());
  if (engine_.counts_tasks())
    unfinished_[call.caller().client].push_back(lease);
  else
    engine_.acknowledge(lease);
  return true;
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
  const auto owed = unfinished_.find(client);
  if (owed == unfinished_.end()) return;
  for (const channel::LeasedMessage& lease : owed->second) engine_.give_back(lease);
  unfinished_.erase(owed);
}

}  // namespace procyon::manager
