#include "pool/master.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <new>

#include "os/signals.hpp"
#include "pool/worker.hpp"

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

Engine::Master::Master(const EngineOptions& options)
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

namespace {
std::chrono::nanoseconds present_task(const WorkerSlot& worker) {
  const std::int64_t began = worker.task_began.load(std::memory_order_relaxed);
  return std::chrono::nanoseconds(began == 0 ? 0 : os::Deadline::monotonic_now() - began);
}
}  // namespace

PoolStats Engine::Master::stats() {
  collect_in_passing();
  const std::lock_guard guard(mutex_);
  PoolStats stats = observer_.stats();
  for (std::uint32_t worker = 0; worker < pool_.worker_count; ++worker)
    if (WorkerStats& row = stats.workers[worker]; row.pid != 0) {
      row.running_for = present_task(pool_.worker(worker));
      stats.total.running_for = std::max(stats.total.running_for, row.running_for);
    }
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

bool Engine::Master::join(os::Deadline deadline) {
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
  if (!wait_for(Condition(missing), deadline)) return false;
  pool_.stopping.exchange(1, std::memory_order_seq_cst);
  sync::wake_all(pool_.worker_sleepers);
  return threads_.join_until(deadline) && workforce_.join_all(deadline) &&
         callbacks_.wait_until_idle(deadline);
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

}  // namespace procyon::pool
