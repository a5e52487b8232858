#include "procyon/event.hpp"

#include "procyon/detail/sync/doorbell.hpp"
#include "procyon/lock.hpp"

namespace procyon {

using sync::EventState;

namespace {

class WaitableEvent final : public sync::Waitable {
 public:
  explicit WaitableEvent(arena::Reference reference) : reference_(std::move(reference)) {}
  bool ready() override { return (word().load(std::memory_order_seq_cst) & EventState::set_bit) != 0; }
  void arm(std::uint32_t bells) override { word().fetch_or(bells, std::memory_order_seq_cst); }

 private:
  [[nodiscard]] os::FutexWord& word() const { return reference_.get<EventState>().word; }

  arena::Reference reference_;
};

static_assert(((EventState::set_bit | EventState::sleepers_bit) & sync::bell_bits) == 0);

}  // namespace

Event::Event() : reference_(arena::Reference::create<EventState>(sync::event_type)) {}
Event::Event(arena::Reference reference)
    : reference_(sync::checked(std::move(reference), sync::event_type)) {}

bool Event::is_set() const {
  const bool set = (word().load(std::memory_order_acquire) & EventState::set_bit) != 0;
  if (!set) sync::found_nothing(reference_.handle());  // fileno() becomes unreadable
  return set;
}

void Event::set() {
  const std::uint32_t before = word().exchange(EventState::set_bit, std::memory_order_acq_rel);
  if ((before & EventState::sleepers_bit) != 0) os::futex_wake_all(word());
  if ((before & sync::bell_bits) != 0) [[unlikely]]
    sync::ring(before);
}

void Event::clear() {
  word().fetch_and(~EventState::set_bit, std::memory_order_acq_rel);
  sync::found_nothing(reference_.handle());
}

sync::WaitTarget Event::wait_target() const {
  return {std::make_shared<WaitableEvent>(reference_),
          {sync::WaitTarget::Kind::object, reference_.handle().bits()}};
}

int Event::fileno() const {
  const auto target = [](const void* event) { return static_cast<const Event*>(event)->wait_target(); };
  return watch_.descriptor(reference_.handle(), target, this);
}

bool Event::wait_until(os::Deadline deadline) const {
  constexpr int spins = 100;
  for (int attempt = 0;; ++attempt) {
    std::uint32_t seen = word().load(std::memory_order_acquire);
    if ((seen & EventState::set_bit) != 0) return true;
    if (deadline.expired()) {
      sync::found_nothing(reference_.handle());
      return false;
    }
    if (attempt < spins) {
      os::spin_pause();
      continue;
    }
    const std::uint32_t asleep = seen | EventState::sleepers_bit;
    if (seen != asleep && !word().compare_exchange_strong(seen, asleep, std::memory_order_relaxed)) continue;
    os::futex_wait(word(), asleep, deadline.slice(os::wait_slice));
  }
}

}  // namespace procyon
