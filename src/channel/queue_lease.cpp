// Messages on lease: the leases of queue_tables_format.hpp.
#include <cstring>

#include "channel/queue_ring.hpp"
#include "channel/queue_tables.hpp"
#include "channel/queue_take.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::channel {

using arena::Handle;

namespace {

LeaseState state_of(const LeaseEntry& entry) {
  return LeaseState::from_bits(entry.word.load(std::memory_order_acquire));
}

void set_phase(LeaseEntry& entry, std::uint32_t holder, LeasePhase phase) {
  const LeaseState before = state_of(entry);
  entry.word.store(LeaseState{holder, before.acks, phase}.bits(), std::memory_order_release);
}

Handle block_of(const LeaseEntry& entry) {
  return Handle::from_bits(entry.block.load(std::memory_order_relaxed));
}

// The message goes for ever.
void free_message(const QueueView& queue, LeaseEntry& entry) {
  queue.session.release(block_of(entry));
  os::crash_point("queue.lease.message_freed");
  set_phase(entry, 0, LeasePhase::free);
}

LeasedMessage leased(const QueueView& queue, LeaseEntry& entry, std::uint32_t holder) {
  const std::byte* const bytes = queue.session.bytes(block_of(entry));
  const std::size_t size = entry.size.load(std::memory_order_relaxed);
  return {&entry,
          holder,
          entry.deliveries.load(std::memory_order_relaxed),
          {bytes, size},
          references_behind(bytes, size, entry.pins.load(std::memory_order_relaxed))};
}

// A block of this process's with the message of a record that lies in the ring.
Handle copy_of(const QueueView& queue, const Record& record) {
  const Handle copy = queue.session.allocate(record.header.size);
  if (record.header.size != 0) std::memcpy(queue.session.bytes(copy), record.payload, record.header.size);
  return copy;
}

void fill(LeaseEntry& entry, const Record& record, Handle copy) {
  const bool is_copied = record.header.kind == RecordKind::inline_bytes;
  const BlockRecord block = is_copied ? BlockRecord{copy.bits(), record.header.size, 0} : record.block();
  entry.block.store(block.block, std::memory_order_relaxed);
  entry.size.store(block.size, std::memory_order_relaxed);
  entry.pins.store(block.pins, std::memory_order_relaxed);
  entry.sequence.store(record.behind.sequence, std::memory_order_relaxed);
  entry.deliveries.store(1, std::memory_order_relaxed);
  entry.copied.store(is_copied ? 1 : 0, std::memory_order_relaxed);
}

bool precedes(const LeaseEntry& a, const LeaseEntry& b) {
  const std::uint32_t distance =
      a.sequence.load(std::memory_order_relaxed) - b.sequence.load(std::memory_order_relaxed);
  return static_cast<std::int32_t>(distance) < 0;
}

}  // namespace

// The one of the returned messages that was put first.
LeaseEntry* QueueEngine::find_returned(const QueueView& queue) {
  std::atomic<std::uint32_t>& hint = queue.state.tables.returned_hint;
  if (hint.load(std::memory_order_seq_cst) == 0) return nullptr;
  hint.store(0, std::memory_order_seq_cst);  // before the look: who returns one after it sets it again
  os::crash_point("queue.lease.hint_cleared");
  LeaseEntry* oldest = nullptr;
  int found = 0;
  leases_of(queue).for_each([&](LeaseEntry& entry) {
    if (state_of(entry).phase != LeasePhase::returned) return;
    ++found;
    if (oldest == nullptr || precedes(entry, *oldest)) oldest = &entry;
  });
  if (found > 1) hint.store(1, std::memory_order_seq_cst);
  return oldest;
}

bool QueueEngine::take_returned(const QueueView& queue, ReceivedMessage& message) {
  LeaseEntry* const entry = find_returned(queue);
  if (entry == nullptr) return false;
  if (state_->settings.counts_tasks) claim_task(queue, 1);
  set_phase(*entry, own_participant(), LeasePhase::taking);
  os::crash_point("queue.get.returned_committed");
  take_block(queue, block_of(*entry), entry->size.load(std::memory_order_relaxed),
             entry->pins.load(std::memory_order_relaxed), message);
  if (state_->settings.counts_tasks) count_claimed_task(queue);
  set_phase(*entry, 0, LeasePhase::free);
  return true;
}

Got QueueEngine::get_lease(LeasedMessage& message, os::Deadline deadline) {
  return take_when_there([&] { return try_lease(message, deadline); }, deadline);
}

