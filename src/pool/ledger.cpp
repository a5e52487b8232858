#include "pool/ledger.hpp"

#include <algorithm>
#include <cstring>

#include "pool/results.hpp"

namespace procyon::pool {

using arena::Handle;
using channel::OpenedParcel;

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

SlotState state_of(const TaskSlot& slot) {
  return SlotState::from_bits(slot.state.load(std::memory_order_acquire));
}

// For numbers that are changed under the mutex only: no locked instruction.
constexpr std::size_t minus_one = std::size_t{0} - 1;
void count(std::atomic<std::size_t>& number, std::size_t change) {
  number.store(number.load(std::memory_order_relaxed) + change, std::memory_order_release);
}

}  // namespace

Ledger::Ledger(arena::Session& session, PoolState& pool, Handle pool_handle, Observer* observer)
    : session_(session),
      pool_(pool),
      pool_handle_(pool_handle),
      observer_(observer),
      publisher_(pool),
      completions_(pool),
      entries_(pool.slot_count) {
  for (std::uint32_t index = pool.slot_count; index-- > 0;) free_.push_back(index);
}

bool Ledger::give_out(const TaskDescription& description, EncodedTask& task,
                      std::span<const std::byte> items) {
  if (!unpublished_.empty()) republish();
  if (free_.empty() || !unpublished_.empty()) return false;
  const std::uint32_t index = free_.back();
  fill(pool_.slot(index), description, task, items);
  if (TaskTimes* const times = times_of(session_, pool_, index); times != nullptr) {
    times->given.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
    times->began.store(0, std::memory_order_relaxed);
  }
  free_.pop_back();
  Job& job = *description.job;
  hold(job, description.job);
  entries_[index] = {&job, description.first_item, description.item_count,
                     0,    description.timeout,    task.local};
  count(outstanding_, 1);
  if (description.timeout) ++timed_in_use_;
  publish(index);
  return true;
}

void Ledger::hold(Job& job, const std::shared_ptr<Job>& self) {
  if (job.tasks_.load(std::memory_order_relaxed) == 0) job.self_ = self;
  count(job.tasks_, 1);
}

void Ledger::let_go(Job& job) {
  const std::shared_ptr<Job> self =
      job.tasks_.load(std::memory_order_relaxed) == 1 ? std::move(job.self_) : nullptr;
  count(job.tasks_, minus_one);
}

// The number that stands for these bytes: a worker that has seen it need not look at them.
std::uint64_t Ledger::number_of(std::span<const std::byte> callable) {
  if (callable.size() != last_callable_.size() ||
      std::memcmp(callable.data(), last_callable_.data(), callable.size()) != 0) {
    last_callable_.assign(callable.begin(), callable.end());
    ++last_callable_number_;
  }
  return last_callable_number_;
}

void Ledger::fill(TaskSlot& slot, const TaskDescription& description, EncodedTask& task,
                  std::span<const std::byte> items) {
  const auto callable = task.callable.bytes();
  const auto references = task.parcel.references();
  const std::size_t callable_at = round_up(items.size());
  const std::size_t references_at = callable_at + round_up(callable.size());
  std::byte* target = slot.task;
  Handle block;
  if (!references.empty() || callable_at + callable.size() > inline_task_bytes) {
    block = session_.allocate(references_at + references.size_bytes());
    target = session_.bytes(block);
  }
  if (!items.empty()) std::memcpy(target, items.data(), items.size());
  std::memcpy(target + callable_at, callable.data(), callable.size());
  slot.callable_number = task.is_stateless && references.empty() ? number_of(callable) : 0;
  slot.task_references = references.size();
  slot.task_block = block.bits();
  if (!references.empty()) {
    std::memcpy(target + references_at, references.data(), references.size_bytes());
    task.parcel.hand_to(block);
  }
  if (block) session_.hand_to(block, pool_handle_);
  slot.items_size = items.size();
  slot.callable_size = callable.size();
  slot.item_size = task.item_size;
  slot.first_item = 0;
  slot.item_count = description.item_count;
  slot.timed = description.timeout || pool_.max_task_cpu != 0 ? 1 : 0;
  slot.progress.store(0, std::memory_order_relaxed);
}

