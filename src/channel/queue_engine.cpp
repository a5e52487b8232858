#include "procyon/detail/channel/queue_engine.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <stdexcept>

#include "channel/queue_parts.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/sync/sleep.hpp"
#include "procyon/lock.hpp"

namespace procyon::channel {

using arena::Handle;
using arena::Session;

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + granule - 1) / granule * granule; }
constexpr std::uint32_t granules(std::size_t bytes) {
  return static_cast<std::uint32_t>(round_up(bytes) / granule);
}

QueueView view(const arena::Reference& reference, QueueState& state) {
  return {Session::current(), state, reference.handle()};
}

// The bytes of the ring that a position names.
std::byte* at(Segment& segment, std::uint32_t position) {
  return segment.ring() + (std::size_t{position} * granule & (segment.ring_bytes - 1));
}

std::size_t bytes_to_end(const Segment& segment, std::uint32_t position) {
  return segment.ring_bytes - (std::size_t{position} * granule & (segment.ring_bytes - 1));
}

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
  if (state.maxsize == 0) return false;
  if (tail.sequence - state.get_count_seen.load(std::memory_order_relaxed) < state.maxsize) [[likely]]
    return false;
  const std::uint32_t taken = state.get_count.load(std::memory_order_acquire);
  state.get_count_seen.store(taken, std::memory_order_relaxed);
  return tail.sequence - taken >= state.maxsize;
}

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

void write_header(Segment& segment, std::uint32_t position, RecordHeader header) {
  std::memcpy(at(segment, position), &header, sizeof header);
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
  // The cache line that the next messages need is the consumer's, who read it a round ago: it comes while this caller
  // makes its next message. Doubles the rate.
  __builtin_prefetch(at(segment, committed.position + 2 * cache_line / granule), 1);
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
  const arena::OwnerWord& lock = queue.state.get_lock;
  if (lock.is_held() && !queue.session.alive(lock.owner()))
    QueueLock(queue.state.get_lock, queue, recover_consumers, os::Deadline::now());
}

}  // namespace

ReceivedMessage::~ReceivedMessage() {
  if (block_) Session::current().release(block_);
}

std::byte* ReceivedMessage::make_room(std::size_t size) {
  if (size <= inline_.size()) return inline_.data();
  heap_ = std::make_unique_for_overwrite<std::byte[]>(size);
  return heap_.get();
}

QueueEngine::QueueEngine(arena::ObjectType type, std::size_t maxsize)
    : reference_(arena::Reference::create_with_room<QueueState>(
          first_ring_bytes, type, static_cast<std::uint32_t>(std::min<std::size_t>(maxsize, INT32_MAX)))),
      state_(&reference_.get<QueueState>()) {
  state_->inside.ring_bytes = first_ring_bytes;
}

QueueEngine::QueueEngine(arena::Reference reference, arena::ObjectType type)
    : reference_(sync::checked(std::move(reference), type)), state_(&reference_.get<QueueState>()) {}

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

bool QueueEngine::put(std::span<const std::byte> message, Parcel& parcel, os::Deadline deadline) {
  bool may_grow = false;
  for (;;) {
    switch (try_put(message, parcel, deadline, may_grow)) {
      case Attempt::done:
        return true;
      case Attempt::not_in_time:
        return false;
      case Attempt::ring_is_full:
        may_grow = !consumers_make_progress(*state_);
        break;
      case Attempt::must_wait:
        if (!wait_for_room(deadline)) return false;
    }
  }
}

