// Steps of taking that get() and get_lease() share. All under get_lock.
#pragma once

#include <optional>

#include "channel/queue_parts.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/sync/sleep.hpp"

namespace procyon::channel {

/// From time to time looks whether holders of leases have died.
void look_for_dead_holders(const QueueView& queue);

/// Where the next message lies in the first segment, after leaving those that are empty. Nothing if there is none.
std::optional<Mark> find_head(const QueueView& queue);

/// Adds the message at `sequence` to taken_bytes, before its commit.
void count_taken_bytes(QueueState& state, std::uint32_t sequence, std::size_t size);

/// After the commit, without the lock.
void wake_producers(QueueState& state);

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