void Ledger::keep(const TaskDescription& description, EncodedTask&& task) {
  auto kept = std::make_unique<EncodedTask>();
  kept->parcel.swap(task.parcel);
  kept->callable = std::move(task.callable);
  kept->items = std::move(task.items);
  kept->item_size = task.item_size;
  kept->is_stateless = task.is_stateless;
  kept->local = std::move(task.local);
  kept_.push_back({description, std::move(kept)});
  count(outstanding_, 1);
}

bool Ledger::feed() {
  bool fed = republish();
  while (!kept_.empty() && give_out(kept_.front().description, *kept_.front().task)) {
    kept_.pop_front();
    count(outstanding_, minus_one);  // give_out() has counted it anew
    fed = true;
  }
  announce();
  return fed;
}

void Ledger::publish(std::uint32_t index) {
  if (publisher_.publish(index)) return;
  unpublished_.push_back(index);
  is_blocked_.store(true, std::memory_order_release);
}

bool Ledger::republish() {
  bool published = false;
  while (!unpublished_.empty() && publisher_.publish(unpublished_.back())) {
    unpublished_.pop_back();
    published = true;
  }
  is_blocked_.store(!unpublished_.empty(), std::memory_order_release);
  return published;
}

std::size_t Ledger::collect() {
  std::size_t collected = 0;
  completions_.take_all([&](std::uint32_t worker, std::uint32_t index) {
    // One that was settled after its worker's death may be named late, when it is in use again.
    const SlotState state = state_of(pool_.slot(index));
    if (entries_[index].job == nullptr || state.phase != Phase::done || state.worker != worker) return;
    settle_slot(index, nullptr);
    ++collected;
  });
  if (collected != 0) feed();
  return collected;
}

void Ledger::observe(std::uint32_t index, const SlotState& state, std::uint32_t ended, bool is_lost) {
  const TaskSlot& slot = pool_.slot(index);
  const std::uint32_t first = std::min(slot.first_item, ended);
  observer_->ended(state.worker, ended - first, times_of(session_, pool_, index), is_lost);
  if (observer_->traces())
    observer_->name_last(entries_[index].job->describe(entries_[index].first_item + first));
}

void Ledger::settle_slot(std::uint32_t index, const std::exception_ptr& lost) {
  TaskSlot& slot = pool_.slot(index);
  Entry& entry = entries_[index];
  const SlotState state = state_of(slot);
  const bool is_done = state.phase == Phase::done;
  const Progress progress = Progress::from_bits(slot.progress.load(std::memory_order_acquire));
  deliver_finished(index, is_done ? slot.item_count : progress.finished);
  std::uint32_t ended = std::max(entry.delivered, progress.finished);
  if (lost) {
    end_item(*entry.job, entry.first_item + ended, lost);
    ++ended;
    entry.delivered = ended;
  }
  if (observer_ != nullptr) observe(index, state, is_done ? slot.item_count : ended, !is_done);
  if (is_done || ended == slot.item_count) return free_slot(index);
  publish_again(index, ended);
}

void Ledger::deliver_finished(std::uint32_t index, std::uint32_t finished) {
  TaskSlot& slot = pool_.slot(index);
  Entry& entry = entries_[index];
  Job& job = *entry.job;
  if (entry.local) return deliver_local(index, finished);
  ResultReader results(session_, slot);
  std::size_t delivered = 0;
  for (std::uint32_t item = slot.first_item; item < finished;) {
    std::uint32_t items = 1;
    const std::size_t first = entry.first_item + item;
    try {
      const ResultReader::Result result = results.next(finished - item);
      if (result.values != 0) {
        items = result.values;
        job.deliver_values(first, items, result.bytes);
      } else {
        OpenedParcel parcel(result.references);
        wire::Reader reader(result.bytes, &parcel);
        job.deliver(first, reader);
      }
    } catch (...) {
      for (std::uint32_t each = 0; each < items; ++each) job.fail(first + each, std::current_exception());
    }
    item += items;
    delivered += items;
  }
  entry.delivered = std::max(entry.delivered, finished);
  count_ended(job, delivered);
}

