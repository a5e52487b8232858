// Repair of a queue after a death under one of its locks; the cases are those of queue_format.hpp.
#include "channel/queue_tables.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::channel {

using arena::Handle;

namespace {

// Whether the commit of growing happened: the segment that was the last says so. The consumers may have left it
// meanwhile, and it may be freed and used for something else; but they leave a segment only for its successor.
bool is_linked(const QueueView& queue, std::uint64_t pending) {
  const Handle last = Handle::from_bits(queue.state.last_segment.load(std::memory_order_relaxed));
  const auto was_left = [&] { return last && !queue.session.is_held_by(last, queue.self); };
  // Asked again afterwards: what was read may have been another's already.
  return was_left() || queue.last().next.load(std::memory_order_acquire) == pending || was_left();
}

void finish_growing(const QueueView& queue) {
  QueueState& state = queue.state;
  const std::uint64_t pending = state.pending_segment.load(std::memory_order_acquire);
  if (pending == 0) return;
  if (state.last_segment.load(std::memory_order_relaxed) != pending) {
    if (is_linked(queue, pending))
      state.last_segment.store(pending, std::memory_order_release);
    else
      queue.session.release(Handle::from_bits(pending));  // ignored if it went back with its owner
  }
  os::crash_point("queue.recover.segment_settled");
  state.pending_segment.store(0, std::memory_order_release);
}

void finish_putting(const QueueView& queue) {
  QueueState& state = queue.state;
  const std::uint64_t tail = queue.last().tail.load(std::memory_order_acquire);
  if (const std::uint64_t pending = state.pending_block.load(std::memory_order_acquire); pending != 0) {
    if (tail != state.pending_tail.load(std::memory_order_relaxed))
      queue.session.release(Handle::from_bits(pending));
    os::crash_point("queue.recover.pending_block_settled");
    state.pending_block.store(0, std::memory_order_release);
  }
  os::crash_point("queue.recover.producers");
  state.put_count.exchange(Mark::from_bits(tail).sequence, std::memory_order_seq_cst);
  sync::wake_all(state.get_sleepers);
}

}  // namespace

void free_retired_segment(const QueueView& queue) {
  QueueState& state = queue.state;
  const std::uint64_t retired = state.retired_segment.load(std::memory_order_acquire);
  if (retired == 0) return;
  if (retired != state.first_segment.load(std::memory_order_relaxed))
    queue.session.release(Handle::from_bits(retired));
  os::crash_point("queue.recover.segment_freed");
  state.retired_segment.store(0, std::memory_order_release);
}

void recover_producers(const QueueView& queue) {
  finish_growing(queue);
  producers_of(queue).recover();
  // Whose head the dead one saw last is not known: the last segment's is looked at again.
  const Mark head = Mark::from_bits(queue.last().head.load(std::memory_order_acquire));
  queue.state.head_seen.store(head.position, std::memory_order_relaxed);
  finish_putting(queue);
}

void recover_consumers(const QueueView& queue) {
  QueueState& state = queue.state;
  free_retired_segment(queue);
  const std::uint64_t head = queue.first().head.load(std::memory_order_acquire);
  if (const std::uint64_t claimed = state.claimed_block.load(std::memory_order_acquire); claimed != 0) {
    const Handle block = Handle::from_bits(claimed);
    // Taken, and lost with its taker; if the block was its taker's already it goes back with that one.
    if (head == state.claimed_head.load(std::memory_order_relaxed) &&
        queue.session.is_held_by(block, queue.self))
      queue.session.release(block);
    os::crash_point("queue.recover.claimed_block_settled");
    state.claimed_block.store(0, std::memory_order_release);
  }
  recover_tables(queue);
  os::crash_point("queue.recover.consumers");
  state.get_count.exchange(Mark::from_bits(head).sequence, std::memory_order_seq_cst);
  sync::wake_all(state.put_sleepers);
}

}  // namespace procyon::channel
