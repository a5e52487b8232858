// Giving out tasks.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "pool/master.hpp"
#include "pool/worker.hpp"

namespace procyon::pool {

void Engine::Master::require_open() const {
  if (broken_) std::rethrow_exception(broken_);
  if (interrupted_) std::rethrow_exception(interrupted_);
  if (life_ != Life::open)
    throw std::logic_error("procyon: this pool takes no more tasks: it was closed or terminated");
}

namespace {

// Pending items are counted under the engine's mutex: results are delivered under it too, not before they count.
void count_pending(Job& job, std::size_t items) {
  job.pending.store(job.pending.load(std::memory_order_relaxed) + items, std::memory_order_relaxed);
}

}  // namespace

// Under the mutex. True if the job was ended meanwhile: its further items have ended too.
bool Engine::Master::end_at_once(const TaskDescription& description) {
  if (!Ledger::is_ended(*description.job)) [[likely]]
    return false;
  count_pending(*description.job, description.item_count);
  Ledger::end_items(description);
  return true;
}

void Engine::Master::require_no_task_of_mine(const char* call) const {
  if (workers_ != Workers::processes && ThreadWorkers::is_in_task_of(pool_))
    throw std::logic_error(
        std::string("procyon: ") + call +
        "() of a pool was called by one of its own tasks, whose end it would wait for; leave "
        "it to the code that made the pool");
}

void Engine::Master::check_timeout(TaskDescription& description, const EncodedTask& task) const {
  if (workers_ == Workers::caller) description.timeout.reset();
  if (workers_ == Workers::threads && description.timeout && !task.is_stoppable)
    throw std::invalid_argument(
        "procyon: a task of a ThreadPool can have a time-out only if its function takes a std::stop_token "
        "and "
        "looks at it: a thread cannot be ended from outside; let it take one, or use a Pool");
}

// Of tasks that threads run.
void Engine::Master::ask_to_stop(const std::vector<Ledger::StopRequest>& requests) {
  for (const Ledger::StopRequest& each : requests)
    for (std::uint32_t item = 0; item < each.count; ++item) each.task->ask_to_stop(each.first + item);
}

// All that is ready, on the thread that asked for it.
void Engine::Master::run_here() {
  {
    const std::lock_guard guard(here_);
    const ThreadWorkers::InTask in_task(pool_);
    CallableCache cache;
    while (const auto claimed = claim(pool_, 0)) {
      note_task_began(pool_.worker(0));
      run_task(session_, pool_, reference_.handle(), 0, *claimed, cache);
      note_task_ended(pool_.worker(0));
    }
  }
  collect_in_passing();
}

bool Engine::Master::try_submit(const TaskDescription& description, EncodedTask& task) {
  {
    const std::lock_guard guard(mutex_);
    require_open();
    if (end_at_once(description)) return true;
    if (!ledger_.give_out(description, task)) return false;
    ledger_.announce();
    count_pending(*description.job, description.item_count);
  }
  if (description.timeout) wake_foreman();
  return true;
}

void Engine::Master::submit(TaskDescription description, EncodedTask& task, bool wait_for_slot) {
  check_timeout(description, task);
  if (workers_ == Workers::caller) {
    while (!try_submit(description, task)) run_here();
    return run_here();
  }
  if (!wait_for_slot) {
    const bool may_be_cut = description.item_count > 1 && description.job->chunks.adapts();
    if (may_be_cut || !try_submit(description, task)) {
      const std::lock_guard guard(mutex_);
      require_open();
      if (end_at_once(description)) return;
      count_pending(*description.job, description.item_count);
      ledger_.keep(description, std::move(task));
      if (may_be_cut) ledger_.feed();
    }
    return wake_foreman();  // its result may have to be collected though nobody waits
  }
  while (!try_submit(description, task)) wait_for_room(*description.job, pool_.slot_count);
}

void Engine::Master::submit_all(const TaskDescription& description, EncodedTask& task, const ItemRun& items) {
  const std::size_t count = items.items.size() / items.item_size;
  ChunkSizer& chunks = description.job->chunks;
  TaskDescription next = description;
  check_timeout(next, task);
  for (std::size_t given = 0; given < count;) {
    bool has_room = true;
    std::size_t window = pool_.slot_count;
    {
      const std::lock_guard guard(mutex_);
      require_open();
      // Large tasks need not lie in store by the hundred: what is in the cache is worked off faster.
      constexpr std::size_t large = 4096;
      const bool are_large = chunks.next() * items.item_size >= large;
      if (chunks.adapts()) window = chunks.window();
      if (are_large) window = std::min<std::size_t>(window, std::max(8u, 4 * pool_.worker_count));
      constexpr std::size_t announced_together = 16;
      const std::size_t batch = are_large ? 1 : announced_together;
      for (std::size_t unannounced = 0; has_room && given < count && unannounced < batch; ++unannounced) {
        next.first_item = description.first_item + given;
        next.item_count = static_cast<std::uint32_t>(std::min(chunks.next(), count - given));
        if (end_at_once(next)) {
          given += next.item_count;
          continue;
        }
        has_room =
            Ledger::tasks_of(*next.job) < window &&
            ledger_.give_out(next, task,
                             items.items.subspan(given * items.item_size, next.item_count * items.item_size));
        if (!has_room) break;
        count_pending(*next.job, next.item_count);
        given += next.item_count;
      }
      ledger_.announce();
    }
    if (workers_ == Workers::caller) {
      run_here();
      continue;
    }
    if (description.timeout) wake_foreman();
    if (!has_room) wait_for_room(*description.job, window);
  }
}

std::size_t Engine::Master::next_chunk(Job& job) {
  for (;;) {
    std::size_t window = 0;
    {
      const std::lock_guard guard(mutex_);
      if (!job.chunks.adapts()) return job.chunks.next();
      window = job.chunks.window();
      if (Ledger::tasks_of(job) < window || is_shut_.load(std::memory_order_relaxed))
        return job.chunks.next();
    }
    wait_for_room(job, window);
  }
}

// A quarter of the window, or of the slots, at a time: going back and forth for each task would cost more than the tasks.
void Engine::Master::wait_for_room(const Job& job, std::size_t window) {
  const auto beyond = [](std::size_t tasks, std::size_t room) -> std::size_t {
    const std::size_t wanted = room / 4 * 3;
    return tasks > wanted ? tasks - wanted : 0;
  };
  const auto missing = [&]() -> std::size_t {
    if (is_shut_.load(std::memory_order_acquire)) return 0;
    const std::size_t tasks =
        std::max(beyond(Ledger::tasks_of(job), window), beyond(ledger_.outstanding(), pool_.slot_count));
    if (tasks != 0) return tasks;
    return ledger_.is_blocked() ? 1 : 0;  // the foreman looks too, should the next completion take long
  };
  wait_for(Condition(missing), os::Deadline::never());
}

}  // namespace procyon::pool
