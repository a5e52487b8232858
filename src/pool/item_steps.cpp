#include "procyon/detail/pool/item_steps.hpp"

#include <unistd.h>

#include <cstring>
#include <exception>

#include "arena/participants.hpp"
#include "pool/limits.hpp"
#include "pool/pool_format.hpp"
#include "pool/results.hpp"
#include "pool/stop_watch.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"

namespace procyon::pool {

namespace {

// The master wants the running item's end by force: its outcome is no longer ours to give. The signal is on its way.
[[noreturn]] void await_execution() {
  for (;;) ::pause();
}

}  // namespace

ItemSteps::ItemSteps(TaskSlot& slot, ResultWriter& results, std::span<const std::byte> items,
                     wire::Attachments* attachments)
    : slot_(slot),
      results_(results),
      progress_(&slot.progress),
      items_(items),
      attachments_(attachments),
      next_(slot.first_item),
      end_(slot.item_count),
      guarded_((slot.timed & TaskSlot::is_guarded) != 0),
      me_(arena::current_participant().bits()),
      outcome_(&parcel_) {
  static_assert(running(7) == Progress{8, false, 7}.bits() && finished(7) == Progress{8, false, 8}.bits());
  static_assert(waiting(7) == Progress{7, false, 7}.bits());
  if (guarded_) end_if_asked();
}

void ItemSteps::begin_guarded() {
  if ((slot_.timed & TaskSlot::is_clocked) != 0) {
    slot_.item_began.store(os::Deadline::monotonic_now(), std::memory_order_relaxed);
    begin_cpu_limit();
  }
  std::uint64_t expected = waiting(next_);
  if (!progress_->compare_exchange_strong(expected, running(next_), std::memory_order_acq_rel))
    await_execution();
  if ((slot_.timed & TaskSlot::is_stoppable) != 0) StopWatch::begin(slot_, next_);
}

void ItemSteps::finish_guarded() {
  if ((slot_.timed & TaskSlot::is_stoppable) != 0) StopWatch::end();
  std::uint64_t expected = running(next_);
  if (!progress_->compare_exchange_strong(expected, finished(next_), std::memory_order_acq_rel))
    await_execution();
  ++next_;
  end_if_asked();
  if ((slot_.timed & TaskSlot::is_clocked) != 0 && all_done()) end_cpu_limit();
}

void ItemSteps::end_if_asked() {
  if (slot_.stop.load(std::memory_order_acquire) != TaskSlot::stop_all || all_done()) return;
  std::uint64_t expected = waiting(next_);
  const Progress closed{Progress::closed, false, next_};
  if (!progress_->compare_exchange_strong(expected, closed.bits(), std::memory_order_acq_rel))
    await_execution();
  end_ = next_;
}

std::span<const std::byte> ItemSteps::arguments_of_any_size() {
  for (;;) {
    std::uint32_t size = 0;
    if (sizeof size > items_.size() - position_) throw_damaged();
    std::memcpy(&size, items_.data() + position_, sizeof size);
    const std::size_t start = position_ + sizeof size;
    if (size > items_.size() - start) throw_damaged();
    if (found_ == next_) return items_.subspan(start, size);
    position_ = start + size;
    ++found_;
  }
}

std::byte* ItemSteps::open_values(std::size_t size) {
  if (all_done()) return nullptr;
  try {
    std::byte* const target = results_.open_run(size, end_ - next_);
    first_value_ = next_;
    values_are_open_ = true;
    return target;
  } catch (const SessionError&) {
    return nullptr;  // one by one there may be room for some
  }
}

void ItemSteps::close_values() {
  if (values_are_open_) results_.close_run(next_ - first_value_);
  values_are_open_ = false;
}

wire::Writer& ItemSteps::outcome() {
  outcome_.clear();
  parcel_.discard();
  return outcome_;
}

void ItemSteps::append_outcome() { append(outcome_.bytes()); }

void ItemSteps::append(std::span<const std::byte> outcome) {
  try {
    results_.append(outcome, parcel_);
  } catch (const SessionError&) {
    wire::Writer error;
    wire::encode_error_outcome(error, std::current_exception());
    channel::Parcel nothing;
    results_.append(error.bytes(), nothing);  // smaller than the result, we hope
  }
}

void ItemSteps::fail(std::span<const std::byte> error_outcome) {
  require_same_process();
  if (progress_->load(std::memory_order_relaxed) >> 33 <= next_) begin();
  close_values();
  parcel_.discard();
  append(error_outcome);
  finish();
}

void ItemSteps::leave() { ::_exit(0); }

void ItemSteps::throw_damaged() {
  throw wire::DecodeError(
      "procyon: the items of a task are damaged: they end before their number is reached");
}

}  // namespace procyon::pool
