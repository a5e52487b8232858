// Steps of taking that get() and get_lease() share. All under get_lock.
#pragma once

#include "channel/queue_parts.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/sync/sleep.hpp"

namespace procyon::channel {

/// Looks whether holders of leases have died; called with each take, it does so from time to time.
void count_take_and_look(const QueueView& queue);
inline void look_for_dead_holders(const QueueView& queue) {
  if (queue.state.tables.leases.first.load(std::memory_order_relaxed) != 0) [[unlikely]]
    count_take_and_look(queue);
}

/// Where the next message lies in the first segment, after leaving those that are empty. False if there is none.
/// (Not an optional: giving one back in registers stalls on its one-byte flag, and cost an eighth of a get.)
bool find_head(const QueueView& queue, Mark& head);

/// Adds the message at `sequence` to taken_bytes, before its commit.
void add_taken_bytes(QueueState& state, std::uint32_t sequence, std::size_t size);
inline void count_taken_bytes(QueueState& state, std::uint32_t sequence, std::size_t size) {
  if (state.settings.max_bytes != 0) [[unlikely]]
    add_taken_bytes(state, sequence, size);
}

/// After the commit, without the lock.
inline void wake_producers(QueueState& state) {
  // The one that is woken might be one whose message is still too large.
  if (state.settings.max_bytes != 0) [[unlikely]]
    return sync::wake_all(state.put_sleepers);
  sync::wake_one(state.put_sleepers);
}

/// Repeats an attempt to take until it succeeds, or the deadline passes, or nobody is left who could put anything.
template <class Try>
Got QueueEngine::take_when_there(Try try_take, os::Deadline deadline) {
  bool last_look = false;
  for (;;) {
    const Attempt attempt = try_take();
    if (attempt == Attempt::done) return Got::message;
    if (attempt == Attempt::not_in_time) break;
    if (last_look) return Got::no_producers;
    // What the last of them put may have come between the look at the messages and the look at them.
    last_look = producers_are_gone();
    if (!last_look && !wait_for_message(deadline)) break;
  }
  sync::found_nothing(reference_.handle());  // fileno() becomes unreadable
  return Got::nothing_in_time;
}

}  // namespace procyon::channel
