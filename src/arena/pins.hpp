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
    return is_block(bits) ? ParticipantId::none() : ParticipantId::from_bits(static_cast<std::uint32_t>(bits >> 4));
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
void drop_pins_of_locked(Session& session, ParticipantId holder);
void drop_carried_pins_locked(Session& session, Handle carrier);
/// Frees an object without pins and everything that it holds.
void destroy_object_locked(Session& session, Handle object);

template <class Visitor>
void for_each_pin(const Session& session, Visitor visit) {
  const std::uint32_t end = session.header().pin_blocks.load(std::memory_order_relaxed) * pins_per_block;
  for (PinNumber number = 0; number < end; ++number) {
    Pin& pin = *pin_at(session, number);
    if (pin.holder.load(std::memory_order_relaxed) != 0) visit(number, pin);
  }
}

}  // namespace procyon::arena
