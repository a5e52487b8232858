// The pin table: who keeps which object alive. Format and recovery: format.hpp. Everything here is under the lock.
#pragma once

#include <cstdint>

#include "arena/format.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::arena {

/// Who holds a pin: a participant, or a block in which the reference travels.
class PinHolder {
 public:
  static PinHolder participant(ParticipantId id) { return PinHolder(std::uint64_t{id.bits()} << 4 | 1); }
  static PinHolder block(Handle handle) { return PinHolder(handle.bits() << 4 | 2); }
  static constexpr bool is_block(std::uint64_t bits) { return (bits & 15) == 2; }
  static Handle block_of(std::uint64_t bits) { return Handle::from_bits(bits >> 4); }
  static ParticipantId participant_of(std::uint64_t bits) {
    return is_block(bits) ? ParticipantId::none()
                          : ParticipantId::from_bits(static_cast<std::uint32_t>(bits >> 4));
  }
  [[nodiscard]] std::uint64_t bits() const { return bits_; }

 private:
  explicit PinHolder(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t bits_;
};

using PinNumber = std::uint32_t;

ObjectHeader& object_header(const Session& session, Handle object);

/// The entry, or null if there is no such number (numbers come from messages: they may be anything).
Pin* pin_at(const Session& session, PinNumber number);
PinNumber add_pin_locked(Session& session, Handle object, PinHolder holder);
void change_holder_locked(Session& session, Pin& pin, PinHolder holder);
/// Drops a pin and, with the last one, its object.
void drop_pin_locked(Session& session, Pin& pin);
/// Drops the pins of each participant that `matches(ParticipantId)` accepts.
template <class Predicate>
void drop_pins_locked(Session& session, Predicate matches);
void drop_carried_pins_locked(Session& session, Handle carrier);
/// Frees an object without pins and everything that it holds.
void destroy_object_locked(Session& session, Handle object);

template <class Visitor>
void for_each_pin(const Session& session, Visitor visit) {
  const Header& header = session.header();
  const std::uint32_t blocks = header.pin_blocks.load(std::memory_order_relaxed);
  for (std::uint32_t block = 0; block < blocks; ++block) {
    const std::uint64_t offset = header.pin_directory[block].load(std::memory_order_relaxed);
    Pin* const pins = reinterpret_cast<Pin*>(session.base() + offset);
    for (std::uint32_t index = 0; index < pins_per_block; ++index)
      if (pins[index].holder.load(std::memory_order_relaxed) != 0)
        visit(block * pins_per_block + index, pins[index]);
  }
}

template <class Predicate>
void drop_pins_locked(Session& session, Predicate matches) {
  for_each_pin(session, [&](PinNumber, Pin& pin) {
    const ParticipantId holder = PinHolder::participant_of(pin.holder.load(std::memory_order_relaxed));
    if (holder && matches(holder)) drop_pin_locked(session, pin);
  });
}

}  // namespace procyon::arena