void Ledger::count_ended(Job& job, std::size_t items) {
  count(job.pending, std::size_t{0} - items);
  if (job.when_ended_.empty() || job.pending.load(std::memory_order_relaxed) != 0) [[likely]]
    return;
  std::vector<std::function<void()>> calls;
  calls.swap(job.when_ended_);
  for (const auto& call : calls) call();
}

void Ledger::deliver_local(std::uint32_t index, std::uint32_t finished) {
  Entry& entry = entries_[index];
  for (; entry.delivered < finished; ++entry.delivered) {
    const std::size_t item = entry.first_item + entry.delivered;
    try {
      entry.local->deliver(*entry.job, item, entry.delivered);
    } catch (...) {
      entry.job->fail(item, std::current_exception());
    }
    count(entry.job->pending, minus_one);
  }
}

void Ledger::end_item(Job& job, std::size_t item, const std::exception_ptr& error) {
  job.fail(item, error);
  count_ended(job, 1);
}

void Ledger::free_slot(std::uint32_t index) {
  TaskSlot& slot = pool_.slot(index);
  Entry& entry = entries_[index];
  free_results(session_, slot, pool_handle_);
  if (slot.task_block != 0) session_.release(Handle::from_bits(slot.task_block));
  slot.task_block = 0;
  slot.state.store(SlotState{}.bits(), std::memory_order_release);
  publisher_.forget(index);
  if (entry.timeout) --timed_in_use_;
  Job& job = *entry.job;
  entry.job = nullptr;
  entry.local.reset();
  let_go(job);
  free_.push_back(index);
  count(outstanding_, minus_one);
}

void Ledger::publish_again(std::uint32_t index, std::uint32_t first_item) {
  TaskSlot& slot = pool_.slot(index);
  free_results(session_, slot, pool_handle_);
  slot.first_item = first_item;
  slot.progress.store(Progress{first_item, false, first_item}.bits(), std::memory_order_relaxed);
  // Nobody's, while it waits for the ring: a later worker of that number must not seem to have taken it.
  slot.state.store(SlotState{}.bits(), std::memory_order_release);
  publish(index);
}

std::vector<Ledger::Overrun> Ledger::condemn_overruns() {
  std::vector<Overrun> overruns;
  if (timed_in_use_ == 0) return overruns;
  const std::int64_t now = os::Deadline::monotonic_now();
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index) {
    TaskSlot& slot = pool_.slot(index);
    const SlotState state = state_of(slot);
    const Entry& entry = entries_[index];
    if (state.phase != Phase::taken || entry.job == nullptr || !entry.timeout) continue;
    std::uint64_t seen = slot.progress.load(std::memory_order_acquire);
    const Progress progress = Progress::from_bits(seen);
    const std::int64_t began = slot.item_began.load(std::memory_order_relaxed);
    if (!progress.is_running() || progress.condemned || now - began < entry.timeout->count()) continue;
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
    if (entry.job != nullptr && entry.timeout) shortest = std::min(shortest, *entry.timeout);
  return os::Deadline::after(std::max<std::chrono::nanoseconds>(shortest / 50, std::chrono::milliseconds(2)));
}

void Ledger::fail_all(const std::exception_ptr& error) {
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index) {
    const Entry& entry = entries_[index];
    if (entry.job == nullptr) continue;
    for (std::uint32_t item = std::max(entry.delivered, pool_.slot(index).first_item);
         item < entry.item_count; ++item)
      end_item(*entry.job, entry.first_item + item, error);
    free_slot(index);
  }
  for (const Kept& kept : kept_) {
    for (std::uint32_t item = 0; item < kept.description.item_count; ++item)
      end_item(*kept.description.job, kept.description.first_item + item, error);
  }
  count(outstanding_, std::size_t{0} - kept_.size());
  kept_.clear();
  unpublished_.clear();
  is_blocked_.store(false, std::memory_order_release);
}

}  // namespace procyon::pool
