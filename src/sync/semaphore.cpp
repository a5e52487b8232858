#include "procyon/semaphore.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/sync/state_lock.hpp"
#include "procyon/lock.hpp"
#include "sync/semaphore_format.hpp"

namespace procyon {

using arena::ParticipantId;
using arena::Session;
using sync::SemaphoreState;
using sync::StateLock;

namespace {

constexpr std::uint32_t fewest_slots = 64;
constexpr std::uint32_t most_slots = ParticipantId::slot_count;

arena::Reference make_semaphore(arena::ObjectType type, std::int64_t value) {
  if (value < 0 || value > SemaphoreState::largest)
    throw std::invalid_argument(std::string("procyon: a ") + type.name +
                                " starts with 0 to 2147483647, not with " + std::to_string(value));
  const auto first = static_cast<std::uint32_t>(value);
  const std::uint32_t slots = std::clamp(first, fewest_slots, most_slots);
  auto reference = arena::Reference::create_with_room<SemaphoreState>(slots * sizeof(SemaphoreState::Slot),
                                                                      type, first, slots);
  auto* slot = reference.get<SemaphoreState>().slots();
  for (std::uint32_t index = 0; index < slots; ++index) new (slot + index) SemaphoreState::Slot(0);
  return reference;
}

void recount(SemaphoreState& state) {
  std::uint32_t occupied = 0;
  for (std::uint32_t index = 0; index < state.slot_count; ++index)
    if (state.slots()[index].load(std::memory_order_relaxed) != 0) ++occupied;
  os::crash_point("semaphore.recount");
  state.occupied.exchange(occupied, std::memory_order_seq_cst);
  sync::wake_all(state.sleepers);  // for what the dead one returned, or was about to tell
}

void give_back(SemaphoreState& state, std::uint32_t slot) {
  state.slots()[slot].store(0, std::memory_order_release);
  os::crash_point("semaphore.permit.returned");
  state.occupied.store(state.occupied.load(std::memory_order_relaxed) - 1, std::memory_order_seq_cst);
}

// The lock is held. What dead processes had comes back. Whether anything did.
bool take_from_the_dead(SemaphoreState& state) {
  bool found = false;
  for (std::uint32_t index = 0;
       index < state.slot_count && state.occupied.load(std::memory_order_relaxed) != 0; ++index) {
    const auto holder = ParticipantId::from_bits(state.slots()[index].load(std::memory_order_relaxed));
    if (!holder || Session::current().alive(holder)) continue;
    give_back(state, index);
    found = true;
  }
  return found;
}

StateLock locked_state(SemaphoreState& state, os::Deadline deadline = os::Deadline::never()) {
  return StateLock(
      state.lock, [&state] { recount(state); }, deadline);
}

std::uint32_t available(const SemaphoreState& state) {
  return state.count.load(std::memory_order_relaxed) - state.occupied.load(std::memory_order_relaxed);
}

std::uint32_t free_slot(SemaphoreState& state) {
  auto* const slots = state.slots();
  for (std::uint32_t index = 0; index < state.slot_count; ++index)
    if (slots[index].load(std::memory_order_relaxed) == 0) return index;
  throw std::runtime_error(
      "procyon: " + std::to_string(state.slot_count) +
      " permits of this Semaphore are out, and it cannot keep book of more; use acquire() "
      "and release(), or make it with a larger first value");
}

}  // namespace

Semaphore::Semaphore(arena::ObjectType type, std::int64_t value)
    : reference_(make_semaphore(type, value)), state_(&reference_.get<SemaphoreState>()) {}
Semaphore::Semaphore(arena::Reference reference, arena::ObjectType type)
    : reference_(sync::checked(std::move(reference), type)), state_(&reference_.get<SemaphoreState>()) {}

// Calls `take` under the lock as soon as there is one; false if there was none in time.
template <class Take>
bool Semaphore::take_until(os::Deadline deadline, Take take) const {
  for (;;) {
    {
      const StateLock lock = locked_state(*state_, deadline);
      if (!lock.held()) return false;
      if (available(*state_) > 0 || (take_from_the_dead(*state_) && available(*state_) > 0)) {
        take();
        return true;
      }
    }
    const auto seems_free = [this] { return state_->seems_free(); };
    if (!sync::wait_until(seems_free, state_->sleepers, deadline)) return false;
  }
}

bool Semaphore::acquire_until(os::Deadline deadline) {
  return take_until(deadline, [this] {
    state_->count.store(state_->count.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  });
}

std::optional<Semaphore::Permit> Semaphore::permit_until(os::Deadline deadline) {
  const ParticipantId self = Session::current().self();
  std::optional<std::uint32_t> slot;
  take_until(deadline, [&] {
    slot = free_slot(*state_);
    state_->slots()[*slot].store(self.bits(), std::memory_order_release);
    os::crash_point("semaphore.permit.taken");
    state_->occupied.store(state_->occupied.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
  });
  if (!slot) return std::nullopt;
  return Permit(reference_, *slot, self);
}

void Semaphore::release(std::size_t count) {
  {
    const StateLock lock = locked_state(*state_);
    const std::uint32_t before = state_->count.load(std::memory_order_relaxed);
    const bool bounded = reference_.type_code() == sync::bounded_semaphore_type.code();
    const auto limit = bounded ? std::size_t{state_->first} : std::size_t{SemaphoreState::largest};
    if (count > limit - before)
      throw std::logic_error(
          bounded ? "procyon: this BoundedSemaphore was released more often than it was acquired"
                  : "procyon: this Semaphore cannot count beyond 2147483647");
    state_->count.store(before + static_cast<std::uint32_t>(count), std::memory_order_seq_cst);
    os::crash_point("semaphore.released");
  }
  count == 1 ? sync::wake_one(state_->sleepers) : sync::wake_all(state_->sleepers);
}

std::size_t Semaphore::get_value() const {
  const StateLock lock = locked_state(*state_);
  take_from_the_dead(*state_);
  return available(*state_);
}

void Semaphore::Permit::release() noexcept {
  if (!reference_) return;
  const arena::Reference reference = std::exchange(reference_, {});
  if (Session::current().self() != holder_) return;
  auto& state = reference.get<SemaphoreState>();
  {
    const StateLock lock = locked_state(state);
    give_back(state, slot_);
  }
  sync::wake_one(state.sleepers);
}

}  // namespace procyon
