// JoinableQueue: a Queue whose producers can wait until everything that was put is finished.
//
//   mp::JoinableQueue<Job> jobs;
//   mp::Process worker({.daemon = true}, [](mp::JoinableQueue<Job> jobs) {
//     for (;;) { run(jobs.get()); jobs.task_done(); }
//   }, jobs);
//   worker.start();
//   jobs.put_many(all_jobs);
//   jobs.join();                                    // every job is finished
//
// Who takes a message owes one task_done(). If it dies owing, join() does not wait for ever but throws OwnerDied with the
// number of messages that died with it; lost() says with whom. The handler may put them anew; recover() then lets the
// lost ones count as finished, and join() may be called again:
//
//   for (;;) try { jobs.join(); break; } catch (mp::OwnerDied& died) { put_again(jobs); died.recover(); }
//
// Or take messages by get_lease(): then the queue itself gives them to another, and acknowledge() is their task_done().
// Everything else is as with Queue, whose references it can be passed as.
#pragma once

#include <chrono>

#include "procyon/queue.hpp"

namespace procyon {

namespace channel {
[[noreturn]] void throw_counts_no_tasks();
}  // namespace channel

template <class T>
class JoinableQueue : public Queue<T> {
 public:
  explicit JoinableQueue(std::size_t maxsize = 0) : JoinableQueue(QueueOptions{.maxsize = maxsize}) {}
  explicit JoinableQueue(const QueueOptions& options)
      : Queue<T>(options, channel::QueueEngine::Kind::counts_tasks) {}
  /// For the library: another reference to a queue.
  explicit JoinableQueue(arena::Reference reference) : Queue<T>(std::move(reference)) {
    if (!this->engine().counts_tasks()) channel::throw_counts_no_tasks();
  }

  /// One message that was taken is finished: of this process's if it owes one, otherwise of another's, which handed the
  /// work on. Throws std::logic_error if nobody owes any.
  void task_done() { this->engine().task_done(); }

  /// Waits until every message that was put is finished. Throws OwnerDied when a consumer died owing.
  void join() const { static_cast<void>(this->engine().join(os::Deadline::never())); }
  /// The same for at most `timeout`; false if not all are finished by then.
  template <class Rep, class Period>
  [[nodiscard]] bool join(std::chrono::duration<Rep, Period> timeout) const {
    return this->engine().join(os::Deadline::after(timeout));
  }
};

}  // namespace procyon
