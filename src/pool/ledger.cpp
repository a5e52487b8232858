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

bool Ledger::give_out(const TaskDescription& description, EncodedTask& task, std::span<const std::byte> items,
                      std::uint32_t first) {
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
  Entry& entry = entries_[index];
  entry.job = &job;
  entry.first_item = description.first_item;
  entry.item_count = description.item_count;
  entry.delivered = 0;
  entry.timeout = description.timeout;
  entry.local = task.local;
  entry.local_first = first;
  entry.bytes = items.size();
  job.input_bytes_ += entry.bytes;
  job.chunks.given(description.item_count);
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
  slot.timed = description.job->chunks.adapts() ? TaskSlot::is_measured : 0;
  if (description.timeout || pool_.max_task_cpu != 0)
    slot.timed |= TaskSlot::is_guarded | TaskSlot::is_clocked;
  if (description.timeout || description.job->rules.can_be_ended) {
    slot.timed |= TaskSlot::is_guarded;
    if (task.is_stoppable) slot.timed |= TaskSlot::is_stoppable;
  }
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
  kept->is_stoppable = task.is_stoppable;
  kept->can_be_split = task.can_be_split;
  kept_.push_back({description, std::move(kept)});
  count(outstanding_, 1);
}

bool Ledger::feed() {
  bool any = republish();
  for (auto kept = kept_.begin(); kept != kept_.end();) {
    const Fed fed = feed_from(*kept);
    if (fed == Fed::no_slot) break;
    any |= fed != Fed::enough;
    if (fed == Fed::all) {
      kept = kept_.erase(kept);
      count(outstanding_, minus_one);  // give_out() has counted it anew
    } else if (fed == Fed::enough) {
      ++kept;  // its job has as much in store as it should: the next one's turn
    }
  }
  announce();
  return any;
}

// One more task of what is kept.
Ledger::Fed Ledger::feed_from(Kept& kept) {
  const Job& job = *kept.description.job;
  TaskDescription next = kept.description;
  if (job.chunks.adapts() && kept.task->can_be_split && kept.task->parcel.empty()) {
    if (tasks_of(job) >= job.chunks.window()) return Fed::enough;
    next.item_count = static_cast<std::uint32_t>(std::min<std::size_t>(job.chunks.next(), next.item_count));
  }
  const LocalItems local{kept.task->local.get(), kept.first};
  const std::size_t bytes = bytes_of_items(kept, next.item_count);
  const auto items = local.task != nullptr ? std::as_bytes(std::span(&local, 1))
                                           : kept.task->items.bytes().subspan(kept.first_byte, bytes);
  if (!give_out(next, *kept.task, items, kept.first)) return Fed::no_slot;
  kept.first += next.item_count;
  kept.first_byte += bytes;
  kept.description.first_item += next.item_count;
  kept.description.item_count -= next.item_count;
  return kept.description.item_count == 0 ? Fed::all : Fed::some;
}

// Of the next ones that are kept.
std::size_t Ledger::bytes_of_items(const Kept& kept, std::uint32_t items) {
  if (kept.task->local) return 0;
  if (items == kept.description.item_count) return kept.task->items.size() - kept.first_byte;
  if (kept.task->item_size != EncodedTask::variable_items) return std::size_t{items} * kept.task->item_size;
  const std::byte* const bytes = kept.task->items.bytes().data() + kept.first_byte;
  std::size_t end = 0;
  for (std::uint32_t item = 0; item < items; ++item) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes + end, sizeof size);
    end += sizeof size + size;
  }
  return end;
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
  // A replacement may have ended tasks before whoever started it comes to say so.
  if (!observer_->knows(state.worker)) {
    const std::uint32_t participant = pool_.worker(state.worker).participant.load(std::memory_order_relaxed);
    observer_->started(state.worker, session_.pid_of(arena::ParticipantId::from_bits(participant)));
  }
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
  // One that was asked to stop may be done with fewer items.
  deliver_finished(index, is_done && !entry.special ? slot.item_count : progress.finished);
  std::uint32_t ended = std::max(entry.delivered, progress.finished);
  if (lost) {
    end_item(*entry.job, entry.first_item + ended, lost);
    ++ended;
    entry.delivered = ended;
  }
  while (ended < slot.item_count && has_ended(entry, ended)) ++ended;
  if (observer_ != nullptr) observe(index, state, is_done ? slot.item_count : ended, !is_done);
  ended_items_ += (is_done ? slot.item_count : ended) - slot.first_item;
  if (is_done && (slot.timed & TaskSlot::is_measured) != 0)
    entry.job->chunks.learn(slot.item_count - slot.first_item,
                            std::chrono::nanoseconds(slot.took.load(std::memory_order_relaxed)));
  if (is_done || ended == slot.item_count) return free_slot(index);
  publish_again(index, ended);
}

