// The foreman: the thread of a pool that does what must be done though no thread of the user's asks.
//
// It deals with the ends of workers, with deadlines, and with results that nobody waits for.
#include <algorithm>
#include <string>
#include <utility>

#include "pool/master.hpp"
#include "process/state.hpp"
#include "procyon/detail/wire/call.hpp"

namespace procyon::pool {

using arena::Handle;

void Engine::Master::ring(os::FutexWord& bell) {
  bell.fetch_add(1, std::memory_order_seq_cst);
  os::futex_wake_all(bell);
}

void Engine::Master::run_foreman() {
  certificates_.emplace(pool_);  // notes what the kernel has killed by now
  for (;;) {
    // The bell first: end() sets `ended_` and then rings, so a ring that this look has seen says that it is set.
    const std::uint32_t seen = foremans_bell_->load(std::memory_order_acquire);
    if (ended_.load(std::memory_order_acquire)) return;
    if (foremans_round()) continue;
    os::futex_wait(*foremans_bell_, seen, next_round());
  }
}

// What must be done though no thread of the user's asks. True if there may be more to do at once.
bool Engine::Master::foremans_round() {
  deal_with_ends();
  workforce_.end_overdue();
  if (workforce_.keeps_stderr()) workforce_.trim_last_words();
  std::vector<std::uint32_t> condemned;
  std::size_t collected = 0;
  bool changed = false;
  std::exception_ptr cause;
  std::vector<Ledger::StopRequest> stops;
  {
    const std::lock_guard guard(mutex_);
    if (interrupted_ && (drained_by_.expired() || ledger_.outstanding() == 0)) cause = interrupted_;
    condemned.swap(to_end_);
    if (!is_shut_.load(std::memory_order_relaxed)) changed = ledger_.end_overrunning(condemned);
    stops = ledger_.take_stop_requests();
    if (waiters_.load() == 0 && life_ != Life::terminated) collected = ledger_.collect();
    changed |= ledger_.feed();
    if (collected != 0) idle_ends_ = 0;
  }
  ask_to_stop(stops);
  // They are still the same workers: only this thread replaces them.
  for (const std::uint32_t worker : condemned) workforce_.end(worker);
  if (cause && !is_shut_.load(std::memory_order_relaxed)) break_pool(cause);
  if (collected != 0 || changed) tell_everybody();
  return collected != 0;
}

os::Deadline Engine::Master::next_round() const {
  const std::lock_guard guard(mutex_);
  os::Deadline next = std::min(ledger_.next_overrun(), workforce_.next_overdue());
  // Nobody waits, but results arrive: take them over soon, so that kept tasks follow. Who waits now may give up.
  if (ledger_.outstanding() != 0)
    next = std::min(next, os::Deadline::after(std::chrono::milliseconds(waiters_.load() == 0 ? 1 : 10)));
  for (const Start& start : to_start_) next = std::min(next, start.not_before);
  if (interrupted_ && !broken_ && life_ != Life::terminated) next = std::min(next, drained_by_);
  if (workforce_.keeps_stderr()) next = std::min(next, os::Deadline::after(std::chrono::seconds(1)));
  return next;
}

void Engine::Master::deal_with_ends() {
  std::exception_ptr thread_failed;
  {
    const std::lock_guard guard(mutex_);
    thread_failed = std::exchange(thread_failed_, nullptr);
  }
  if (thread_failed) break_pool(thread_failed);
  const std::vector<Workforce::End> ends = workforce_.take_ends();
  for (const Workforce::End& end : ends) {
    const Certificate certificate = certificates_->write(end);
    bool had_task = false;
    bool is_storm = false;
    std::chrono::nanoseconds delay{};
    std::exception_ptr failed_initializer;
    {
      const std::lock_guard guard(mutex_);
      failed_initializer = initializer_error(end.worker);
      std::erase(to_end_, end.worker);
      // terminate() or break_pool() ended it, and says itself what its tasks end with.
      if (is_shut_.load(std::memory_order_relaxed)) continue;
      had_task = ledger_.settle_lost(end.worker,
                                     [&](const TaskDescription& task, std::uint32_t item, bool condemned) {
                                       return loss(certificate, task, item, condemned);
                                     });
      if (pool_.worker(end.worker).retired.load(std::memory_order_acquire) == 0)
        observer_.lost(end.worker, end.status.describe());
      else
        observer_.left(end.worker);
      // One that came as far as taking tasks and is killed while it has none is only replaced.
      const bool was_ready = pool_.worker(end.worker).is_ready.load(std::memory_order_acquire) != 0;
      idle_ends_ = had_task || was_ready ? 0 : idle_ends_ + 1;
      is_storm = idle_ends_ > std::max(8u, 3 * pool_.worker_count);
      const std::int64_t now = os::Deadline::monotonic_now();
      const std::chrono::nanoseconds since_last(now - std::exchange(last_end_, now));
      delay = restart_pace_.delay_of_next(ledger_.ended_items(), since_last);
      ledger_.feed();
    }
    if (failed_initializer) break_pool(failed_initializer);
    // Workers that end as fast as they are started, without ever having had a task: stop before it is a fork storm.
    if (is_storm)
      break_pool(std::make_exception_ptr(BrokenPool(
          "procyon: the workers of this pool end before they take a task (the last one: " +
          end.status.describe() +
          "); is something wrong in the initializer or a static constructor, or are they killed for want of "
          "memory? The last one's certificate: " +
          WorkerLost(certificate.end).what())));
    if (delay.count() == 0) {
      replace(end.worker);
    } else {
      const std::lock_guard guard(mutex_);
      to_start_.push_back({end.worker, os::Deadline::after(delay)});
    }
  }
  std::vector<std::uint32_t> again;
  {
    const std::lock_guard guard(mutex_);
    std::erase_if(to_start_, [&](const Start& start) {
      if (start.not_before.expired()) again.push_back(start.worker);
      return start.not_before.expired();
    });
  }
  for (const std::uint32_t worker : again) replace(worker);
  if (!ends.empty()) tell_everybody();
}

std::exception_ptr Engine::Master::loss(const Certificate& certificate, const TaskDescription& task,
                                        std::uint32_t item, bool condemned) {
  std::string description = task.job->describe(task.first_item + item);
  if (task.attempts > 1) description += " (run " + std::to_string(task.attempts) + " times)";
  if (!condemned) return certificate.error(description);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*task.timeout).count();
  return std::make_exception_ptr(TimeoutError(
      "procyon: " + description + " ran longer than its time-out of " + std::to_string(milliseconds) +
      " ms; its worker (pid " + std::to_string(certificate.end.pid) + ") was ended and replaced"));
}