QueueEngine::Attempt QueueEngine::try_lease(LeasedMessage& message, os::Deadline deadline) {
  const QueueView queue = view_of(reference_, *state_);
  QueueState& state = *state_;
  QueueLock lock(state.get_lock, queue, recover_consumers, deadline);
  if (!lock.held()) return Attempt::not_in_time;
  const std::uint32_t self = own_participant();

  look_for_dead_holders(queue);
  Mark head;
  LeaseEntry* again = find_returned(queue);
  if (again == nullptr && !find_head(queue, head)) {
    return_leases_of_the_dead(queue);
    again = find_returned(queue);
    if (again == nullptr) return Attempt::must_wait;
  }
  if (again != nullptr) {
    again->deliveries.fetch_add(1, std::memory_order_relaxed);
    set_phase(*again, self, LeasePhase::leased);
    message = leased(queue, *again, self);
    return Attempt::done;
  }

  LeaseEntry& entry = leases_of(queue).find_or_grow(
      [](const LeaseEntry& candidate) { return state_of(candidate).phase == LeasePhase::free; });
  const Record record = record_at(queue.first(), head);
  const bool is_copied = record.header.kind == RecordKind::inline_bytes;
  const Handle copy = is_copied ? copy_of(queue, record) : Handle();
  fill(entry, record, copy);
  state.claimed_head.store(record.behind.bits(), std::memory_order_relaxed);
  set_phase(entry, self, LeasePhase::claiming);
  os::crash_point("queue.lease.claimed");
  if (is_copied) queue.session.hand_to(copy, queue.self);
  os::crash_point("queue.lease.copy_held");
  count_taken_bytes(state, head.sequence, entry.size.load(std::memory_order_relaxed));
  queue.first().head.store(record.behind.bits(), std::memory_order_release);
  os::crash_point("queue.lease.committed");
  set_phase(entry, self, LeasePhase::leased);
  state.get_count.store(record.behind.sequence, std::memory_order_release);
  message = leased(queue, entry, self);
  lock.unlock();
  wake_producers(state);
  return Attempt::done;
}

bool QueueEngine::acknowledge(const LeasedMessage& message) const {
  const QueueView queue = view_of(reference_, *state_);
  LeaseState state = state_of(*message.entry);
  if (message.holder != own_participant() || state.holder != message.holder) return false;
  std::uint64_t expected = LeaseState{message.holder, state.acks, LeasePhase::leased}.bits();
  const LeaseState acked{message.holder, state.acks + 1, LeasePhase::acked};
  if (!message.entry->word.compare_exchange_strong(expected, acked.bits(), std::memory_order_acq_rel))
    return false;
  os::crash_point("queue.lease.acknowledged");
  free_message(queue, *message.entry);
  wake_joiners(*state_);
  return true;
}

void QueueEngine::give_back(const LeasedMessage& message) const noexcept {
  // A child made by the user's fork() has a copy of the lease, and no part in it.
  if (message.holder != own_participant()) return;
  set_phase(*message.entry, 0, LeasePhase::returned);
  os::crash_point("queue.lease.given_back");
  state_->tables.returned_hint.store(1, std::memory_order_seq_cst);
  os::crash_point("queue.lease.hinted");
  sync::wake_all(state_->get_sleepers);
}

void return_leases_of_the_dead(const QueueView& queue) {
  const Table<LeaseEntry> leases = leases_of(queue);
  if (!leases.exists()) return;
  leases.for_each([&](LeaseEntry& entry) {
    const LeaseState state = state_of(entry);
    const bool is_out = state.phase == LeasePhase::leased || state.phase == LeasePhase::acked;
    if (is_out && is_dead(queue, state.holder)) {
      if (state.phase == LeasePhase::acked) return free_message(queue, entry);
      set_phase(entry, 0, LeasePhase::returned);
    }
    // Also for who died before it said so itself.
    if (state_of(entry).phase == LeasePhase::returned)
      queue.state.tables.returned_hint.store(1, std::memory_order_seq_cst);
  });
}

void count_take_and_look(const QueueView& queue) {
  constexpr std::uint32_t takes_between_looks = 64;
  std::atomic<std::uint32_t>& takes = queue.state.tables.takes_since_look;
  takes.store(takes.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (takes.load(std::memory_order_relaxed) < takes_between_looks) return;
  takes.store(0, std::memory_order_relaxed);
  return_leases_of_the_dead(queue);
}

std::optional<std::uint32_t> recover_leases(const QueueView& queue) {
  std::optional<std::uint32_t> taker;
  const std::uint64_t head = queue.first().head.load(std::memory_order_acquire);
  leases_of(queue).for_each([&](LeaseEntry& entry) {
    const LeaseState state = state_of(entry);
    if (state.phase == LeasePhase::taking) {
      taker = state.holder;
    } else if (state.phase == LeasePhase::claiming) {
      const bool committed = head == queue.state.claimed_head.load(std::memory_order_relaxed);
      if (committed) return set_phase(entry, state.holder, LeasePhase::leased);
      if (entry.copied.load(std::memory_order_relaxed) != 0) return free_message(queue, entry);
      set_phase(entry, 0, LeasePhase::free);
    }
  });
  if (leases_of(queue).exists()) queue.state.tables.returned_hint.store(1, std::memory_order_seq_cst);
  return taker;
}

void free_taken_lease(const QueueView& queue) {
  leases_of(queue).for_each([&](LeaseEntry& entry) {
    if (state_of(entry).phase != LeasePhase::taking) return;
    // If it was its taker's already it goes back with that one.
    if (queue.session.is_held_by(block_of(entry), queue.self)) queue.session.release(block_of(entry));
    os::crash_point("queue.recover.taken_lease_freed");
    set_phase(entry, 0, LeasePhase::free);
  });
}

std::uint32_t returned_messages(const QueueView& queue) {
  return_leases_of_the_dead(queue);
  std::uint32_t count = 0;
  leases_of(queue).for_each(
      [&](LeaseEntry& entry) { count += state_of(entry).phase == LeasePhase::returned ? 1 : 0; });
  return count;
}

}  // namespace procyon::channel
