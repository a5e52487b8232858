#include "procyon/detail/channel/queue_engine.hpp"

#include <algorithm>

#include "channel/queue_tables.hpp"
#include "procyon/lock.hpp"

namespace procyon::channel {

namespace {

QueueSettings settings(const QueueOptions& options, QueueEngine::Kind kind) {
  return {.maxsize = static_cast<std::uint32_t>(std::min<std::size_t>(options.maxsize, INT32_MAX)),
          .ends_with_producers = options.end_with_producers,
          .counts_tasks = kind == QueueEngine::Kind::counts_tasks,
          .max_bytes = options.max_bytes};
}

}  // namespace

ReceivedMessage::~ReceivedMessage() {
  if (block_) arena::Session::current().release(block_);
}

std::byte* ReceivedMessage::make_room(std::size_t size) {
  if (size == target_.size() && size != 0) return target_.data();
  if (size <= inline_.size()) return inline_.data();
  heap_ = std::make_unique_for_overwrite<std::byte[]>(size);
  return heap_.get();
}

QueueEngine::QueueEngine(arena::ObjectType type, const QueueOptions& options, Kind kind)
    : reference_(
          arena::Reference::create_with_room<QueueState>(first_ring_bytes, type, settings(options, kind))),
      state_(&reference_.get<QueueState>()) {
  state_->inside.ring_bytes = first_ring_bytes;
}

QueueEngine::QueueEngine(arena::Reference reference, arena::ObjectType type)
    : reference_(sync::checked(std::move(reference), type)), state_(&reference_.get<QueueState>()) {}

std::size_t QueueEngine::size() const {
  // The counts are copies of the committed words, late by the instructions between the two stores, and repaired with
  // the lock if somebody died there: so look under both locks.
  const QueueView queue = view_of(reference_, *state_);
  const QueueLock producers(state_->put_lock, queue, recover_producers, os::Deadline::never());
  const QueueLock consumers(state_->get_lock, queue, recover_consumers, os::Deadline::never());
  const std::uint32_t in_rings = Mark::from_bits(queue.last().tail.load(std::memory_order_acquire)).sequence -
                                 Mark::from_bits(queue.first().head.load(std::memory_order_acquire)).sequence;
  return in_rings + returned_messages(queue);
}

QueueOptions QueueEngine::options() const {
  const QueueSettings& settings = state_->settings;
  return {.maxsize = settings.maxsize,
          .max_bytes = settings.max_bytes,
          .end_with_producers = settings.ends_with_producers};
}

bool QueueEngine::counts_tasks() const { return state_->settings.counts_tasks; }

}  // namespace procyon::channel
