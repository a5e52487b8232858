// Taking from a queue: the consumers' half of queue_format.hpp.
#include <cstring>

#include "channel/cache_hints.hpp"
#include "channel/queue_ring.hpp"
#include "channel/queue_tables.hpp"
#include "channel/queue_take.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::channel {

using arena::Handle;

namespace {

// Whether the first segment has a message at `sequence`.
bool has_message(QueueState& state, const Segment& first, std::uint32_t sequence) {
  if (state.tail_seen.load(std::memory_order_relaxed) != sequence) [[likely]]
    return true;
  const std::uint64_t putter = first.last_putter.load(std::memory_order_relaxed);
  state.look_pace.rest(putter);
  const std::uint32_t put = Mark::from_bits(first.tail.load(std::memory_order_acquire)).sequence;
  state.tail_seen.store(put, std::memory_order_relaxed);
  state.look_pace.found(put - sequence, putter);
  return put != sequence;
}

void claim(QueueState& state, Mark head, std::uint32_t count) {
  state.claim.store(Claim::pack(own_participant(), count, head.sequence + count), std::memory_order_relaxed);
}

}  // namespace

bool find_head(const QueueView& queue, Mark& head) {
  QueueState& state = queue.state;
  head = Mark::from_bits(queue.first().head.load(std::memory_order_relaxed));
  while (!has_message(state, queue.first(), head.sequence)) {
    const std::uint64_t next = queue.first().next.load(std::memory_order_acquire);
    if (next == 0) return false;
    // The last message of this segment may have come between the two looks.
    if (has_message(state, queue.first(), head.sequence)) break;
    state.retired_segment.store(state.first_segment.load(std::memory_order_relaxed),
                                std::memory_order_release);
    os::crash_point("queue.get.segment_retired");
    state.first_segment.store(next, std::memory_order_release);
    os::crash_point("queue.get.moved_on");
    free_retired_segment(queue);
    head = Mark::from_bits(queue.first().head.load(std::memory_order_relaxed));
  }
  return true;
}

void add_taken_bytes(QueueState& state, std::uint32_t sequence, std::size_t size) {
  const std::uint64_t before = state.taken_bytes[sequence % 2].load(std::memory_order_relaxed);
  state.taken_bytes[(sequence + 1) % 2].store(before + size, std::memory_order_release);
}

Got QueueEngine::get(ReceivedMessage& message, os::Deadline deadline) {
  return take_when_there([&] { return try_get(message, deadline); }, deadline);
}

Got QueueEngine::get_many(MessageBatch& messages, ReceivedMessage& single, std::size_t most,
                          os::Deadline deadline) {
  return take_when_there([&] { return try_get_many(messages, single, most, deadline); }, deadline);
}

QueueEngine::Attempt QueueEngine::try_get(ReceivedMessage& message, os::Deadline deadline) {
  const QueueView queue = view_of(reference_, *state_);
  QueueState& state = *state_;
  QueueLock lock(state.get_lock, queue, recover_consumers, deadline);
  if (!lock.held()) return Attempt::not_in_time;

  look_for_dead_holders(queue);
  if (state.tables.returned_hint.load(std::memory_order_relaxed) != 0 && take_returned(queue, message))
      [[unlikely]]
    return Attempt::done;
  Mark head;
  if (!find_head(queue, head)) {
    return_leases_of_the_dead(queue);
    return take_returned(queue, message) ? Attempt::done : Attempt::must_wait;
  }

  Segment& segment = queue.first();
  const Record record = record_at(segment, head);
  if (state.settings.counts_tasks) claim_task(queue, 1);
  claim(state, head, 1);
  if (record.header.kind == RecordKind::inline_bytes) {
    std::byte* const copy = message.make_room(record.header.size);
    std::memcpy(copy, record.payload, record.header.size);
    message.bytes_ = {copy, record.header.size};
    count_taken_bytes(state, head.sequence, record.header.size);
    segment.head.store(record.behind.bits(), std::memory_order_release);
  } else {
    const BlockRecord large = record.block();
    count_taken_bytes(state, head.sequence, large.size);
    state.claimed_head.store(record.behind.bits(), std::memory_order_relaxed);
    state.claimed_block.store(large.block, std::memory_order_release);
    os::crash_point("queue.get.block_claimed");
    segment.head.store(record.behind.bits(), std::memory_order_release);
    os::crash_point("queue.get.block_committed");
    take_block(queue, Handle::from_bits(large.block), large.size, large.pins, message);
    state.claimed_block.store(0, std::memory_order_release);
  }
  os::crash_point("queue.get.committed");
  if (state.settings.counts_tasks) count_claimed_task(queue);
  state.get_count.store(record.behind.sequence, std::memory_order_release);
  os::crash_point("queue.get.counted");
  state.claim.store(0, std::memory_order_release);
  lock.unlock();
  wake_producers(state);
  return Attempt::done;
}

