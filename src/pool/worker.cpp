#include "pool/worker.hpp"

#include <signal.h>

#include <cstring>
#include <exception>

#include "arena/participants.hpp"
#include "pool/crash_record.hpp"
#include "pool/last_words.hpp"
#include "pool/limits.hpp"
#include "pool/results.hpp"
#include "pool/stop_watch.hpp"
#include "process/state.hpp"
#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/pool/item_steps.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"
#include "procyon/with_state.hpp"

namespace procyon::pool {

using arena::Handle;
using channel::OpenedParcel;
using channel::PinUse;

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

// Runs the items of one task that was decoded; what an item throws is its outcome.
void run_items(wire::DecodedCallable& callable, ItemSteps& steps) {
  ItemSteps* const address = &steps;
  wire::Writer outcome;
  while (!steps.all_done()) {
    wire::Reader handle(std::as_bytes(std::span(&address, 1)));
    outcome.clear();
    callable.call(handle, outcome);
    if (!steps.all_done()) steps.fail(outcome.bytes());
  }
}

void fail_items(const std::exception_ptr& error, ItemSteps& steps) {
  wire::Writer outcome;
  wire::encode_error_outcome(outcome, error);
  while (!steps.all_done()) steps.fail(outcome.bytes());
}

}  // namespace

wire::DecodedCallable& CallableCache::decode(std::uint64_t number, wire::Reader& bytes) {
  if (callable_ && number != 0 && number == number_) return *callable_;
  callable_.reset();
  callable_.emplace(bytes);
  number_ = number;
  return *callable_;
}

void run_task(arena::Session& session, PoolState& pool, Handle pool_handle, std::uint32_t worker,
              const Claim& claim, CallableCache& cache) {
  TaskSlot& slot = pool.slot(claim.slot);
  const Handle block = Handle::from_bits(slot.task_block);
  const std::byte* const items = block ? session.bytes(block) : slot.task;
  const std::byte* const callable_bytes = items + round_up(slot.items_size);
  OpenedParcel parcel(channel::references_behind(callable_bytes, slot.callable_size, slot.task_references),
                      PinUse::copy);
  TaskTimes* const times = times_of(session, pool, claim.slot);
  if (times != nullptr) times->began.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
  ResultWriter results(session, slot, pool_handle);
  ItemSteps steps(slot, results, {items, slot.items_size}, &parcel);
  wire::DecodedCallable* callable = nullptr;
  std::exception_ptr decoding_error;
  try {
    wire::Reader reader({callable_bytes, slot.callable_size}, &parcel);
    callable = &cache.decode(slot.callable_number, reader);
  } catch (...) {
    decoding_error = std::current_exception();
  }
  const bool is_measured = (slot.timed & TaskSlot::is_measured) != 0;
  const std::int64_t began = is_measured ? os::Deadline::monotonic_now() : 0;
  callable != nullptr ? run_items(*callable, steps) : fail_items(decoding_error, steps);
  if (is_measured) slot.took.store(os::Deadline::monotonic_now() - began, std::memory_order_relaxed);
  if (times != nullptr) times->ended.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
  complete(pool, worker, claim);
}

bool initialize(arena::Session& session, PoolState& pool, const arena::Reference& reference, WorkerSlot& me) {
  if (pool.initializer == 0) return true;
  const std::byte* const bytes = session.bytes(Handle::from_bits(pool.initializer));
  OpenedParcel parcel(channel::references_behind(bytes, pool.initializer_size, pool.initializer_references),
                      PinUse::copy);
  wire::Reader call({bytes, pool.initializer_size}, &parcel);
  wire::Writer outcome;
  wire::run_call(call, outcome);
  if (outcome.bytes().empty() || outcome.bytes()[0] == std::byte{0}) return true;
  const Handle block = session.allocate(outcome.size());
  std::memcpy(session.bytes(block), outcome.bytes().data(), outcome.size());
  me.initializer_error_size.store(outcome.size(), std::memory_order_relaxed);
  me.initializer_error.store(block.bits(), std::memory_order_release);
  session.hand_to(block, reference.handle());
  return false;
}

namespace {

void work(arena::Session& session, PoolState& pool, Handle pool_handle, std::uint32_t index) {
  const auto master = arena::ParticipantId::from_bits(pool.master);
  std::uint32_t tasks_run = 0;
  CallableCache cache;
  const auto has_reason = [&] {
    return may_have_task(pool) || pool.stopping.load(std::memory_order_relaxed) != 0;
  };
  while (pool.stopping.load(std::memory_order_acquire) == 0) {
    if (const auto claimed = claim(pool, index)) {
      note_task_began(pool.worker(index));
      run_task(session, pool, pool_handle, index, *claimed, cache);
      note_task_ended(pool.worker(index));
      const bool has_run_enough = pool.tasks_per_worker != 0 && ++tasks_run == pool.tasks_per_worker;
      if (has_run_enough || (pool.recycle_above != 0 && resident_memory() > pool.recycle_above)) {
        pool.worker(index).retired.store(1, std::memory_order_release);
        return;
      }
      continue;
    }
    sync::wait_until(has_reason, pool.worker_sleepers, os::Deadline::after(os::wait_slice));
    // Belt and braces: the kernel ends daemonic children with their parent.
    if (!may_have_task(pool) && !session.alive(master)) return;
  }
}

// Ctrl-C goes to every process of the terminal; the one that made the pool decides what becomes of the work. A
// handler that does nothing, for what a task executes would inherit that the signal is ignored, and outlive
// everybody.
void disregard_interrupts() {
  struct sigaction action {};
  if (::sigaction(SIGINT, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace

void worker_main(PoolShare share, std::uint32_t index, os::SignalBits blocked,
                 std::vector<Descriptor> standard_error) {
  disregard_interrupts();
  arena::Session& session = arena::Session::current();
  auto& pool = share.reference().get<PoolState>();
  if (!standard_error.empty()) become_stderr(standard_error.front().fileno());
  standard_error.clear();
  catch_crashes(pool.crash(index), pool.max_task_cpu != 0);
  os::set_blocked_signals(pool.max_task_cpu != 0 ? blocked & ~os::signal_bit(SIGXCPU) : blocked);
  if (pool.allow_children != 0) process::State::current().allow_children();
  share_processors(pool.threads_for_each);
  limit_this_worker(pool.max_memory, pool.max_task_cpu);
  WorkerSlot& me = pool.worker(index);
  me.participant.store(session.self().bits(), std::memory_order_release);
  if (!initialize(session, pool, share.reference(), me)) return;
  StopWatch::install(me.stop_bell);
  me.is_ready.store(1, std::memory_order_release);
  pool.ready_workers.fetch_add(1, std::memory_order_seq_cst);
  os::futex_wake_all(pool.ready_workers);
  work(session, pool, share.reference().handle(), index);
  destroy_states();
}

}  // namespace procyon::pool
