// A queue as something to wait for: wait() and fileno().
#include <memory>

#include "channel/queue_parts.hpp"
#include "channel/queue_tables.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/sync/watch.hpp"
#include "sync/biased_word.hpp"

namespace procyon::channel {

namespace {

// Looks without a lock. A segment that is freed under the reader's eyes has ceased to be the first: first_segment never
// returns to a handle that it has had (handles carry generations), so if it is the same after the look as before, what was
// read is true; the segments behind the first are not freed before it.
bool has_message(const QueueView& queue) {
  for (;;) {
    const std::uint64_t first = queue.state.first_segment.load(std::memory_order_seq_cst);
    bool found = false;
    for (std::uint64_t handle = first;;) {
      const Segment& segment = queue.segment(handle);
      const std::uint64_t next = segment.next.load(std::memory_order_seq_cst);
      // In this order: if the head is behind the tail that was before, there is a message at that moment.
      const Mark tail = Mark::from_bits(segment.tail.load(std::memory_order_seq_cst));
      const Mark head = Mark::from_bits(segment.head.load(std::memory_order_seq_cst));
      found = static_cast<std::int32_t>(tail.sequence - head.sequence) > 0;
      if (found || next == 0 || queue.state.first_segment.load(std::memory_order_seq_cst) != first) break;
      handle = next;
    }
    if (queue.state.first_segment.load(std::memory_order_seq_cst) == first) return found;
  }
}

// Under get_lock, if it is to be had at once: whether a message that was on lease is to be given out again.
bool has_returned_message(const QueueView& queue) {
  if (queue.state.tables.returned_hint.load(std::memory_order_seq_cst) != 0) return true;
  if (!leases_of(queue).exists()) return false;
  const QueueLock lock(queue.state.get_lock, queue, recover_consumers, os::Deadline::now());
  if (!lock.held()) return false;
  return_leases_of_the_dead(queue);
  return queue.state.tables.returned_hint.load(std::memory_order_seq_cst) != 0;
}

}  // namespace

class QueueEngine::Waited final : public sync::Waitable {
 public:
  explicit Waited(const QueueEngine& engine) : engine_(engine) {
    engine_.watch_ = sync::WatchSlot();  // a watch that holds this would hold itself
  }
  bool ready() override {
    const QueueView queue = view_of(engine_.reference_, *engine_.state_);
    return has_message(queue) || has_returned_message(queue) || engine_.producers_are_gone();
  }
  void arm(std::uint32_t bells) override {
    engine_.state_->get_sleepers.fetch_or(bells, std::memory_order_seq_cst);
    sync::fence_for_sleepers();  // the releases of the queue's locks are no barriers
  }

 private:
  QueueEngine engine_;
};

sync::WaitTarget QueueEngine::wait_target() const {
  return {std::make_shared<Waited>(*this), {sync::WaitTarget::Kind::object, reference_.handle().bits()}};
}

int QueueEngine::fileno() const {
  const auto target = [](const void* engine) {
    return static_cast<const QueueEngine*>(engine)->wait_target();
  };
  return watch_.descriptor(reference_.handle(), target, this);
}

}  // namespace procyon::channel
