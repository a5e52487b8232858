// The steps of queue_format.hpp that putting, taking and repairing share. All under the lock that the format says.
#pragma once

#include "channel/queue_format.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/sync/state_lock.hpp"

namespace procyon::channel {

/// A queue as its own process sees it.
struct QueueView {
  arena::Session& session;
  QueueState& state;
  arena::Handle self;

  [[nodiscard]] Segment& segment(std::uint64_t handle_bits) const {
    if (handle_bits == 0) return state.inside;
    return *reinterpret_cast<Segment*>(session.base() + arena::Handle::from_bits(handle_bits).offset());
  }
  [[nodiscard]] Segment& last() const { return segment(state.last_segment.load(std::memory_order_relaxed)); }
  [[nodiscard]] Segment& first() const {
    return segment(state.first_segment.load(std::memory_order_relaxed));
  }
};

inline QueueView view_of(const arena::Reference& reference, QueueState& state) {
  return {arena::Session::current(), state, reference.handle()};
}

/// Repairs what a producer (consumer) left that died while it held put_lock (get_lock).
void recover_producers(const QueueView& queue);
void recover_consumers(const QueueView& queue);

/// Frees the emptied first segment, if it was a block, once first_segment names its successor (steps 3).
void free_retired_segment(const QueueView& queue);

/// Holds one of the two locks for a scope, repaired. `held()` is false if it was not to be had in time.
class QueueLock : public sync::BasicStateLock<sync::BiasedWord> {
 public:
  QueueLock(sync::BiasedWord& word, const QueueView& queue, void (*recover)(const QueueView&),
            os::Deadline deadline)
      : BasicStateLock(
            word, [&] { recover(queue); }, deadline) {}
};

}  // namespace procyon::channel
