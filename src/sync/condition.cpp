#include "procyon/condition.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "procyon/detail/os/crash_point.hpp"
#include "sync/condition_format.hpp"

namespace procyon {

using arena::Handle;
using arena::TravellingPin;
using sync::ConditionState;

namespace {

constexpr int spins = 100;  // sleeping and waking costs some 10 us

void add(std::atomic<std::uint32_t>& number, std::uint32_t difference) {
  number.store(number.load(std::memory_order_relaxed) + difference, std::memory_order_seq_cst);
}

bool is_recursive(const arena::Reference& lock) { return lock.type_code() == sync::rlock_type.code(); }

// Whether a wait that began at `start` may end. For sure only with the lock held.
bool is_notified(const ConditionState& state, std::uint32_t start) {
  const sync::Notified now = state.load();
  return now.sequence != start && now.wakes != 0;
}

// Until is_notified() seems true, the deadline or the end of a slice.
void sleep(const ConditionState& state, std::uint32_t start, os::Deadline deadline) {
  for (int spin = 0; spin < spins; ++spin) {
    if (is_notified(state, start)) return;
    os::spin_pause();
  }
  const std::uint32_t seen = state.load().sequence;
  if (!is_notified(state, start)) os::futex_wait(state.sequence(), seen, deadline.slice(os::wait_slice));
}

}  // namespace

Condition::Condition()
    : reference_(arena::Reference::create<ConditionState>(sync::condition_type)),
      state_(&reference_.get<ConditionState>()),
      word_(&state_->own_lock) {}

Condition::Condition(const arena::Reference& lock, std::nullptr_t) : Condition() {
  const TravellingPin::Number pin = TravellingPin::pack(lock);
  TravellingPin::hand_to(&pin, 1, reference_.handle());
  state_->lock_pin = pin;
  state_->lock = lock.handle().bits();
  lock_ = lock;
  word_ = &lock_.get<sync::LockState>().word;
  is_recursive_ = is_recursive(lock_);
}

Condition::Condition(arena::Reference reference)
    : reference_(sync::checked(std::move(reference), sync::condition_type)),
      state_(&reference_.get<ConditionState>()),
      word_(&state_->own_lock) {
  if (state_->lock == 0) return;
  lock_ = TravellingPin::copy(state_->lock_pin, Handle::from_bits(state_->lock));
  word_ = &lock_.get<sync::LockState>().word;
  is_recursive_ = is_recursive(lock_);
}

bool Condition::take(os::Deadline deadline) {
  const arena::Reference& owner = lock_ ? lock_ : reference_;
  return is_recursive_ ? word_->take_again(deadline, owner, "Condition")
                       : word_->take(deadline, owner, "Condition");
}

void Condition::release() {
  if (is_recursive_ ? !word_->free_one_level() : !word_->free())
    sync::throw_released_by_a_stranger("Condition");
}

void Condition::require_held(const char* what) const {
  // A Lock has no owner: whoever took it may have done so for the caller.
  if (is_recursive_ ? word_->is_held_by_caller() : word_->is_held()) return;
  throw std::logic_error(std::string("procyon: ") + what +
                         "() of a Condition whose lock this thread does not hold; take it before, by "
                         "std::scoped_lock or acquire()");
}

bool Condition::wait_until(os::Deadline deadline) {
  require_held("wait");
  ConditionState& state = *state_;
  const std::uint32_t start = state.load().sequence;
  add(state.waiting, 1);
  for (;;) {
    os::crash_point("condition.wait.begun");
    const std::uint32_t depth = word_->free_all();
    bool in_time = true;
    while (in_time && !is_notified(state, start)) {
      sleep(state, start, deadline);
      in_time = !deadline.expired();
      // Perhaps it was he who would have notified: then nobody else would ever try to take the lock and learn of it.
      if (!is_notified(state, start) && word_->is_held_by_the_dead()) break;
    }
    const auto end = [&] {
      const bool notified = is_notified(state, start);
      const sync::Notified now = state.load();
      if (notified) state.store({now.wakes - 1, now.sequence});
      os::crash_point("condition.wait.took");
      if (notified || !in_time) add(state.waiting, -1u);
      return notified;
    };
    try {
      word_->take_back(depth, lock_ ? lock_ : reference_, "Condition");
    } catch (const OwnerDied&) {
      in_time = false;  // it ends either way
      end();
      throw;
    }
    const bool notified = end();
    if (notified || !in_time) return notified;
  }
}

void Condition::notify(std::size_t count) {
  require_held("notify");
  ConditionState& state = *state_;
  const sync::Notified before = state.load();
  const std::uint32_t sleepers = state.waiting.load(std::memory_order_relaxed) - before.wakes;
  const auto woken = static_cast<std::uint32_t>(std::min<std::size_t>(count, sleepers));
  if (woken == 0) return;
  state.store({before.wakes + woken, before.sequence + 1});
  os::crash_point("condition.notify.stored");
  os::futex_wake(state.sequence(), static_cast<int>(std::min<std::uint32_t>(woken, INT32_MAX)));
}

}  // namespace procyon
