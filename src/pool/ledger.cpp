#include "pool/ledger.hpp"

#include <algorithm>
#include <cstring>

#include "pool/results.hpp"
#include "pool/task_ring.hpp"

namespace procyon::pool {

using arena::Handle;
using channel::OpenedParcel;

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

SlotState state_of(const TaskSlot& slot) {
  return SlotState::from_bits(slot.state.load(std::memory_order_acquire));
}

}  // namespace

Ledger::Ledger(arena::Session& session, PoolState& pool, Handle pool_handle)
    : session_(session), pool_(pool), pool_handle_(pool_handle), entries_(pool.slot_count) {
  for (std::uint32_t index = pool.slot_count; index-- > 0;) free_.push_back(index);
}

bool Ledger::give_out(const TaskDescription& description, EncodedTask& task) {
  if (free_.empty() || !unpublished_.empty()) return false;
  const std::uint32_t index = free_.back();
  fill(pool_.slot(index), description, task);
  free_.pop_back();
  entries_[index] = {description, 0};
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  if (description.timeout) ++timed_in_use_;
  if (!publish(pool_, index)) unpublished_.push_back(index);
  return true;
}

void Ledger::fill(TaskSlot& slot, const TaskDescription& description, EncodedTask& task) {
  const auto bytes = task.bytes.bytes();
  const auto references = task.parcel.references();
  std::byte* target = slot.task;
  slot.task_block = 0;
  if (!references.empty() || bytes.size() > inline_task_bytes) {
    const Handle block = session_.allocate(round_up(bytes.size()) + references.size_bytes());
    target = session_.bytes(block);
    if (!references.empty())
      std::memcpy(target + round_up(bytes.size()), references.data(), references.size_bytes());
    slot.task_references = references.size();
    task.parcel.hand_to(block);
    session_.hand_to(block, pool_handle_);
    slot.task_block = block.bits();
  } else {
    slot.task_references = 0;
  }
  if (!bytes.empty()) std::memcpy(target, bytes.data(), bytes.size());
  slot.task_size = bytes.size();
  slot.first_item = 0;
  slot.item_count = description.item_count;
  slot.timed = description.timeout ? 1 : 0;
  slot.progress.store(0, std::memory_order_relaxed);
}

void Ledger::keep(const TaskDescription& description, EncodedTask&& task) {
  auto kept = std::make_unique<EncodedTask>();
  kept->parcel.swap(task.parcel);
  kept->bytes = std::move(task.bytes);
  kept_.push_back({description, std::move(kept)});
  outstanding_.fetch_add(1, std::memory_order_relaxed);
}

bool Ledger::feed() {
  republish();
  bool fed = false;
  while (!kept_.empty() && give_out(kept_.front().description, *kept_.front().task)) {
    kept_.pop_front();
    outstanding_.fetch_sub(1, std::memory_order_relaxed);  // give_out() has counted it anew
    fed = true;
  }
  return fed;
}

void Ledger::republish() {
  while (!unpublished_.empty() && publish(pool_, unpublished_.back())) unpublished_.pop_back();
}

bool Ledger::has_completed() const {
  for (std::uint32_t word = 0; word * 64 < pool_.slot_count; ++word)
    if (pool_.completed[word].load(std::memory_order_seq_cst) != 0) return true;
  return false;
}

std::size_t Ledger::collect() {
  std::size_t collected = 0;
  for (std::uint32_t word = 0; word * 64 < pool_.slot_count; ++word) {
    if (pool_.completed[word].load(std::memory_order_relaxed) == 0) continue;
    std::uint64_t bits = pool_.completed[word].exchange(0, std::memory_order_acquire);
    for (; bits != 0; bits &= bits - 1) {
      const std::uint32_t index = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      // A late bit may name a slot that was settled after its worker's death, and used again.
      if (!entries_[index].task || state_of(pool_.slot(index)).phase != Phase::done) continue;
      settle_slot(index, nullptr);
      ++collected;
    }
  }
  if (collected != 0) feed();
  return collected;
}

void Ledger::settle_slot(std::uint32_t index, const std::exception_ptr& lost) {
  TaskSlot& slot = pool_.slot(index);
  Entry& entry = entries_[index];
  const bool is_done = state_of(slot).phase == Phase::done;
  const Progress progress = Progress::from_bits(slot.progress.load(std::memory_order_acquire));
  deliver_finished(index, is_done ? slot.item_count : progress.finished);
  std::uint32_t ended = std::max(entry.delivered, progress.finished);
  if (lost) {
    end_item(entry, ended, lost);
    ++ended;
    entry.delivered = ended;
  }
  if (is_done || ended == slot.item_count) return free_slot(index);
  publish_again(index, ended);
}

