#include "pool/worker.hpp"

#include <unistd.h>

#include <cstring>
#include <exception>

#include "arena/participants.hpp"
#include "pool/results.hpp"
#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"

namespace procyon::pool {

using arena::Handle;
using channel::OpenedParcel;
using channel::Parcel;
using channel::PinUse;
using channel::TravellingReference;

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

std::span<const TravellingReference> references_at(const std::byte* bytes, std::size_t size,
                                                   std::size_t count) {
  return {reinterpret_cast<const TravellingReference*>(bytes + round_up(size)), count};
}

// The master wants the running item's end by force: its outcome is no longer ours to give. The signal is on its way.
[[noreturn]] void await_execution() {
  for (;;) ::pause();
}

// Steps from one item to the next; each is a store, or a compare-and-swap where the master may condemn.
class ProgressWriter {
 public:
  explicit ProgressWriter(TaskSlot& slot) : slot_(slot), timed_(slot.timed != 0) {}

  void begin(std::uint32_t item) {
    if (timed_) slot_.item_began.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
    slot_.progress.store(Progress{item + 1, false, item}.bits(), std::memory_order_release);
  }
  void finish(std::uint32_t item) {
    std::uint64_t running = Progress{item + 1, false, item}.bits();
    const std::uint64_t finished = Progress{item + 1, false, item + 1}.bits();
    if (!timed_) return slot_.progress.store(finished, std::memory_order_release);
    if (!slot_.progress.compare_exchange_strong(running, finished, std::memory_order_acq_rel))
      await_execution();
  }

 private:
  TaskSlot& slot_;
  bool timed_;
};

void append_error(ResultWriter& results, const std::exception_ptr& error) {
  wire::Writer outcome;
  wire::encode_error_outcome(outcome, error);
  Parcel nothing;
  results.append(outcome.bytes(), nothing);
}

// Runs the items of one task that was decoded; `callable` is null if decoding it failed with `decoding_error`.
class ItemRunner {
 public:
  ItemRunner(TaskSlot& slot, ResultWriter& results, wire::DecodedCallable* callable,
             std::exception_ptr decoding_error)
      : slot_(slot), results_(results), callable_(callable), decoding_error_(std::move(decoding_error)) {}

  void run(wire::Reader& items) {
    ProgressWriter progress(slot_);
    for (std::uint32_t item = 0; item < slot_.item_count; ++item) {
      const std::span<const std::byte> arguments = next_item(items);
      if (item < slot_.first_item) continue;
      progress.begin(item);
      run_one(arguments, items.attachments());
      progress.finish(item);
    }
  }

 private:
  std::span<const std::byte> next_item(wire::Reader& items) {
    if (callable_ == nullptr) return {};
    const auto size = items.get<std::uint32_t>("size of an item");
    return {items.take(size, "item"), size};
  }

  void run_one(std::span<const std::byte> arguments, wire::Attachments* attachments) {
    if (callable_ == nullptr) return append_error(results_, decoding_error_);
    outcome_.clear();
    parcel_.discard();
    outcome_.set_attachments(&parcel_);
    wire::Reader reader(arguments, attachments);
    callable_->call(reader, outcome_);
    // A task forked, and the child came back here too: the task and all that follows is its parent's.
    if (arena::current_participant() != me_) ::_exit(0);
    try {
      results_.append(outcome_.bytes(), parcel_);
    } catch (const SessionError&) {
      append_error(results_, std::current_exception());  // smaller than the result, we hope
    }
  }

  TaskSlot& slot_;
  ResultWriter& results_;
  wire::DecodedCallable* callable_;
  std::exception_ptr decoding_error_;
  const arena::ParticipantId me_ = arena::current_participant();
  Parcel parcel_;
  wire::Writer outcome_;
};

}  // namespace

wire::DecodedCallable& CallableCache::decode(wire::Reader& task, std::span<const std::byte> bytes) {
  if (callable_ && !bytes_.empty() && bytes.size() >= bytes_.size() &&
      std::memcmp(bytes.data(), bytes_.data(), bytes_.size()) == 0) {
    task.take(bytes_.size(), "callable");
    return *callable_;
  }
  callable_.reset();
  callable_.emplace(task);
  bytes_.clear();
  if (callable_->is_stateless())
    bytes_.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(task.position()));
  return *callable_;
}

void run_task(arena::Session& session, PoolState& pool, Handle pool_handle, std::uint32_t worker,
              const Claim& claim, CallableCache& cache) {
  TaskSlot& slot = pool.slot(claim.slot);
  const Handle block = Handle::from_bits(slot.task_block);
  const std::byte* const bytes = block ? session.bytes(block) : slot.task;
  OpenedParcel parcel(references_at(bytes, slot.task_size, slot.task_references), PinUse::copy);
  wire::Reader reader({bytes, slot.task_size}, &parcel);
  ResultWriter results(session, slot, pool_handle);
  wire::DecodedCallable* callable = nullptr;
  std::exception_ptr decoding_error;
  try {
    callable = &cache.decode(reader, {bytes, slot.task_size});
  } catch (...) {
    decoding_error = std::current_exception();
  }
  ItemRunner(slot, results, callable, decoding_error).run(reader);
  complete(pool, worker, claim);
}

namespace {

// Runs the initializer, if there is one. An error of it is left in the worker's slot for the master.
bool initialize(arena::Session& session, PoolState& pool, const arena::Reference& reference, WorkerSlot& me) {
  if (pool.initializer == 0) return true;
  const std::byte* const bytes = session.bytes(Handle::from_bits(pool.initializer));
  OpenedParcel parcel(references_at(bytes, pool.initializer_size, pool.initializer_references), PinUse::copy);
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

void work(arena::Session& session, PoolState& pool, Handle pool_handle, std::uint32_t index) {
  const auto master = arena::ParticipantId::from_bits(pool.master);
  std::uint32_t tasks_run = 0;
  CallableCache cache;
  const auto has_reason = [&] {
    return may_have_task(pool) || pool.stopping.load(std::memory_order_relaxed) != 0;
  };
  while (pool.stopping.load(std::memory_order_acquire) == 0) {
    if (const auto claimed = claim(pool, index)) {
      run_task(session, pool, pool_handle, index, *claimed, cache);
      if (pool.tasks_per_worker != 0 && ++tasks_run == pool.tasks_per_worker) {
        pool.worker(index).retired.store(1, std::memory_order_release);
        return;
      }
      continue;
    }
    sync::wait_until(has_reason, pool.worker_sleepers, pool.submitted, os::Deadline::after(os::wait_slice));
    // Belt and braces: the kernel ends daemonic children with their parent.
    if (!may_have_task(pool) && !session.alive(master)) return;
  }
}

}  // namespace

void worker_main(PoolShare share, std::uint32_t index, os::SignalBits blocked) {
  os::set_blocked_signals(blocked);
  arena::Session& session = arena::Session::current();
  auto& pool = share.reference().get<PoolState>();
  WorkerSlot& me = pool.worker(index);
  me.participant.store(session.self().bits(), std::memory_order_release);
  if (!initialize(session, pool, share.reference(), me)) return;
  me.is_ready.store(1, std::memory_order_release);
  work(session, pool, share.reference().handle(), index);
}

}  // namespace procyon::pool
