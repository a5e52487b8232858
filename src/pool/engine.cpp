#include "procyon/detail/pool/engine.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>

#include "arena/participants.hpp"
#include "os/signals.hpp"
#include "pool/callbacks.hpp"
#include "pool/certificate.hpp"
#include "pool/interrupts.hpp"
#include "pool/ledger.hpp"
#include "pool/restart_pace.hpp"
#include "pool/thread_worker.hpp"
#include "pool/worker.hpp"
#include "pool/workforce.hpp"
#include "process/state.hpp"
#include "procyon/detail/sync/doorbell.hpp"
#include "procyon/detail/wire/call.hpp"

namespace procyon::pool {

using arena::Handle;
using arena::Reference;
using arena::Session;

namespace {

Reference make_pool(const EngineOptions& options) {
  const std::uint32_t slots = std::min(slot_limit, std::bit_ceil(std::max(256u, 16 * options.processes)));
  Reference reference =
      Reference::create_with_room<PoolState>(PoolState::room_for(options.processes, slots), pool_type);
  auto& pool = reference.get<PoolState>();
  pool.slot_count = slots;
  pool.worker_count = options.processes;
  pool.tasks_per_worker = options.tasks_per_worker;
  pool.max_memory = options.max_memory_per_worker;
  pool.recycle_above = options.recycle_above_memory;
  pool.max_task_cpu = options.max_cpu_time_per_task.count();
  pool.threads_for_each = options.threads_for_each;
  pool.allow_children = options.allow_children ? 1 : 0;
  pool.master = Session::current().self().bits();
  pool.construct_tables();
  if (options.times) {
    const Handle block = Session::current().allocate(slots * sizeof(TaskTimes));
    for (std::uint32_t slot = 0; slot < slots; ++slot)
      new (reinterpret_cast<TaskTimes*>(Session::current().bytes(block)) + slot) TaskTimes;
    Session::current().hand_to(block, reference.handle());
    pool.task_times = block.bits();
  }
  return reference;
}

void store_initializer(const Reference& reference, EncodedTask& call) {
  auto& pool = reference.get<PoolState>();
  pool.initializer_size = call.callable.size();
  pool.initializer_references = call.parcel.references().size();
  const Handle block = channel::store_in_block(call.callable.bytes(), call.parcel);
  Session::current().hand_to(block, reference.handle());
  pool.initializer = block.bits();
}

}  // namespace

// The state of a pool in its master. Shared with the foreman's thread.
class Engine::Master final : public Interruptible {
 public:
  explicit Master(const EngineOptions& options)
      : session_(Session::current()),
        creator_(session_.self()),
        reference_(make_pool(options)),
        pool_(reference_.get<PoolState>()),
        observer_(options.processes, options.trace),
        ledger_(session_, pool_, reference_.handle(), &observer_),
        workers_(options.workers),
        workforce_(reference_, {options.start_method, options.keeps_stderr},
                   [bell = foremans_bell_] { ring(*bell); }),
        threads_(pool_, options.thread_initializer),
        restart_pace_(options.processes) {
    if (workers_ != Workers::processes) ledger_.never_end_workers();
  }

  void begin(const EngineOptions& options, EncodedTask& initializer);
  bool end_job(Job& job, const std::exception_ptr& error);
  void end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error);
  void submit(TaskDescription description, EncodedTask& task, bool wait_for_slot);
  void submit_all(const TaskDescription& description, EncodedTask& task, const ItemRun& items);
  std::size_t next_chunk(Job& job);
  bool wait_for(Condition condition, os::Deadline deadline);
  bool wait(const Job& job, os::Deadline deadline);
  void collect();
  void collect_in_passing();
  // For wait(), which listens to this process's bell: counted like any waiter, so that nobody asks to be woken late.
  void begin_watch();
  void end_watch();
  void ring_when_complete(std::uint32_t bells);
  bool wait_ready(os::Deadline deadline);
  void interrupt(const std::exception_ptr& cause, os::Deadline drained_by) override;
  void close();
  void terminate();
  void join();
  void end();

  PoolStats stats();
  std::string trace_json();

  /// False in a forked child, where the pool is its parent's.
  [[nodiscard]] bool is_creator() const { return arena::current_participant() == creator_; }
  [[nodiscard]] const PoolState& pool() const { return pool_; }
  std::mutex& mutex() { return mutex_; }
  Callbacks& callbacks() { return callbacks_; }
  void tell_everybody() {
    wake_waiters();
    wake_collector();
  }

