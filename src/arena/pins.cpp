#include "arena/pins.hpp"

#include <cstring>

#include "arena/blocks.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {

namespace {

Handle object_of(const Pin& pin) { return Handle::from_bits(pin.object.load(std::memory_order_relaxed)); }

void append_pin_block(Session& session) {
  Header& header = session.header();
  const std::uint32_t count = header.pin_blocks.load(std::memory_order_relaxed);
  if (count == pin_block_limit)
    throw SessionError("procyon: the session keeps as many references to shared objects as it can (" +
                       std::to_string(pin_block_limit * pins_per_block) + "); let some of them go");
  const Handle block = allocate_locked(session, page_size, BlockKind::arena, 0).handle;
  std::memset(static_cast<void*>(session.base() + block.offset()), 0, page_size);
  header.pin_directory[count].store(block.offset(), std::memory_order_relaxed);
  header.pin_blocks.store(count + 1, std::memory_order_release);
}

PinNumber find_free_pin(Session& session) {
  Header& header = session.header();
  const std::uint32_t end = header.pin_blocks.load(std::memory_order_relaxed) * pins_per_block;
  const std::uint32_t start = header.pin_hint.load(std::memory_order_relaxed);
  for (std::uint32_t step = 0; step < end; ++step) {
    const PinNumber number = (start + step) % end;
    if (pin_at(session, number)->holder.load(std::memory_order_relaxed) == 0) return number;
  }
  append_pin_block(session);
  return end;
}

}  // namespace

ObjectHeader& object_header(const Session& session, Handle object) {
  return *reinterpret_cast<ObjectHeader*>(session.base() + object.offset());
}

Pin* pin_at(const Session& session, PinNumber number) {
  const Header& header = session.header();
  const std::uint32_t block = number / pins_per_block;
  if (block >= header.pin_blocks.load(std::memory_order_acquire)) return nullptr;
  const std::uint64_t offset = header.pin_directory[block].load(std::memory_order_relaxed);
  return reinterpret_cast<Pin*>(session.base() + offset) + number % pins_per_block;
}

PinNumber add_pin_locked(Session& session, Handle object, PinHolder holder) {
  Header& header = session.header();
  const PinNumber number = find_free_pin(session);
  Pin& pin = *pin_at(session, number);
  pin.object.store(object.bits(), std::memory_order_relaxed);
  pin.holder.store(holder.bits(), std::memory_order_release);  // from here on it counts
  object_header(session, object).pins.fetch_add(1, std::memory_order_relaxed);
  if (PinHolder::is_block(holder.bits())) header.carried_pins.fetch_add(1, std::memory_order_relaxed);
  header.pin_hint.store(number + 1, std::memory_order_relaxed);
  return number;
}

void change_holder_locked(Session& session, Pin& pin, PinHolder holder) {
  Header& header = session.header();
  const std::uint64_t before = pin.holder.load(std::memory_order_relaxed);
  pin.holder.store(holder.bits(), std::memory_order_release);
  if (PinHolder::is_block(before)) header.carried_pins.fetch_sub(1, std::memory_order_relaxed);
  if (PinHolder::is_block(holder.bits())) header.carried_pins.fetch_add(1, std::memory_order_relaxed);
}

void drop_pin_locked(Session& session, Pin& pin) {
  Header& header = session.header();
  const Handle object = object_of(pin);
  const std::uint64_t before = pin.holder.load(std::memory_order_relaxed);
  pin.holder.store(0, std::memory_order_release);
  os::crash_point("arena.pin.dropped");
  if (PinHolder::is_block(before)) header.carried_pins.fetch_sub(1, std::memory_order_relaxed);
  if (state_of(session, object).kind != BlockKind::object) return;
  if (object_header(session, object).pins.fetch_sub(1, std::memory_order_relaxed) == 1)
    destroy_object_locked(session, object);
}

void drop_carried_pins_locked(Session& session, Handle carrier) {
  if (session.header().carried_pins.load(std::memory_order_relaxed) == 0) return;
  const std::uint64_t bits = PinHolder::block(carrier).bits();
  for_each_pin(session, [&](PinNumber, Pin& pin) {
    if (pin.holder.load(std::memory_order_relaxed) == bits) drop_pin_locked(session, pin);
  });
}

void destroy_object_locked(Session& session, Handle object) {
  if ((object_header(session, object).type.load(std::memory_order_relaxed) & ObjectHeader::may_hold_blocks) !=
      0) {
    const auto granule = static_cast<std::uint32_t>(object.offset() >> Handle::granule_bits);
    free_all_locked(
        session, [&](BlockState state) { return state.kind == BlockKind::held && state.owner == granule; });
    os::crash_point("arena.destroy.holdings_freed");
  }
  free_locked(session, object);
}

}  // namespace procyon::arena
