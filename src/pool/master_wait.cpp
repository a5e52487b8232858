// Waiting for results, and taking them over meanwhile.
#include <algorithm>

#include "pool/master.hpp"
#include "procyon/detail/sync/doorbell.hpp"

namespace procyon::pool {

void Engine::Master::collect() {
  if (ledger_.completed() == 0) return;
  std::size_t collected = 0;
  {
    const std::lock_guard guard(mutex_);
    collected = ledger_.collect();
    if (collected != 0) idle_ends_ = 0;
  }
  // The only waiter is the caller: nobody to wake, and no system call.
  if (collected != 0 && waiters_.load(std::memory_order_seq_cst) > 1) wake_waiters();
}

// By a thread that does not wait itself: whoever sleeps meanwhile looks for completed tasks, and finds none any more.
void Engine::Master::collect_in_passing() {
  if (ledger_.completed() == 0) return;
  collect();
  if (waiters_.load(std::memory_order_seq_cst) > 0) tell_everybody();
}

bool Engine::Master::end_job(Job& job, const std::exception_ptr& error) {
  bool any = false;
  std::vector<Ledger::StopRequest> stops;
  {
    const std::lock_guard guard(mutex_);
    if (is_shut_.load(std::memory_order_relaxed)) return false;  // everything is being ended
    ledger_.collect();                                           // what is done is done
    any = ledger_.end_job(job, error, to_end_);
    stops = ledger_.take_stop_requests();
    ledger_.feed();
  }
  ask_to_stop(stops);
  wake_foreman();
  tell_everybody();
  return any;
}

void Engine::Master::end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline,
                                std::exception_ptr error) {
  {
    const std::lock_guard guard(mutex_);
    ledger_.end_job_at(job, deadline, std::move(error));
  }
  wake_foreman();
}

bool Engine::Master::wait(const Job& job, os::Deadline deadline) {
  // Half of what the job still needs at a time: then there is something to collect while the rest is worked on.
  const auto missing = [&job]() -> std::size_t {
    if (job.pending.load(std::memory_order_acquire) == 0) return 0;
    return std::max<std::size_t>(Ledger::tasks_of(job) / 2, 1);
  };
  return wait_for(Condition(missing), deadline);
}

// After how many completed tasks a collector wants to be woken that cannot go on before `missing` are complete. Whoever
// else waits may need the very next one. Not more than half of what is out: see WAKING in pool_format.hpp.
std::size_t Engine::Master::tasks_to_await(std::size_t missing) const {
  if (waiters_.load(std::memory_order_seq_cst) > 1) return 1;
  const std::size_t out = std::min<std::size_t>(ledger_.outstanding(), pool_.slot_count);
  return std::max<std::size_t>(std::min(missing, out / 2), 1);
}

bool Engine::Master::wait_for(Condition condition, os::Deadline deadline) {
  if (condition.missing() == 0) return true;
  struct Waiting {
    explicit Waiting(std::atomic<std::uint32_t>& count) : count_(count) { count_.fetch_add(1); }
    ~Waiting() { count_.fetch_sub(1); }
    std::atomic<std::uint32_t>& count_;
  } waiting(waiters_);
  for (;;) {
    std::uint32_t seen = local_word_.load(std::memory_order_seq_cst);
    if (condition.missing() == 0) return true;
    if (deadline.expired()) return false;
    std::unique_lock role(collecting_, std::try_to_lock);
    if (!role) {
      wake_collector();  // it may sleep until many tasks are complete, of which one is ours
      os::futex_wait(local_word_, seen, deadline.slice(os::wait_slice));
      continue;
    }
    while (!deadline.expired()) {
      collect();
      seen = local_word_.load(std::memory_order_seq_cst);
      const std::size_t missing = condition.missing();
      if (missing == 0) break;
      const std::size_t wanted = tasks_to_await(missing);
      pool_.wake_after.store(static_cast<std::int32_t>(wanted), std::memory_order_relaxed);
      const auto stirred = [&] {
        return ledger_.completed() >= wanted || local_word_.load(std::memory_order_acquire) != seen ||
               (wanted > 1 && waiters_.load(std::memory_order_seq_cst) > 1);
      };
      sync::wait_until(stirred, pool_.master_sleepers, deadline);
    }
    role.unlock();
    if (waiters_.load() > 1) wake_waiters();  // one of them takes over the collecting
  }
}

void Engine::Master::wake_waiters() {
  local_word_.fetch_add(1, std::memory_order_seq_cst);
  if (waiters_.load(std::memory_order_seq_cst) > 0) os::futex_wake_all(local_word_);
  if (watches_.load(std::memory_order_seq_cst) > 0) [[unlikely]]
    sync::ring(sync::own_bell());
}

void Engine::Master::begin_watch() {
  watches_.fetch_add(1, std::memory_order_seq_cst);
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  wake_collector();  // it may sleep until many tasks are complete
}

void Engine::Master::end_watch() {
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
  watches_.fetch_sub(1, std::memory_order_seq_cst);
  wake_foreman();  // results of others may have to be collected though nobody waits now
}

void Engine::Master::ring_when_complete(std::uint32_t bells) {
  pool_.wake_after.store(1, std::memory_order_relaxed);
  pool_.master_sleepers.fetch_or(bells, std::memory_order_seq_cst);
}

// The collector sleeps where the workers wake it; what the foreman changed must reach it too.
void Engine::Master::wake_collector() { sync::wake_all(pool_.master_sleepers); }

}  // namespace procyon::pool
