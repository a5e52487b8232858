// Putting into a queue: the producers' half of queue_format.hpp.
#include <sched.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "channel/cache_hints.hpp"
#include "channel/queue_ring.hpp"
#include "channel/queue_tables.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/sync/sleep.hpp"

namespace procyon::channel {

using arena::Handle;
using arena::Session;

namespace {

// Where a record of `bytes` (header included) goes: at the tail, or behind a filler at the start of the ring.
struct Place {
  bool fits;
  bool filler;
};
Place place_behind(const Segment& segment, std::uint32_t head, Mark tail, std::size_t bytes) {
  const std::size_t room = segment.ring_bytes - std::size_t{tail.position - head} * granule;
  const std::size_t to_end = bytes_to_end(segment, tail.position);
  if (bytes <= to_end) return {bytes <= room, false};
  return {to_end + bytes <= room, true};
}

// The same, asking the consumers how far they are only if what was seen of it does not do. The acquire that made
// head_seen true was this process's or that of an earlier holder of put_lock, so it orders the bytes either way.
Place find_place(QueueState& state, const Segment& segment, Mark tail, std::size_t bytes) {
  const Place place = place_behind(segment, state.head_seen.load(std::memory_order_relaxed), tail, bytes);
  if (place.fits) [[likely]]
    return place;
  const std::uint32_t head = Mark::from_bits(segment.head.load(std::memory_order_acquire)).position;
  state.head_seen.store(head, std::memory_order_relaxed);
  return place_behind(segment, head, tail, bytes);
}

// Whether a bounded queue has no room, with the same economy.
bool is_at_bound(QueueState& state, Mark tail) {
  const std::uint32_t maxsize = state.settings.maxsize;
  if (maxsize == 0) return false;
  if (tail.sequence - state.get_count_seen.load(std::memory_order_relaxed) < maxsize) [[likely]]
    return false;
  const std::uint32_t taken = state.get_count.load(std::memory_order_acquire);
  state.get_count_seen.store(taken, std::memory_order_relaxed);
  return tail.sequence - taken >= maxsize;
}

std::uint64_t bytes_put(const QueueState& state, std::uint32_t sequence) {
  return state.put_bytes[sequence % 2].load(std::memory_order_relaxed);
}

std::uint64_t bytes_taken(const QueueState& state) {
  for (;;) {
    const std::uint32_t count = state.get_count.load(std::memory_order_acquire);
    const std::uint64_t bytes = state.taken_bytes[count % 2].load(std::memory_order_acquire);
    if (state.get_count.load(std::memory_order_relaxed) == count) return bytes;
  }
}

bool is_at_bound_in_bytes(const QueueState& state, std::uint32_t sequence, std::size_t size) {
  return state.settings.max_bytes != 0 &&
         bytes_put(state, sequence) - bytes_taken(state) + size > state.settings.max_bytes;
}

// As one word: a consumer that reads it as one soon afterwards would stall on two halves.
void write_header(Segment& segment, std::uint32_t position, RecordHeader header) {
  const std::uint64_t word = std::uint64_t{static_cast<std::uint32_t>(header.kind)} << 32 | header.size;
  std::memcpy(at(segment, position), &word, sizeof word);
}

// Steps 3 and 4 of putting, the record's payload given in one piece. Returns the committed tail.
Mark commit_record(Segment& segment, Mark tail, Place place, RecordKind kind,
                   std::span<const std::byte> payload) {
  std::uint32_t position = tail.position;
  if (place.filler) {
    const std::size_t rest = bytes_to_end(segment, position);
    write_header(segment, position,
                 {static_cast<std::uint32_t>(rest - sizeof(RecordHeader)), RecordKind::filler});
    position += granules(rest);
  }
  write_header(segment, position, {static_cast<std::uint32_t>(payload.size()), kind});
  if (!payload.empty())
    std::memcpy(at(segment, position) + sizeof(RecordHeader), payload.data(), payload.size());
  const Mark committed{position + granules(sizeof(RecordHeader) + payload.size()), tail.sequence + 1};
  if (const std::uint64_t self = arena::self_word();
      segment.last_putter.load(std::memory_order_relaxed) != self)
    segment.last_putter.store(self, std::memory_order_relaxed);
  segment.tail.store(committed.bits(), std::memory_order_release);
  // The cache lines that the next messages need are the consumer's, who read them a round ago: they come while this
  // caller makes its next message. Three times the rate.
  prefetch_for_writing(at(segment, committed.position + cache_line / granule));
  prefetch_for_writing(at(segment, committed.position + 2 * cache_line / granule));
  return committed;
}

// Links a larger segment behind the last one. Throws SessionError when shared memory is exhausted.
void grow(const QueueView& queue, std::size_t bytes_wanted) {
  Segment& last = queue.last();
  const Mark tail = Mark::from_bits(last.tail.load(std::memory_order_relaxed));
  std::size_t ring = std::clamp(std::size_t{last.ring_bytes} * 4, smallest_grown_ring, largest_ring);
  ring = std::max(ring, std::bit_ceil(bytes_wanted));
  const Handle block = queue.session.allocate(sizeof(Segment) + ring);
  auto* segment = new (queue.session.bytes(block)) Segment;
  segment->ring_bytes = static_cast<std::uint32_t>(ring);
  const Mark start{0, tail.sequence};
  segment->tail.store(start.bits(), std::memory_order_relaxed);
  segment->head.store(start.bits(), std::memory_order_relaxed);
  queue.state.pending_segment.store(block.bits(), std::memory_order_release);
  os::crash_point("queue.grow.segment_pending");
  queue.session.hand_to(block, queue.self);
  os::crash_point("queue.grow.segment_held");
  last.next.store(block.bits(), std::memory_order_release);
  os::crash_point("queue.grow.linked");
  queue.state.last_segment.store(block.bits(), std::memory_order_release);
  queue.state.head_seen.store(start.position, std::memory_order_relaxed);
  queue.state.pending_segment.store(0, std::memory_order_release);
}

// Step 2 of putting a large message: its bytes and references in a block that this process still owns.
class OutgoingBlock {
 public:
  OutgoingBlock(Session& session, std::span<const std::byte> message, Parcel& parcel)
      : session_(session),
        record_{0, message.size(), parcel.references().size()},
        block_(store_in_block(message, parcel)) {
    record_.block = block_.bits();
  }
  OutgoingBlock(const OutgoingBlock&) = delete;
  OutgoingBlock& operator=(const OutgoingBlock&) = delete;
  ~OutgoingBlock() {
    if (!sent_) session_.release(block_);
  }
  [[nodiscard]] Handle block() const { return block_; }
  [[nodiscard]] std::span<const std::byte> record() const { return std::as_bytes(std::span(&record_, 1)); }
  void sent() { sent_ = true; }