  /// First thing everywhere: in a forked child even the mutex may be held for ever, and results are the parent's.
  void require_creator() const {
    if (!is_creator())
      throw std::logic_error("procyon: this pool belongs to the process that made it; a child cannot use it");
  }

 private:
  enum class Life : std::uint8_t { open, closed, terminated };

  void require_open() const;
  void require_no_task_of_mine(const char* call) const;
  void check_timeout(TaskDescription& description, const EncodedTask& task) const;
  static void ask_to_stop(const std::vector<Ledger::StopRequest>& requests);
  bool try_submit(const TaskDescription& description, EncodedTask& task);
  void run_here();
  void start_here();
  void start_threads(std::uint32_t count);
  bool end_at_once(const TaskDescription& description);
  void wait_for_room(const Job& job, std::size_t window);
  [[nodiscard]] std::size_t tasks_to_await(std::size_t missing) const;
  static void ring(os::FutexWord& bell);
  void wake_foreman() { ring(*foremans_bell_); }
  void wake_waiters();
  void wake_collector();

  // The foreman's work.
  void run_foreman();
  bool foremans_round();
  void deal_with_ends();
  static std::exception_ptr loss(const Certificate& certificate, const TaskDescription& task,
                                 std::uint32_t item, bool condemned);
  std::exception_ptr initializer_error(std::uint32_t worker);
  void replace(std::uint32_t worker);
  void break_pool(const std::exception_ptr& cause);
  [[nodiscard]] os::Deadline next_round() const;

  Session& session_;
  const arena::ParticipantId creator_;
  Reference reference_;
  PoolState& pool_;

  mutable std::mutex mutex_;  // guards all below up to the next blank line
  Observer observer_;
  Ledger ledger_;
  Life life_ = Life::open;
  std::exception_ptr broken_;
  std::exception_ptr
      interrupted_;  // what the pool is broken with at `drained_by_`, or when all tasks have ended
  os::Deadline drained_by_ = os::Deadline::never();
  std::vector<std::uint32_t> to_end_;  // workers whose running item was condemned by end_job()
  struct Start {
    std::uint32_t worker;
    os::Deadline not_before;
  };
  std::vector<Start> to_start_;  // workers that could not be started yet, or have to wait
  std::uint32_t idle_ends_ = 0;  // ends of workers in a row that were never ready for tasks

  // The foreman sleeps on it. Shared with the supervisor, who may ring it when this pool is gone.
  std::shared_ptr<os::FutexWord> foremans_bell_ = std::make_shared<os::FutexWord>(0);
  const Workers workers_;
  Workforce workforce_;  // of these three, one is in use
  ThreadWorkers threads_;
  std::recursive_mutex here_;                 // held by the caller that runs tasks, which may give out more
  std::exception_ptr thread_failed_;          // an initializer; guarded by mutex_
  std::optional<Certificates> certificates_;  // the foreman's, as are the next two
  RestartPace restart_pace_;
  std::int64_t last_end_ = 0;
  std::atomic<std::uint32_t> waiters_{0};
  std::atomic<std::uint32_t> watches_{0};  // waiters of wait(): told by this process's bell
  std::mutex collecting_;                  // held by the one thread that sleeps on the workers' word
  os::FutexWord local_word_{0};            // waiters who do not collect sleep on it
  std::atomic<bool> is_shut_{false};       // broken or terminated: nothing will be given out any more
  std::atomic<bool> ended_{false};
  std::thread foreman_;
  Callbacks callbacks_;
};

// ---- submitting and waiting

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
    while (const auto claimed = claim(pool_, 0))
      run_task(session_, pool_, reference_.handle(), 0, *claimed, cache);
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

// ---- the foreman

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

// ---- beginning and end

void Engine::Master::begin(const EngineOptions& options, EncodedTask& initializer) {
  if (options.has_initializer) store_initializer(reference_, initializer);
  if (workers_ == Workers::caller) return start_here();
  if (workers_ == Workers::threads) {
    start_threads(options.processes);
    const os::BlockSignals blocked;
    foreman_ = std::thread([this] { run_foreman(); });
    return;
  }
  try {
    for (std::uint32_t worker = 0; worker < options.processes; ++worker)
      observer_.started(worker, workforce_.start(worker));
  } catch (...) {
    pool_.stopping.store(1, std::memory_order_seq_cst);
    workforce_.end_all();
    workforce_.join_all(os::Deadline::after(std::chrono::seconds(1)));
    workforce_.end_overdue();
    workforce_.join_all(os::Deadline::never());
    throw;
  }
  const os::BlockSignals blocked;  // the foreman must not take the user's signals
  foreman_ = std::thread([this] { run_foreman(); });
}

