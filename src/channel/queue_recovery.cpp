// Repair of a queue after a death under one of its locks; the cases are those of queue_format.hpp.
#include "channel/queue_parts.hpp"

namespace procyon::channel {

using arena::Handle;

namespace {

void finish_growing(const QueueView& queue) {
  QueueState& state = queue.state;
  const std::uint64_t pending = state.pending_segment.load(std::memory_order_acquire);
  if (pending == 0) return;
  const bool is_last = state.last_segment.load(std::memory_order_relaxed) == pending;
  if (!is_last) {
    if (queue.last().next.load(std::memory_order_acquire) == pending)
      state.last_segment.store(pending, std::memory_order_release);
    else
      queue.session.release(Handle::from_bits(pending));  // ignored if it went back with its owner
  }
  state.pending_segment.store(0, std::memory_order_release);
}

void finish_putting(const QueueView& queue) {
  QueueState& state = queue.state;
  const std::uint64_t tail = queue.last().tail.load(std::memory_order_acquire);
  if (const std::uint64_t pending = state.pending_block.load(std::memory_order_acquire); pending != 0) {
    if (tail != state.pending_tail.load(std::memory_order_relaxed)) queue.session.release(Handle::from_bits(pending));
    state.pending_block.store(0, std::memory_order_release);
  }
  state.put_count.store(Mark::from_bits(tail).sequence, std::memory_order_release);
  os::futex_wake_all(state.put_count);
}

}  // namespace

void free_retired_segment(const QueueView& queue) {
  QueueState& state = queue.state;
  const std::uint64_t retired = state.retired_segment.load(std::memory_order_acquire);
  if (retired == 0) return;
  if (retired != state.first_segment.load(std::memory_order_relaxed))
    queue.session.release(Handle::from_bits(retired));
  state.retired_segment.store(0, std::memory_order_release);
}

void recover_producers(const QueueView& queue) {
  finish_growing(queue);
  finish_putting(queue);
}

void recover_consumers(const QueueView& queue) {
  QueueState& state = queue.state;
  free_retired_segment(queue);
  const std::uint64_t head = queue.first().head.load(std::memory_order_acquire);
  if (const std::uint64_t claimed = state.claimed_block.load(std::memory_order_acquire); claimed != 0) {
    const Handle block = Handle::from_bits(claimed);
    // Taken, and lost with its taker; if the block was its taker's already it goes back with that one.
    if (head == state.claimed_head.load(std::memory_order_relaxed) && queue.session.is_held_by(block, queue.self))
      queue.session.release(block);
    state.claimed_block.store(0, std::memory_order_release);
  }
  state.get_count.store(Mark::from_bits(head).sequence, std::memory_order_release);
  os::futex_wake_all(state.get_count);
}

}  // namespace procyon::channel