// Small messages are copied out one after the other and committed by one store of head.
QueueEngine::Attempt QueueEngine::try_get_many(MessageBatch& messages, ReceivedMessage& single,
                                               std::size_t most, os::Deadline deadline) {
  const QueueView queue = view_of(reference_, *state_);
  QueueState& state = *state_;
  QueueLock lock(state.get_lock, queue, recover_consumers, deadline);
  if (!lock.held()) return Attempt::not_in_time;
  Mark first;
  const bool is_there =
      state.tables.returned_hint.load(std::memory_order_relaxed) == 0 && find_head(queue, first);
  // The sum of the bytes is kept for two commits only.
  const std::size_t limit = state.settings.max_bytes != 0 ? 1 : std::min<std::size_t>(most, UINT16_MAX);
  std::uint32_t count = 0;
  Segment& segment = queue.first();
  Mark head = first;
  while (is_there && count < limit && !messages.is_enough()) {
    if (count != 0 && !has_message(state, segment, head.sequence)) break;
    const Record record = record_at(segment, head);
    if (record.header.kind != RecordKind::inline_bytes || record.header.size > MessageBatch::largest_message)
      break;
    messages.add(record.bytes());
    count_taken_bytes(state, head.sequence, record.header.size);
    head = record.behind;
    ++count;
  }
  if (count == 0) {
    lock.unlock();
    return try_get(single, deadline);
  }
  if (state.settings.counts_tasks) claim_task(queue, count);
  claim(state, first, count);
  segment.head.store(head.bits(), std::memory_order_release);
  os::crash_point("queue.get_many.committed");
  if (state.settings.counts_tasks) count_claimed_task(queue);
  state.get_count.store(head.sequence, std::memory_order_release);
  os::crash_point("queue.get_many.counted");
  state.claim.store(0, std::memory_order_release);
  lock.unlock();
  sync::wake_all(state.put_sleepers);
  return Attempt::done;
}

// A block that the queue holds becomes this process's: the message lies in it.
void QueueEngine::take_block(const QueueView& queue, Handle block, std::size_t size, std::size_t pins,
                             ReceivedMessage& message) {
  queue.session.take_from(block, queue.self);
  os::crash_point("queue.get.block_taken");
  const std::byte* const bytes = queue.session.bytes(block);
  message.block_ = block;
  message.bytes_ = {bytes, size};
  message.references_ = references_behind(bytes, size, pins);
}

bool QueueEngine::wait_for_message(os::Deadline deadline) const {
  const QueueView queue = view_of(reference_, *state_);
  // What the caller has put elsewhere, perhaps the question to this answer, is seen before it waits: releasing a biased
  // lock is no barrier, and the stores would leave the processor later between its looks (a round trip of 0.7 us: 0.84).
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto has_message = [&queue] {
    const std::uint64_t name = queue.state.first_segment.load(std::memory_order_relaxed);
    Segment& first = queue.segment(name);
    const Mark tail = Mark::from_bits(first.tail.load(std::memory_order_seq_cst));
    const Mark head = Mark::from_bits(first.head.load(std::memory_order_relaxed));
    if (tail.sequence != head.sequence) {
      // The record comes while the lock is taken.
      prefetch_for_reading(at(first, head.position));
      prefetch_for_reading(at(first, head.position + cache_line / granule));
      return true;
    }
    if (first.next.load(std::memory_order_relaxed) != 0 ||
        queue.state.tables.returned_hint.load(std::memory_order_seq_cst) != 0)
      return true;
    // If it was left and freed meanwhile, that said nothing, and there may be messages in the next.
    std::atomic_thread_fence(std::memory_order_acquire);
    return queue.state.first_segment.load(std::memory_order_relaxed) != name;
  };
  return sync::wait_until(has_message, state_->get_sleepers, deadline, sync::fence_for_sleepers);
}

}  // namespace procyon::channel