QueueEngine::Attempt QueueEngine::try_put(std::span<const std::byte> message, Parcel& parcel,
                                          os::Deadline deadline, bool may_grow) {
  const QueueView queue = view(reference_, *state_);
  QueueState& state = *state_;
  QueueLock lock(state.put_lock, queue, recover_producers, deadline);
  if (!lock.held()) return Attempt::not_in_time;
  Mark tail = Mark::from_bits(queue.last().tail.load(std::memory_order_relaxed));
  if (is_at_bound(state, tail)) {
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
  lock.unlock();
  sync::wake_one(state.get_sleepers, state.put_count);
  return Attempt::done;
}

bool QueueEngine::get(ReceivedMessage& message, os::Deadline deadline) {
  for (;;) {
    const Attempt attempt = try_get(message, deadline);
    if (attempt == Attempt::done) return true;
    if (attempt == Attempt::not_in_time || !wait_for_message(deadline)) return false;
  }
}

QueueEngine::Attempt QueueEngine::try_get(ReceivedMessage& message, os::Deadline deadline) {
  const QueueView queue = view(reference_, *state_);
  QueueState& state = *state_;
  QueueLock lock(state.get_lock, queue, recover_consumers, deadline);
  if (!lock.held()) return Attempt::not_in_time;

  Mark head = Mark::from_bits(queue.first().head.load(std::memory_order_relaxed));
  while (!has_message(state, queue.first(), head.sequence)) {
    const std::uint64_t next = queue.first().next.load(std::memory_order_acquire);
    if (next == 0) return Attempt::must_wait;
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

  Segment& segment = queue.first();
  RecordHeader header;
  std::memcpy(&header, at(segment, head.position), sizeof header);
  if (header.kind == RecordKind::filler) {
    head.position += granules(sizeof header + header.size);
    std::memcpy(&header, at(segment, head.position), sizeof header);
  }
  const std::byte* const payload = at(segment, head.position) + sizeof header;
  const Mark taken{head.position + granules(sizeof header + header.size), head.sequence + 1};
  if (header.kind == RecordKind::inline_bytes) {
    std::byte* const copy = message.make_room(header.size);
    std::memcpy(copy, payload, header.size);
    message.bytes_ = {copy, header.size};

    segment.head.store(taken.bits(), std::memory_order_release);
  } else {
    BlockRecord record;
    std::memcpy(&record, payload, sizeof record);
    const Handle block = Handle::from_bits(record.block);
    state.claimed_head.store(taken.bits(), std::memory_order_relaxed);
    state.claimed_block.store(record.block, std::memory_order_release);
    os::crash_point("queue.get.block_claimed");
    segment.head.store(taken.bits(), std::memory_order_release);
    os::crash_point("queue.get.block_committed");
    queue.session.take_from(block, queue.self);
    os::crash_point("queue.get.block_taken");
    state.claimed_block.store(0, std::memory_order_release);
    const std::byte* const bytes = queue.session.bytes(block);
    message.block_ = block;
    message.bytes_ = {bytes, record.size};
    message.references_ = references_behind(bytes, record.size, record.pins);
  }
  os::crash_point("queue.get.committed");
  state.get_count.store(taken.sequence, std::memory_order_release);
  os::crash_point("queue.get.counted");
  lock.unlock();
  sync::wake_one(state.put_sleepers, state.get_count);
  return Attempt::done;
}

bool QueueEngine::wait_for_room(os::Deadline deadline) const {
  const auto has_room = [this] {
    return state_->put_count.load(std::memory_order_acquire) -
               state_->get_count.load(std::memory_order_seq_cst) <
           state_->maxsize;
  };
  return sync::wait_until(has_room, state_->put_sleepers, state_->get_count, deadline);
}

bool QueueEngine::wait_for_message(os::Deadline deadline) const {
  const QueueView queue = view(reference_, *state_);
  const auto has_message = [&queue] {
    const Segment& first = queue.first();
    const Mark tail = Mark::from_bits(first.tail.load(std::memory_order_seq_cst));
    return tail.sequence != Mark::from_bits(first.head.load(std::memory_order_relaxed)).sequence ||
           first.next.load(std::memory_order_relaxed) != 0;
  };
  return sync::wait_until(has_message, state_->get_sleepers, state_->put_count, deadline);
}

std::size_t QueueEngine::size() const {
  // The counts are copies of the committed words, late by the instructions between the two stores, and repaired with
  // the lock if somebody died there: so look under both locks.
  const QueueView queue = view(reference_, *state_);
  QueueLock producers(state_->put_lock, queue, recover_producers, os::Deadline::never());
  QueueLock consumers(state_->get_lock, queue, recover_consumers, os::Deadline::never());
  return Mark::from_bits(queue.last().tail.load(std::memory_order_acquire)).sequence -
         Mark::from_bits(queue.first().head.load(std::memory_order_acquire)).sequence;
}

std::size_t QueueEngine::maxsize() const { return state_->maxsize; }

}  // namespace procyon::channel