Ledger::Special& Ledger::special(std::uint32_t index) {
  Entry& entry = entries_[index];
  if (!entry.special) {
    entry.special = std::make_unique<Special>();
    ++specials_in_use_;
  }
  return *entry.special;
}

bool Ledger::has_ended(const Entry& entry, std::uint32_t item) {
  if (!entry.special) return false;
  const std::vector<std::uint32_t>& ended = entry.special->ended;
  return item >= entry.special->ended_from || std::find(ended.begin(), ended.end(), item) != ended.end();
}

// How many workers were lost at that item, with this one.
std::uint32_t Ledger::count_loss(std::uint32_t index, std::uint32_t item) {
  Special& losses = special(index);
  if (losses.lost_item != item) losses.lost = 0;
  losses.lost_item = item;
  return ++losses.lost;
}

void Ledger::deliver_finished(std::uint32_t index, std::uint32_t finished) {
  TaskSlot& slot = pool_.slot(index);
  Entry& entry = entries_[index];
  if (entry.local) return deliver_local(index, finished);
  ResultReader results(session_, slot);
  for (std::uint32_t item = slot.first_item; item < finished;) {
    std::uint32_t items = 1;
    try {
      const ResultReader::Result result = results.next(finished - item);
      if (result.values != 0) {
        items = result.values;
        deliver_values(entry, item, result.bytes, items);
      } else {
        OpenedParcel parcel(result.references);  // takes them over, wanted or not
        wire::Reader reader(result.bytes, &parcel);
        if (!has_ended(entry, item)) {
          entry.job->deliver(entry.first_item + item, reader);
          count_ended(*entry.job, 1);
        }
      }
    } catch (...) {
      for (std::uint32_t each = item; each < item + items; ++each)
        if (!has_ended(entry, each)) end_item(*entry.job, entry.first_item + each, std::current_exception());
    }
    item += items;
  }
  entry.delivered = std::max(entry.delivered, finished);
}

// But those of items that have ended otherwise. Throws before it has counted any.
void Ledger::deliver_values(const Entry& entry, std::uint32_t item, std::span<const std::byte> values,
                            std::uint32_t number) {
  Job& job = *entry.job;
  if (!entry.special) [[likely]] {
    job.deliver_values(entry.first_item + item, number, values);
    return count_ended(job, number);
  }
  const std::size_t size = values.size() / number;
  for (std::uint32_t each = 0; each < number; ++each) {
    if (has_ended(entry, item + each)) continue;
    try {
      job.deliver_values(entry.first_item + item + each, 1, values.subspan(each * size, size));
      count_ended(job, 1);
    } catch (...) {
      end_item(job, entry.first_item + item + each, std::current_exception());
    }
  }
}

void Ledger::count_ended(Job& job, std::size_t items) {
  count(job.pending, std::size_t{0} - items);
  if (job.is_listened_to_ && job.pending.load(std::memory_order_relaxed) == 0) [[unlikely]]
    tell_listeners(job);
}

void Ledger::tell_listeners(Job& job) {
  job.is_listened_to_ = false;
  std::vector<std::function<void()>> calls;
  calls.swap(job.when_ended_);
  for (const auto& call : calls) call();
}

void Ledger::deliver_local(std::uint32_t index, std::uint32_t finished) {
  Entry& entry = entries_[index];
  for (; entry.delivered < finished; ++entry.delivered) {
    if (has_ended(entry, entry.delivered)) continue;
    const std::size_t item = entry.first_item + entry.delivered;
    try {
      entry.local->deliver(*entry.job, item, entry.local_first + entry.delivered);
    } catch (...) {
      entry.job->fail(item, std::current_exception());
    }
    count_ended(*entry.job, 1);
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
  if (slot.stop.load(std::memory_order_relaxed) != 0) slot.stop.store(0, std::memory_order_relaxed);
  slot.state.store(SlotState{}.bits(), std::memory_order_release);
  publisher_.forget(index);
  if (entry.timeout) --timed_in_use_;
  if (entry.special) {
    entry.special.reset();
    --specials_in_use_;
  }
  Job& job = *entry.job;
  job.input_bytes_ -= entry.bytes;
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
  slot.stop.store(0, std::memory_order_relaxed);
  if (Special* const rare = entries_[index].special.get()) rare->condemn_at = os::Deadline::never();
  // Nobody's, while it waits for the ring: a later worker of that number must not seem to have taken it.
  slot.state.store(SlotState{}.bits(), std::memory_order_release);
  publish(index);
}

// ---- ending what has not ended

bool Ledger::end_job(Job& job, const std::exception_ptr& error, std::vector<std::uint32_t>& condemned) {
  if (is_ended(job)) return false;
  job.ended_with_ = error;
  bool any = end_kept(job, error);
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index)
    if (entries_[index].job == &job) any |= end_slot(index, error, condemned);
  if (!any && job.pending.load(std::memory_order_relaxed) == 0) job.ended_with_ = nullptr;
  return any;
}