void Engine::Master::start_here() {
  observer_.started(0, ::getpid());
  if (!initialize(session_, pool_, reference_, pool_.worker(0))) break_pool(initializer_error(0));
}

void Engine::Master::start_threads(std::uint32_t count) {
  for (std::uint32_t worker = 0; worker < count; ++worker) observer_.started(worker, ::getpid());
  threads_.start(count, [this](const std::exception_ptr& error) {
    const Error what(error);
    {
      const std::lock_guard guard(mutex_);
      thread_failed_ = std::make_exception_ptr(BrokenPool(
          "procyon: the initializer of this pool failed in a thread, so it has none to work with: " +
          what.type() + ": " + what.what()));
    }
    wake_foreman();
  });
}

PoolStats Engine::Master::stats() {
  collect_in_passing();
  const std::lock_guard guard(mutex_);
  PoolStats stats = observer_.stats();
  stats.outstanding = ledger_.outstanding();
  return stats;
}

std::string Engine::Master::trace_json() {
  collect_in_passing();
  const std::lock_guard guard(mutex_);
  return observer_.trace_json();
}

void Engine::Master::interrupt(const std::exception_ptr& cause, os::Deadline drained_by) {
  {
    const std::lock_guard guard(mutex_);
    if (interrupted_) return;
    interrupted_ = cause;
    drained_by_ = drained_by;
  }
  wake_foreman();
}

bool Engine::Master::wait_ready(os::Deadline deadline) {
  if (workers_ != Workers::processes) return true;
  for (;;) {
    const std::uint32_t seen = pool_.ready_workers.load(std::memory_order_seq_cst);
    {
      const std::lock_guard guard(mutex_);
      if (broken_) std::rethrow_exception(broken_);
      if (life_ == Life::terminated)
        throw std::logic_error("procyon: this pool was terminated; its workers will never be ready");
    }
    std::uint32_t ready = 0;
    for (std::uint32_t worker = 0; worker < pool_.worker_count; ++worker)
      ready += pool_.worker(worker).is_ready.load(std::memory_order_acquire);
    if (ready == pool_.worker_count) return true;
    if (deadline.expired()) return false;
    os::futex_wait(pool_.ready_workers, seen,
                   deadline.slice(os::wait_slice));  // the pool may break meanwhile
  }
}

void Engine::Master::close() {
  const std::lock_guard guard(mutex_);
  if (life_ == Life::open) life_ = Life::closed;
}

void Engine::Master::terminate() {
  require_no_task_of_mine("terminate");
  std::vector<Ledger::StopRequest> stops;
  {
    const std::lock_guard guard(mutex_);
    if (life_ == Life::terminated) return;
    life_ = Life::terminated;
    is_shut_.store(true, std::memory_order_release);
    ledger_.collect();  // what is done is done
    pool_.stopping.exchange(1, std::memory_order_seq_cst);
    ledger_.ask_all_to_stop();
    stops = ledger_.take_stop_requests();
  }
  sync::wake_all(pool_.worker_sleepers);
  ask_to_stop(stops);
  threads_.join();
  const std::lock_guard nobody_works_here(here_);
  workforce_.end_all();
  const os::Deadline kill_at = workforce_.next_overdue();
  if (!workforce_.join_all(kill_at)) {
    workforce_.end_overdue();
    workforce_.join_all(os::Deadline::never());
  }
  {
    const std::lock_guard guard(mutex_);
    ledger_.fail_all(
        std::make_exception_ptr(Cancelled("procyon: the pool was terminated before this task had ended")));
  }
  tell_everybody();
}

void Engine::Master::join() {
  require_no_task_of_mine("join");
  {
    const std::lock_guard guard(mutex_);
    if (life_ == Life::open)
      throw std::logic_error("procyon: this pool still takes tasks; close() or terminate() it before join()");
  }
  const auto missing = [this] {
    const std::lock_guard guard(mutex_);
    return std::size_t{ledger_.outstanding() == 0 ? 0U : 1U};
  };
  wait_for(Condition(missing), os::Deadline::never());
  pool_.stopping.exchange(1, std::memory_order_seq_cst);
  sync::wake_all(pool_.worker_sleepers);
  threads_.join();
  workforce_.join_all(os::Deadline::never());
  callbacks_.wait_until_idle();
}

void Engine::Master::end() {
  terminate();
  ended_.store(true, std::memory_order_release);
  wake_foreman();
  if (foreman_.joinable()) foreman_.join();
  // One that the foreman was starting meanwhile.
  workforce_.end_all();
  workforce_.join_all(os::Deadline::after(Workforce::grace));
  workforce_.end_overdue();
  workforce_.join_all(os::Deadline::never());
  callbacks_.end();
}