void Ledger::deliver_finished(std::uint32_t index, std::uint32_t finished) {
  TaskSlot& slot = pool_.slot(index);
  Entry& entry = entries_[index];
  Job& job = *entry.task->job;
  ResultReader results(session_, slot);
  for (std::uint32_t item = slot.first_item; item < finished; ++item) {
    try {
      const ResultReader::Result result = results.next();
      OpenedParcel parcel(result.references);
      wire::Reader reader(result.outcome, &parcel);
      job.deliver(entry.task->first_item + item, reader);
    } catch (...) {
      job.fail(entry.task->first_item + item, std::current_exception());
    }
    job.pending.fetch_sub(1, std::memory_order_release);
  }
  entry.delivered = std::max(entry.delivered, finished);
}

void Ledger::end_item(Entry& entry, std::uint32_t item, const std::exception_ptr& error) {
  entry.task->job->fail(entry.task->first_item + item, error);
  entry.task->job->pending.fetch_sub(1, std::memory_order_release);
}

void Ledger::free_slot(std::uint32_t index) {
  TaskSlot& slot = pool_.slot(index);
  free_results(session_, slot, pool_handle_);
  if (slot.task_block != 0) session_.release(Handle::from_bits(slot.task_block));
  slot.task_block = 0;
  slot.state.store(SlotState{}.bits(), std::memory_order_release);
  if (entries_[index].task->timeout) --timed_in_use_;
  entries_[index].task.reset();
  free_.push_back(index);
  outstanding_.fetch_sub(1, std::memory_order_release);
}

void Ledger::publish_again(std::uint32_t index, std::uint32_t first_item) {
  TaskSlot& slot = pool_.slot(index);
  free_results(session_, slot, pool_handle_);
  slot.first_item = first_item;
  slot.progress.store(Progress{first_item, false, first_item}.bits(), std::memory_order_relaxed);
  if (!publish(pool_, index)) unpublished_.push_back(index);
}

std::vector<Ledger::Overrun> Ledger::condemn_overruns() {
  std::vector<Overrun> overruns;
  if (timed_in_use_ == 0) return overruns;
  const std::int64_t now = os::Deadline::monotonic_now();
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index) {
    TaskSlot& slot = pool_.slot(index);
    const SlotState state = state_of(slot);
    if (state.phase != Phase::taken || !entries_[index].task || !entries_[index].task->timeout) continue;
    std::uint64_t seen = slot.progress.load(std::memory_order_acquire);
    const Progress progress = Progress::from_bits(seen);
    const std::int64_t began = slot.item_began.load(std::memory_order_relaxed);
    if (!progress.is_running() || progress.condemned || now - began < entries_[index].task->timeout->count())
      continue;
    // If the item ends at this very moment, its worker's compare-and-swap or ours fails, not both.
    const Progress condemned{progress.begun, true, progress.finished};
    if (slot.progress.compare_exchange_strong(seen, condemned.bits(), std::memory_order_acq_rel))
      overruns.push_back({state.worker});
  }
  return overruns;
}

os::Deadline Ledger::next_overrun() const {
  // Items begin without telling us: while there are timed ones, look every few milliseconds, or a fiftieth of the
  // shortest time-out, whichever is longer.
  if (timed_in_use_ == 0) return os::Deadline::never();
  std::chrono::nanoseconds shortest = std::chrono::seconds(5);
  for (const Entry& entry : entries_)
    if (entry.task && entry.task->timeout) shortest = std::min(shortest, *entry.task->timeout);
  return os::Deadline::after(std::max<std::chrono::nanoseconds>(shortest / 50, std::chrono::milliseconds(2)));
}

void Ledger::fail_all(const std::exception_ptr& error) {
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index) {
    Entry& entry = entries_[index];
    if (!entry.task) continue;
    for (std::uint32_t item = std::max(entry.delivered, pool_.slot(index).first_item);
         item < entry.task->item_count; ++item)
      end_item(entry, item, error);
    free_slot(index);
  }
  for (Kept& kept : kept_) {
    Entry entry{kept.description, 0};
    for (std::uint32_t item = 0; item < entry.task->item_count; ++item) end_item(entry, item, error);
  }
  outstanding_.fetch_sub(kept_.size(), std::memory_order_release);
  kept_.clear();
  unpublished_.clear();
}

}  // namespace procyon::pool