void Ledger::end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error) {
  job->deadline_ = deadline;
  job->deadline_error_ = std::move(error);
  std::erase_if(with_deadline_, [](const std::weak_ptr<Job>& each) { return each.expired(); });
  with_deadline_.push_back(job);
}

void Ledger::end_items(const TaskDescription& items) {
  for (std::uint32_t item = 0; item < items.item_count; ++item)
    end_item(*items.job, items.first_item + item, items.job->ended_with_);
}

bool Ledger::end_kept(const Job& job, const std::exception_ptr& error) {
  const std::size_t before = kept_.size();
  std::erase_if(kept_, [&](const Kept& kept) {
    if (kept.description.job.get() != &job) return false;
    for (std::uint32_t item = 0; item < kept.description.item_count; ++item)
      end_item(*kept.description.job, kept.description.first_item + item, error);
    return true;
  });
  count(outstanding_, kept_.size() - before);
  return kept_.size() != before;
}

// Those from an item on that have not ended.
void Ledger::end_rest(const Entry& entry, std::uint32_t from, const std::exception_ptr& error) {
  for (std::uint32_t item = from; item < entry.item_count; ++item)
    if (!has_ended(entry, item)) end_item(*entry.job, entry.first_item + item, error);
}

bool Ledger::end_slot(std::uint32_t index, const std::exception_ptr& error,
                      std::vector<std::uint32_t>& condemned) {
  TaskSlot& slot = pool_.slot(index);
  const Entry& entry = entries_[index];
  std::uint64_t seen = slot.state.load(std::memory_order_acquire);
  // Claimed by a worker or freed by us: one of the two compare-and-swaps succeeds.
  const bool is_ready = SlotState::from_bits(seen).phase == Phase::ready;
  const bool was_ready =
      is_ready && slot.state.compare_exchange_strong(seen, SlotState{}.bits(), std::memory_order_acq_rel);
  const SlotState state = SlotState::from_bits(seen);
  if (was_ready || state.phase == Phase::free) {  // free: it waits for room in the ring
    std::erase(unpublished_, index);
    end_rest(entry, slot.first_item, error);
    free_slot(index);
    return true;
  }
  if (state.phase == Phase::done) return false;
  std::uint64_t progress_seen = slot.progress.load(std::memory_order_acquire);
  const bool is_stoppable = (slot.timed & TaskSlot::is_stoppable) != 0;
  if ((!is_stoppable || !can_end_workers_) && condemn(slot, progress_seen) && can_end_workers_)
    condemned.push_back(state.worker);
  const Progress progress = Progress::from_bits(progress_seen);
  // A thread that does not listen keeps the item that it runs.
  const std::uint32_t first = can_end_workers_ || is_stoppable ? progress.finished : progress.begun;
  if (first >= entry.item_count) return false;
  end_rest(entry, first, error);
  special(index).ended_from = std::min(special(index).ended_from, first);
  if (is_stoppable) ask_to_stop(index, first, TaskSlot::stop_all);
  return true;
}

// Sets `condemned`, unless all items are finished meanwhile. `seen` is what is there afterwards.
bool Ledger::condemn(TaskSlot& slot, std::uint64_t& seen) {
  for (;;) {
    Progress progress = Progress::from_bits(seen);
    if (progress.condemned || progress.begun == Progress::closed || progress.finished == slot.item_count)
      return false;
    progress.condemned = true;
    if (!slot.progress.compare_exchange_weak(seen, progress.bits(), std::memory_order_acq_rel)) continue;
    seen = progress.bits();
    return true;
  }
}

void Ledger::ask_to_stop(std::uint32_t index, std::uint32_t item, std::uint32_t request) {
  TaskSlot& slot = pool_.slot(index);
  Special& rare = special(index);
  rare.asked = item;
  if (can_end_workers_) rare.condemn_at = os::Deadline::after(grace);
  if (const Entry& entry = entries_[index]; entry.local) {
    const std::uint32_t count = request == TaskSlot::stop_all ? entry.item_count - item : 1;
    return stop_requests_.push_back({entry.local, entry.local_first + item, count});
  }
  slot.stop.store(request, std::memory_order_release);
  os::FutexWord& bell = pool_.worker(state_of(slot).worker).stop_bell;
  bell.fetch_add(1, std::memory_order_release);
  os::futex_wake_all(bell);
}

