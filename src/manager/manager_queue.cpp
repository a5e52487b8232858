#include "procyon/manager_queue.hpp"

#include "procyon/detail/manager/join_answer.hpp"
#include "procyon/errors.hpp"
#include "procyon/owner_died.hpp"

namespace procyon::manager {

void QueueMethods::put_bytes(const Message& message, WaitingTime time) const {
  if (!invoke_until(time.give_up(), "put(bytes,i64)->bool", message, time.nanoseconds()).get<bool>())
    channel::throw_queue_full(invoke("options()->options").get<QueueOptions>());
}

std::size_t QueueMethods::put_all(const std::vector<Message>& messages, WaitingTime time) const {
  const os::Deadline deadline = time.nanoseconds() < 0
                                    ? os::Deadline::never()
                                    : os::Deadline::after(std::chrono::nanoseconds(time.nanoseconds()));
  std::size_t put = 0;
  while (put < messages.size()) {
    const std::vector<Message> rest(messages.begin() + static_cast<std::ptrdiff_t>(put), messages.end());
    put += static_cast<std::size_t>(invoke("put_many(vector<bytes>)->u64", rest).get<std::uint64_t>());
    if (put == messages.size()) break;
    // There is no room: the next one waits for it in line.
    const WaitingTime left =
        deadline.is_never() ? WaitingTime::for_ever() : WaitingTime::of(deadline.remaining());
    if (!invoke_until(left.give_up(), "put(bytes,i64)->bool", messages[put], left.nanoseconds()).get<bool>())
      break;
    ++put;
  }
  return put;
}

std::vector<QueueMethods::Message> QueueMethods::get_bytes(std::size_t most, WaitingTime time) const {
  return invoke_until(time.give_up(), "get_many(u64,i64)->vector<bytes>", std::uint64_t{most},
                      time.nanoseconds())
      .get<std::vector<Message>>();
}

void QueueMethods::finish_one() const { invoke("task_done()"); }

bool QueueMethods::join_in(WaitingTime time) const {
  const auto answer = invoke_waiting("join(i64)->join_answer", time).get<JoinAnswer>();
  if (answer.outcome == JoinOutcome::some_lost)
    throw OwnerDied(answer.sentence, [self = *this] { self.invoke("forgive_lost()"); });
  return answer.outcome == JoinOutcome::all_finished;
}

std::size_t QueueMethods::count() const {
  return static_cast<std::size_t>(invoke("size()->u64").get<std::uint64_t>());
}

bool QueueMethods::is_full() const { return invoke("full()->bool").get<bool>(); }

}  // namespace procyon::manager