 private:
  Session& session_;
  BlockRecord record_;
  Handle block_;
  bool sent_ = false;
};

// If the consumers' lock is held by somebody dead, get_count may be late by what that one took. Never waits: a living
// holder brings it up to date itself.
void repair_dead_consumer(const QueueView& queue) {
  const sync::BiasedWord& lock = queue.state.get_lock;
  if (lock.is_held() && !queue.session.alive(lock.owner()))
    QueueLock(queue.state.get_lock, queue, recover_consumers, os::Deadline::now());
}

// Whether the consumers took anything while the caller gave them the processor for a moment. A queue whose consumers
// keep up somewhat is better reused while it is warm than grown: fresh pages cost 2.5 us each.
bool consumers_make_progress(const QueueState& state) {
  constexpr int looks = 64;
  const std::uint32_t before = state.get_count.load(std::memory_order_acquire);
  for (int look = 0; look < looks; ++look) {
    if (state.get_count.load(std::memory_order_acquire) != before) return true;
    look % 8 == 7 ? static_cast<void>(::sched_yield()) : os::spin_pause();
  }
  return false;
}

// A producer that is faster than its consumers would find room for one message with each look, and each look takes the
// cache line from the consumer: both would go at half the speed that they can have. While many messages wait nobody
// starves, so it rests and then finds room for many.
void rest_at_the_bound(const QueueState& state) {
  constexpr std::uint32_t many = 256;
  constexpr std::chrono::nanoseconds rest{2500};
  const std::uint32_t waiting =
      state.put_count.load(std::memory_order_relaxed) - state.get_count.load(std::memory_order_relaxed);
  if (waiting < many) return;
  const auto end = std::chrono::steady_clock::now() + rest;
  while (std::chrono::steady_clock::now() < end) os::spin_pause();
}

}  // namespace

void QueueEngine::refuse_too_large(std::size_t bytes) const {
  const std::uint64_t most = state_->settings.max_bytes;
  if (most != 0 && bytes > most)
    throw std::length_error("procyon: a message of " + std::to_string(bytes) +
                            " bytes can never fit into this queue, whose max_bytes is " +
                            std::to_string(most));
}

bool QueueEngine::put(std::span<const std::byte> message, Parcel& parcel, os::Deadline deadline) {
  refuse_too_large(message.size());
  bool may_grow = false;
  for (;;) {
    switch (try_put(message, parcel, deadline, may_grow)) {
      case Attempt::done:
        return true;
      case Attempt::not_in_time:
        return false;
      case Attempt::ring_is_full:
        rest_at_the_bound(*state_);
        may_grow = !consumers_make_progress(*state_);
        break;
      case Attempt::must_wait:
        if (deadline != os::Deadline::now()) rest_at_the_bound(*state_);
        if (!wait_for_room(message.size(), deadline)) return false;
    }
  }
}

QueueEngine::Attempt QueueEngine::try_put(std::span<const std::byte> message, Parcel& parcel,
                                          os::Deadline deadline, bool may_grow) {
  const QueueView queue = view_of(reference_, *state_);
  QueueLock lock(state_->put_lock, queue, recover_producers, deadline);
  if (!lock.held()) return Attempt::not_in_time;
  const Attempt attempt = put_locked(queue, message, parcel, may_grow);
  if (attempt != Attempt::done) return attempt;
  lock.unlock();
  sync::wake_one(state_->get_sleepers);
  return Attempt::done;
}

std::size_t QueueEngine::put_many(const MessageBatch& messages, os::Deadline deadline) {
  for (std::size_t index = 0; index < messages.size(); ++index)
    refuse_too_large(messages.message(index).size());
  const QueueView queue = view_of(reference_, *state_);
  Parcel nothing;
  bool may_grow = false;
  std::size_t next = 0;
  while (next < messages.size()) {
    QueueLock lock(state_->put_lock, queue, recover_producers, deadline);
    if (!lock.held()) break;
    const std::size_t before = next;
    Attempt attempt = Attempt::done;
    while (next < messages.size() &&
           (attempt = put_locked(queue, messages.message(next), nothing, may_grow)) == Attempt::done)
      ++next;
    lock.unlock();
    if (next != before) sync::wake_all(state_->get_sleepers);
    may_grow = attempt == Attempt::ring_is_full && !consumers_make_progress(*state_);
    if (attempt == Attempt::must_wait && !wait_for_room(messages.message(next).size(), deadline)) break;
  }
  return next;
}

QueueEngine::Attempt QueueEngine::put_locked(const QueueView& queue, std::span<const std::byte> message,
                                             Parcel& parcel, bool may_grow) {
  QueueState& state = queue.state;
  if (state.settings.ends_with_producers && producer_ != own_participant()) {
    register_producer(queue);
    producer_ = own_participant();
  }
  Mark tail = Mark::from_bits(queue.last().tail.load(std::memory_order_relaxed));
  // Should a consumer's processor have fetched these again meanwhile, they come while the rest is looked at.
  prefetch_for_writing(at(queue.last(), tail.position));
  prefetch_for_writing(at(queue.last(), tail.position + cache_line / granule));
  if (is_at_bound(state, tail) || is_at_bound_in_bytes(state, tail.sequence, message.size())) {
    repair_dead_consumer(queue);
    return Attempt::must_wait;
  }

  const bool in_block = message.size() > largest_inline || !parcel.empty();
  const std::size_t bytes =
      sizeof(RecordHeader) + (in_block ? sizeof(BlockRecord) : round_up(message.size()));
  Place place = find_place(state, queue.last(), tail, bytes);
  if (!place.fits) {
    if (!may_grow && queue.last().ring_bytes >= smallest_grown_ring) return Attempt::ring_is_full;
    grow(queue, bytes);
    tail = Mark::from_bits(queue.last().tail.load(std::memory_order_relaxed));
    place = find_place(state, queue.last(), tail, bytes);
  }
  if (state.settings.max_bytes != 0)
    state.put_bytes[(tail.sequence + 1) % 2].store(bytes_put(state, tail.sequence) + message.size(),
                                                   std::memory_order_relaxed);
  Segment& segment = queue.last();
  if (!in_block) {
    tail = commit_record(segment, tail, place, RecordKind::inline_bytes, message);
  } else {
    OutgoingBlock outgoing(queue.session, message, parcel);
    const std::size_t skipped = place.filler ? bytes_to_end(segment, tail.position) : 0;
    const Mark committed{tail.position + granules(skipped) + granules(bytes), tail.sequence + 1};
    state.pending_tail.store(committed.bits(), std::memory_order_relaxed);
    state.pending_block.store(outgoing.block().bits(), std::memory_order_release);
    os::crash_point("queue.put.block_pending");
    queue.session.hand_to(outgoing.block(), queue.self);
    os::crash_point("queue.put.block_held");
    tail = commit_record(segment, tail, place, RecordKind::in_block, outgoing.record());
    outgoing.sent();
  }
  os::crash_point("queue.put.committed");
  state.put_count.store(tail.sequence, std::memory_order_release);
  os::crash_point("queue.put.counted");
  if (in_block) state.pending_block.store(0, std::memory_order_release);
  return Attempt::done;
}

bool QueueEngine::wait_for_room(std::size_t bytes, os::Deadline deadline) const {
  const auto has_room = [&] { return !is_full(bytes); };
  return sync::wait_until(has_room, state_->put_sleepers, deadline, sync::fence_for_sleepers);
}

bool QueueEngine::is_full(std::size_t bytes) const {
  const QueueSettings& settings = state_->settings;
  const std::uint32_t put = state_->put_count.load(std::memory_order_acquire);
  const std::uint32_t taken = state_->get_count.load(std::memory_order_seq_cst);
  if (settings.maxsize != 0 && put - taken >= settings.maxsize) return true;
  return is_at_bound_in_bytes(*state_, put, bytes);
}

}  // namespace procyon::channel