void Ledger::ask_all_to_stop() {
  for (const Entry& entry : entries_)
    if (entry.job != nullptr && entry.local)
      stop_requests_.push_back({entry.local, entry.local_first, entry.item_count});
}

bool Ledger::end_overrunning(std::vector<std::uint32_t>& condemned) {
  bool any = false;
  for (const std::weak_ptr<Job>& each : with_deadline_) {
    const std::shared_ptr<Job> job = each.lock();
    if (!job || !job->deadline_.expired()) continue;
    job->deadline_ = os::Deadline::never();
    any |= end_job(*job, job->deadline_error_, condemned);
  }
  if (timed_in_use_ == 0 && specials_in_use_ == 0) return any;
  const std::int64_t now = os::Deadline::monotonic_now();
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index)
    if (entries_[index].job != nullptr) any |= end_overrunning_slot(index, now, condemned);
  return any;
}

bool Ledger::end_overrunning_slot(std::uint32_t index, std::int64_t now,
                                  std::vector<std::uint32_t>& condemned) {
  TaskSlot& slot = pool_.slot(index);
  const Entry& entry = entries_[index];
  if (!entry.timeout && !entry.special) return false;
  const SlotState state = state_of(slot);
  std::uint64_t seen = slot.progress.load(std::memory_order_acquire);
  const Progress progress = Progress::from_bits(seen);
  if (entry.special && (state.phase != Phase::taken || entry.special->condemn_at.expired())) {
    entry.special->condemn_at = os::Deadline::never();
    if (state.phase != Phase::taken) return false;
    // It has not stopped, neither all nor the item that it was asked for.
    const bool is_over = entry.special->ended_from != Special::none;
    if ((is_over || progress.finished == entry.special->asked) && condemn(slot, seen))
      condemned.push_back(state.worker);
    return false;
  }
  if (state.phase != Phase::taken || progress.condemned) return false;
  if (!entry.timeout || !progress.is_running() || has_ended(entry, progress.finished)) return false;
  const std::int64_t began = slot.item_began.load(std::memory_order_relaxed);
  if (now - began < entry.timeout->count()) return false;
  if ((slot.timed & TaskSlot::is_stoppable) == 0) {
    // If the item ends at this very moment, its worker's compare-and-swap or ours fails, not both.
    const Progress after{progress.begun, true, progress.finished};
    if (slot.progress.compare_exchange_strong(seen, after.bits(), std::memory_order_acq_rel))
      condemned.push_back(state.worker);
    return false;
  }
  if (slot.progress.load(std::memory_order_acquire) != seen) return false;  // the time may be of the next one
  const std::uint32_t item = progress.finished;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*entry.timeout).count();
  end_item(*entry.job, entry.first_item + item,
           std::make_exception_ptr(TimeoutError("procyon: " + entry.job->describe(entry.first_item + item) +
                                                " ran longer than its time-out of " +
                                                std::to_string(milliseconds) + " ms; it was asked to stop")));
  special(index).ended.push_back(item);
  ask_to_stop(index, item, item + 1);
  return true;
}

os::Deadline Ledger::next_overrun() const {
  os::Deadline next = os::Deadline::never();
  for (const std::weak_ptr<Job>& each : with_deadline_)
    if (const std::shared_ptr<Job> job = each.lock()) next = std::min(next, job->deadline_);
  if (timed_in_use_ == 0 && specials_in_use_ == 0) return next;
  // Items begin without telling us: while there are timed ones, look every few milliseconds, or a fiftieth of the
  // shortest time-out, whichever is longer.
  std::chrono::nanoseconds shortest = std::chrono::seconds(5);
  for (const Entry& entry : entries_) {
    if (entry.job == nullptr) continue;
    if (entry.timeout) shortest = std::min(shortest, *entry.timeout);
    if (entry.special) next = std::min(next, entry.special->condemn_at);
  }
  if (timed_in_use_ == 0) return next;
  return std::min(next, os::Deadline::after(
                            std::max<std::chrono::nanoseconds>(shortest / 50, std::chrono::milliseconds(2))));
}

void Ledger::fail_all(const std::exception_ptr& error) {
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index) {
    const Entry& entry = entries_[index];
    if (entry.job == nullptr) continue;
    end_rest(entry, std::max(entry.delivered, pool_.slot(index).first_item), error);
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
