#include "procyon/manager_queue.hpp"

#include <unistd.h>

#include <atomic>
#include <stdexcept>

#include "procyon/detail/manager/join_answer.hpp"
#include "procyon/errors.hpp"
#include "procyon/owner_died.hpp"

namespace procyon::manager {

namespace {

// The server gives out messages on loan by a number of ours.
class LentMessages final : public PendingAnswer {
 public:
  LentMessages(ObjectReference queue, std::size_t most, WaitingTime time)
      : queue_(std::move(queue)), loan_(next_number()), process_(::getpid()) {
    wire::Writer arguments;
    for (const std::uint64_t number : {loan_, std::uint64_t{most}}) arguments.put(number);
    arguments.put(time.nanoseconds());
    answer_ = begin("lend_many(u64,u64,i64)->vector<bytes>", arguments);
  }
  LentMessages(const LentMessages&) = delete;
  LentMessages& operator=(const LentMessages&) = delete;
  ~LentMessages() override {
    if (!answer_ || ::getpid() != process_) return;  // taken; or our parent's, which decides
    answer_.reset();                                 // cancels it, if it still waits
    try {
      tell("give_back(u64)");
    } catch (...) {  // without us, or a server, they are nobody's already
    }
  }

  bool ready() override { return !answer_ || answer_->ready(); }
  Answer get(os::Deadline deadline) override {
    if (!answer_)
      throw std::logic_error("procyon: the result of this call of a manager has been taken already");
    Answer messages = answer_->get(deadline);
    tell("take(u64)");
    answer_.reset();
    return messages;
  }

 private:
  static std::uint64_t next_number() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }
  [[nodiscard]] std::unique_ptr<PendingAnswer> begin(std::string_view method,
                                                     const wire::Writer& arguments) const {
    return queue_.link().begin(queue_.object(), method_id(method), arguments.bytes(), {});
  }
  // What it answers is nothing that we need to know.
  void tell(std::string_view method) const {
    wire::Writer arguments;
    arguments.put(loan_);
    static_cast<void>(begin(method, arguments));
  }

  const ObjectReference queue_;
  const std::uint64_t loan_;
  const pid_t process_;
  std::unique_ptr<PendingAnswer> answer_;  // null once taken
};

}  // namespace

void throw_full(const ObjectReference& queue) {
  ValueReader answer(
      queue.link().call(queue.object(), method_id("options()->options"), {}, {}, os::Deadline::never()));
  channel::throw_queue_full(answer.get<QueueOptions>());
}

std::unique_ptr<PendingAnswer> begin_get(const ObjectReference& queue, std::size_t most, WaitingTime time) {
  return std::make_unique<LentMessages>(queue, most, time);
}

std::size_t QueueMethods::put_all(const std::vector<QueueMessage>& messages, WaitingTime time) const {
  const os::Deadline deadline = time.nanoseconds() < 0
                                    ? os::Deadline::never()
                                    : os::Deadline::after(std::chrono::nanoseconds(time.nanoseconds()));
  std::size_t put = 0;
  while (put < messages.size()) {
    const std::vector<QueueMessage> rest(messages.begin() + static_cast<std::ptrdiff_t>(put), messages.end());
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

std::vector<QueueMessage> QueueMethods::get_bytes(std::size_t most, WaitingTime time) const {
  return invoke_until(time.give_up(), "get_many(u64,i64)->vector<bytes>", std::uint64_t{most},
                      time.nanoseconds())
      .get<std::vector<QueueMessage>>();
}

void QueueMethods::finish_one() const { invoke("task_done()"); }

bool QueueMethods::join_in(WaitingTime time) const {
  const auto answer = invoke_waiting("join(i64)->join_answer", time).get<JoinAnswer>();
  if (answer.outcome == JoinOutcome::some_lost)
    throw OwnerDied(answer.sentence, [self = *this] { self.invoke("forgive_lost()"); });
  return answer.outcome == JoinOutcome::all_finished;
}

}  // namespace procyon::manager
