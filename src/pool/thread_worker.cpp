#include "pool/thread_worker.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "arena/participants.hpp"
#include "pool/task_ring.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/pool/engine.hpp"

namespace procyon::pool {

namespace {

thread_local const ThreadWorkers::InTask* innermost = nullptr;

// False if no further item may begin.
bool begin_item(TaskSlot& slot, std::uint32_t item) {
  if ((slot.timed & TaskSlot::is_clocked) != 0)
    slot.item_began.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
  std::uint64_t waiting = Progress{item, false, item}.bits();
  const Progress running{item + 1, false, item};
  return slot.progress.compare_exchange_strong(waiting, running.bits(), std::memory_order_acq_rel);
}

// The same when this one has ended.
bool finish_item(TaskSlot& slot, std::uint32_t item) {
  std::uint64_t running = Progress{item + 1, false, item}.bits();
  if (slot.progress.compare_exchange_strong(running, Progress{item + 1, false, item + 1}.bits(),
                                            std::memory_order_acq_rel))
    return true;
  // Condemned: of a thread that means no more than this.
  slot.progress.store(Progress{item + 1, true, item + 1}.bits(), std::memory_order_release);
  return false;
}

void run_local_task(PoolState& pool, std::uint32_t worker, const Claim& claim) {
  const ThreadWorkers::InTask in_task(pool);
  const arena::ParticipantId me = arena::current_participant();
  TaskSlot& slot = pool.slot(claim.slot);
  TaskTimes* const times = times_of(arena::Session::current(), pool, claim.slot);
  if (times != nullptr) times->began.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
  LocalItems items{};
  std::memcpy(&items, slot.task, sizeof items);
  const bool is_measured = (slot.timed & TaskSlot::is_measured) != 0;
  const std::int64_t began = is_measured ? os::Deadline::monotonic_now() : 0;
  for (std::uint32_t item = slot.first_item; item < slot.item_count; ++item) {
    // What has not begun when the pool is terminated is cancelled: the slot stays taken.
    if (pool.stopping.load(std::memory_order_relaxed) != 0) return;
    if (!begin_item(slot, item)) break;
    items.task->run(static_cast<std::uint32_t>(items.first) + item);
    // The task forked, and its child comes back here: everything that follows is its parent's.
    if (arena::current_participant() != me) ::_exit(0);
    if (!finish_item(slot, item)) break;
  }
  if (is_measured) slot.took.store(os::Deadline::monotonic_now() - began, std::memory_order_relaxed);
  if (times != nullptr) times->ended.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
  complete(pool, worker, claim);
}

/// Counts a thread as ended, also one that a task ends by pthread_exit(3).
class Ending {
 public:
  explicit Ending(os::FutexWord& ended) : ended_(ended) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() {
    ended_.fetch_add(1, std::memory_order_release);
    os::futex_wake_all(ended_);
  }

 private:
  os::FutexWord& ended_;
};

}  // namespace

ThreadWorkers::InTask::InTask(const PoolState& pool) : outer_(innermost), pool_(&pool) { innermost = this; }
ThreadWorkers::InTask::~InTask() { innermost = outer_; }

bool ThreadWorkers::is_in_task_of(const PoolState& pool) {
  for (const InTask* each = innermost; each != nullptr; each = each->outer_)
    if (each->pool_ == &pool) return true;
  return false;
}

void ThreadWorkers::start(std::uint32_t count,
                          std::function<void(std::exception_ptr)> when_initializer_fails) {
  when_initializer_fails_ = std::move(when_initializer_fails);
  try {
    for (std::uint32_t index = 0; index < count; ++index) {
      threads_.emplace_back([this, index] {
        const Ending ending(ended_);
        work(index);
      });
    }
  } catch (...) {
    pool_.stopping.exchange(1, std::memory_order_seq_cst);
    sync::wake_all(pool_.worker_sleepers);
    join();
    throw;
  }
}

bool ThreadWorkers::join_until(os::Deadline deadline) {
  for (;;) {
    const std::uint32_t ended = ended_.load(std::memory_order_acquire);
    if (ended == threads_.size()) break;
    if (deadline.expired()) return false;
    os::futex_wait(ended_, ended, deadline.slice(os::wait_slice));
  }
  const std::lock_guard guard(joining_);
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  return true;
}

void ThreadWorkers::work(std::uint32_t index) {
  ::pthread_setname_np(::pthread_self(), ("PoolThread-" + std::to_string(index + 1)).c_str());
  try {
    if (initializer_) initializer_();
  } catch (...) {
    return when_initializer_fails_(std::current_exception());
  }
  pool_.worker(index).is_ready.store(1, std::memory_order_release);
  const auto has_reason = [&] {
    return may_have_task(pool_) || pool_.stopping.load(std::memory_order_relaxed) != 0;
  };
  while (pool_.stopping.load(std::memory_order_acquire) == 0) {
    if (const auto claimed = claim(pool_, index)) {
      note_task_began(pool_.worker(index));
      run_local_task(pool_, index, *claimed);
      note_task_ended(pool_.worker(index));
    } else {
      sync::wait_until(has_reason, pool_.worker_sleepers, os::Deadline::after(os::wait_slice));
    }
  }
}

}  // namespace procyon::pool