// ---- Engine

Engine::Engine(const EngineOptions& options, EncodedTask& initializer)
    : master_(std::make_shared<Master>(options)) {
  tell_interrupts(master_);
  master_->begin(options, initializer);
}

Engine::~Engine() {
  end();
  // After a user's fork: workers and foreman are the parent's. What stands for them here is never touched again.
  if (!master_->is_creator()) static_cast<void>(new std::shared_ptr<Master>(std::move(master_)));
}

void Engine::end() {
  if (master_->is_creator()) master_->end();
}

void Engine::submit(TaskDescription description, EncodedTask& task, bool wait_for_slot) {
  master_->require_creator();
  master_->submit(std::move(description), task, wait_for_slot);
}
void Engine::submit_all(const TaskDescription& description, EncodedTask& task, const ItemRun& items) {
  master_->require_creator();
  master_->submit_all(description, task, items);
}
std::size_t Engine::next_chunk(Job& job) {
  master_->require_creator();
  return master_->next_chunk(job);
}
bool Engine::wait(const Job& job, os::Deadline deadline) {
  master_->require_creator();
  return master_->wait(job, deadline);
}
bool Engine::wait_for(Condition condition, os::Deadline deadline) {
  master_->require_creator();
  return master_->wait_for(condition, deadline);
}
void Engine::collect() {
  master_->require_creator();
  master_->collect_in_passing();
}
bool Engine::end_job(Job& job, const std::exception_ptr& error) {
  master_->require_creator();
  return master_->end_job(job, error);
}
void Engine::end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error) {
  master_->require_creator();
  master_->end_job_at(job, deadline, std::move(error));
}

void Engine::open(Job& job) {
  const std::lock_guard guard(mutex());
  job.pending.store(job.pending.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
void Engine::settled(Job& job) {
  {
    const std::lock_guard guard(mutex());
    Ledger::count_ended(job, 1);
  }
  master_->tell_everybody();
}
void Engine::forget(Job& job) {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard guard(mutex());
  dropped.swap(job.when_ended_);
  job.is_listened_to_ = false;
}
bool Engine::when_ended(Job& job, std::function<void()> call) {
  const std::lock_guard guard(mutex());
  if (job.pending.load(std::memory_order_relaxed) == 0) return false;
  job.when_ended_.push_back(std::move(call));
  job.is_listened_to_ = true;
  return true;
}
void Engine::prepare_callbacks() {
  master_->require_creator();
  master_->callbacks().start();
}
void Engine::call_back(std::function<void()> call) { master_->callbacks().post(std::move(call)); }

class Engine::Waited final : public sync::Waitable {
 public:
  Waited(std::shared_ptr<Engine> engine, std::shared_ptr<const Job> job)
      : engine_(std::move(engine)), job_(std::move(job)) {
    engine_->master_->require_creator();
    engine_->master_->begin_watch();
  }
  ~Waited() override { engine_->master_->end_watch(); }
  bool ready() override {
    engine_->collect();
    return job_->pending.load(std::memory_order_seq_cst) == 0;
  }
  void arm(std::uint32_t bells) override { engine_->master_->ring_when_complete(bells); }

 private:
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<const Job> job_;
};

sync::WaitTarget Engine::wait_target(std::shared_ptr<Engine> engine, std::shared_ptr<const Job> job) {
  const auto* const identity = job.get();
  return {std::make_shared<Waited>(std::move(engine), std::move(job)),
          {sync::WaitTarget::Kind::result, reinterpret_cast<std::uintptr_t>(identity)}};
}

PoolStats Engine::stats() {
  master_->require_creator();
  return master_->stats();
}
std::string Engine::trace_json() {
  master_->require_creator();
  return master_->trace_json();
}

bool Engine::wait_ready(os::Deadline deadline) {
  master_->require_creator();
  return master_->wait_ready(deadline);
}
void Engine::close() {
  master_->require_creator();
  master_->close();
}
void Engine::terminate() {
  master_->require_creator();
  master_->terminate();
}
void Engine::join() {
  master_->require_creator();
  master_->join();
}
std::uint32_t Engine::slot_count() const { return master_->pool().slot_count; }
std::uint32_t Engine::process_count() const { return master_->pool().worker_count; }
std::mutex& Engine::mutex() {
  master_->require_creator();
  return master_->mutex();
}

}  // namespace procyon::pool