std::exception_ptr Engine::Master::initializer_error(std::uint32_t worker) {
  WorkerSlot& slot = pool_.worker(worker);
  const Handle block = Handle::from_bits(slot.initializer_error.exchange(0, std::memory_order_acquire));
  if (!block || !session_.is_held_by(block, reference_.handle())) return nullptr;
  wire::Reader reader({session_.bytes(block), slot.initializer_error_size.load(std::memory_order_relaxed)});
  const Outcome<void> outcome = wire::decode_outcome<void>(reader);
  const std::string text = outcome ? "no error" : outcome.error().type() + ": " + outcome.error().what();
  session_.release(block);
  return std::make_exception_ptr(BrokenPool(
      "procyon: the initializer of this pool failed in a worker, so it has none to work with: " + text));
}

void Engine::Master::replace(std::uint32_t worker) {
  // exit() ends daemonic children while this pool still stands somewhere: do not start them anew.
  if (const process::State* state = process::State::existing(); state != nullptr && state->is_ending())
    return;
  {
    const std::lock_guard guard(mutex_);
    if (broken_ || life_ == Life::terminated || pool_.stopping.load(std::memory_order_relaxed) != 0) return;
  }
  try {
    const pid_t pid = workforce_.start(worker);
    const std::lock_guard guard(mutex_);
    observer_.started(worker, pid);
  } catch (const std::exception& error) {
    {
      const std::lock_guard guard(mutex_);
      to_start_.push_back({worker, os::Deadline::after(std::chrono::milliseconds(50))});
    }
    if (workforce_.running() == 0)
      break_pool(std::make_exception_ptr(BrokenPool(
          std::string("procyon: this pool has no worker left and cannot start one: ") + error.what())));
  }
}

void Engine::Master::break_pool(const std::exception_ptr& cause) {
  std::vector<Ledger::StopRequest> stops;
  {
    const std::lock_guard guard(mutex_);
    if (broken_) return;
    broken_ = cause;
    is_shut_.store(true, std::memory_order_release);
    ledger_.collect();
    pool_.stopping.store(1, std::memory_order_seq_cst);
    ledger_.ask_all_to_stop();
    stops = ledger_.take_stop_requests();
  }
  ask_to_stop(stops);
  // No worker may be inside a slot when the slots are freed.
  sync::wake_all(pool_.worker_sleepers);
  threads_.join();
  workforce_.end_all();
  if (!workforce_.join_all(os::Deadline::after(std::chrono::seconds(1)))) {
    workforce_.end_overdue();
    workforce_.join_all(os::Deadline::after(std::chrono::seconds(5)));
  }
  {
    const std::lock_guard guard(mutex_);
    ledger_.fail_all(cause);
  }
  tell_everybody();
  pool_.ready_workers.fetch_add(1, std::memory_order_seq_cst);  // who waits for them looks
  os::futex_wake_all(pool_.ready_workers);
}

}  // namespace procyon::pool
