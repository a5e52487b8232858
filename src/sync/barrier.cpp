#include <algorithm>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>

#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/sync/barrier_engine.hpp"
#include "procyon/detail/sync/state_lock.hpp"
#include "procyon/errors.hpp"
#include "procyon/lock.hpp"
#include "sync/barrier_format.hpp"

namespace procyon::sync {

using arena::ParticipantId;
using arena::Session;

namespace {

constexpr int spins = 100;  // sleeping and waking costs some 10 us

arena::Reference make_barrier(std::size_t parties) {
  if (parties < 1 || parties > BarrierState::most_parties)
    throw std::invalid_argument("procyon: a Barrier is for 1 to 65536 parties, not for " +
                                std::to_string(parties));
  auto reference = arena::Reference::create_with_room<BarrierState>(
      parties * sizeof(BarrierState::Place), barrier_type, static_cast<std::uint32_t>(parties));
  auto* const places = reference.get<BarrierState>().places();
  for (std::size_t index = 0; index < parties; ++index) new (places + index) BarrierState::Place(0);
  return reference;
}

StateLock locked_state(BarrierState& state, os::Deadline deadline = os::Deadline::never()) {
  return StateLock(
      state.lock, [] {}, deadline);
}

void wake_all(const BarrierState& state) { os::futex_wake_all(os::low_half(state.word)); }

[[noreturn]] void throw_broken(const char* why) {
  throw BrokenBarrier(std::string("procyon: the barrier is broken: ") + why +
                      "; reset() makes it usable again");
}
constexpr const char* not_in_time = "not all parties came in time";
constexpr const char* broken_by_another =
    "a party timed out, ended while it waited, or called abort(), or the action failed";

bool somebody_died(BarrierState& state, std::uint32_t arrived) {
  return std::any_of(state.places(), state.places() + arrived, [](const BarrierState::Place& place) {
    return !Session::current().alive(ParticipantId::from_bits(place.load(std::memory_order_relaxed)));
  });
}

}  // namespace

BarrierEngine::BarrierEngine(std::size_t parties, std::int64_t timeout)
    : reference_(make_barrier(parties)), state_(&reference_.get<BarrierState>()) {
  state_->timeout = timeout;
}
BarrierEngine::BarrierEngine(arena::Reference reference)
    : reference_(checked(std::move(reference), barrier_type)), state_(&reference_.get<BarrierState>()) {}

void BarrierEngine::set_action(arena::Handle block, std::size_t size, std::size_t references) {
  Session::current().hand_to(block, reference_.handle());
  state_->action_size = size;
  state_->action_references = references;
  state_->action = block.bits();
}
const std::byte* BarrierEngine::action() const {
  return state_->action == 0 ? nullptr : Session::current().bytes(arena::Handle::from_bits(state_->action));
}
std::size_t BarrierEngine::action_size() const { return state_->action_size; }
std::size_t BarrierEngine::action_references() const { return state_->action_references; }

std::size_t BarrierEngine::wait(os::Deadline deadline, const std::function<void()>& action) const {
  const Arrival arrival = arrive(deadline);
  if (arrival.index + 1 == state_->parties)
    pass(arrival, deadline, action);
  else
    wait_for_the_others(arrival, deadline);
  return arrival.index;
}

BarrierEngine::Arrival BarrierEngine::arrive(os::Deadline deadline) const {
  const std::uint32_t self = Session::current().self().bits();
  for (;;) {
    BarrierMark now;
    {
      const StateLock lock = locked_state(*state_, deadline);
      now = state_->load();
      if (now.broken) throw_broken(broken_by_another);
      if (!lock.held()) {  // its holder is stopped
        break_generation(now.generation);
        throw_broken(not_in_time);
      }
      if (now.arrived < state_->parties) {
        state_->places()[now.arrived].store(self, std::memory_order_relaxed);
        os::crash_point("barrier.arrive.placed");
        if (!state_->change(now, {now.arrived + 1, now.generation, false})) throw_broken(broken_by_another);
        return {now.generation, now.arrived};
      }
    }
    // All are here, and the action runs: this is one for the next generation.
    wait_for_the_others({now.generation, 0}, deadline);
  }
}

void BarrierEngine::pass(const Arrival& arrival, os::Deadline deadline,
                         const std::function<void()>& action) const {
  if (break_if_somebody_died(arrival.generation)) throw_broken("a party ended while it waited");
  try {
    action();
  } catch (...) {
    break_generation(arrival.generation);
    throw;
  }
  {
    // The action may have taken longer than the time-out, which is no reason not to pass.
    const StateLock lock =
        locked_state(*state_, deadline.expired() ? os::Deadline::after(os::wait_slice) : deadline);
    if (!lock.held()) {
      break_generation(arrival.generation);
      throw_broken(not_in_time);
    }
    BarrierMark now = state_->load();
    if (now.broken || now.generation != arrival.generation) throw_broken(broken_by_another);
    state_->verdict(now.generation).store(BarrierState::Verdict::passed, std::memory_order_release);
    if (!state_->change(now, now.next_generation())) throw_broken(broken_by_another);
    os::crash_point("barrier.passed");
  }
  wake_all(*state_);
}

void BarrierEngine::wait_for_the_others(const Arrival& arrival, os::Deadline deadline) const {
  for (int attempt = 0;; ++attempt) {
    const BarrierMark now = state_->load();
    if (now.generation != arrival.generation) {
      const auto verdict = state_->verdict(arrival.generation).load(std::memory_order_acquire);
      if (verdict == BarrierState::Verdict::was_reset)
        throw BrokenBarrier("procyon: the barrier was reset while this waited");
      return;
    }
    if (now.broken) throw_broken(broken_by_another);
    if (attempt < spins && deadline != os::Deadline::now()) {
      os::spin_pause();
      continue;
    }
    if (break_if_somebody_died(arrival.generation)) throw_broken("a party ended while it waited");
    if (deadline.expired()) {
      break_generation(arrival.generation);
      if (state_->load().generation != arrival.generation) continue;  // it was passed or reset just then
      throw_broken(not_in_time);
    }
    os::futex_wait(os::low_half(state_->word), now.low_half(), deadline.slice(os::wait_slice));
  }
}

bool BarrierEngine::break_if_somebody_died(std::uint32_t generation) const {
  const BarrierMark now = state_->load();
  if (now.generation != generation || !somebody_died(*state_, now.arrived)) return false;
  break_generation(generation);
  return state_->load().generation == generation;
}

// Without the lock: whoever gives up in time must not wait for a holder that is stopped.
void BarrierEngine::break_generation(std::uint32_t generation) const {
  BarrierMark now = state_->load();
  while (now.generation == generation) {
    if (!state_->change(now, {now.arrived, now.generation, true})) continue;
    os::crash_point("barrier.broken");
    return wake_all(*state_);
  }
}

void BarrierEngine::abort() const { break_generation(state_->load().generation); }

void BarrierEngine::reset() const {
  {
    const StateLock lock = locked_state(*state_);
    BarrierMark now = state_->load();
    state_->verdict(now.generation).store(BarrierState::Verdict::was_reset, std::memory_order_release);
    while (!state_->change(now, now.next_generation())) {
    }
    os::crash_point("barrier.reset");
  }
  wake_all(*state_);
}

os::Deadline BarrierEngine::default_deadline() const {
  return state_->timeout < 0 ? os::Deadline::never()
                             : os::Deadline::after(std::chrono::nanoseconds(state_->timeout));
}
std::size_t BarrierEngine::parties() const { return state_->parties; }
std::size_t BarrierEngine::waiting() const {
  const BarrierMark now = state_->load();
  return now.arrived == state_->parties ? 0 : now.arrived;
}
bool BarrierEngine::broken() const { return state_->load().broken; }

}  // namespace procyon::sync
