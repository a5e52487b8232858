// Repair after a process died while it held the arena's lock: computes every copy anew from the truths (format.hpp).
// Written so that it can be killed anywhere and started again: it writes copies, and destroys what no pin names.
#include "arena/blocks.hpp"
#include "arena/pins.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::arena {

namespace {

BlockState load(const StateWord& word) { return BlockState::from_bits(word.load(std::memory_order_acquire)); }

void recount_units_and_cells(Session& session) {
  Header& header = session.header();
  std::uint32_t warm = 0;
  for (auto& hint : header.slab_hint) hint.store(0, std::memory_order_relaxed);
  for_each_run(session, [&](std::uint32_t index, Unit& unit) {
    const BlockKind kind = load(unit.state).kind;
    if (kind == BlockKind::free) warm += unit.length.load(std::memory_order_relaxed);
    if (kind != BlockKind::slab) return;
    Slab& slab = slab_at(session, index);
    std::uint32_t used = 0;
    for (std::uint32_t cell = 0; cell < slab.cell_count; ++cell)
      if (load(slab.states()[cell]).kind != BlockKind::free) ++used;
    slab.used.store(used, std::memory_order_relaxed);
    slab.hint.store(0, std::memory_order_relaxed);
  });
  header.warm_units.store(warm, std::memory_order_relaxed);
}

bool is_listed_pin_block(const Session& session, std::uint64_t offset) {
  const Header& header = session.header();
  const std::uint32_t count = header.pin_blocks.load(std::memory_order_relaxed);
  for (std::uint32_t block = 0; block < count; ++block)
    if (header.pin_directory[block].load(std::memory_order_relaxed) == offset) return true;
  return false;
}

void recount_pins(Session& session) {
  Header& header = session.header();
  for_each_block(session, [&](Handle block, StateWord& word) {
    if (load(word).kind == BlockKind::object)
      object_header(session, block).pins.store(0, std::memory_order_relaxed);
  });
  os::crash_point("arena.rebuild.pin_counts_cleared");
  std::uint32_t carried = 0;
  for_each_pin(session, [&](PinNumber, Pin& pin) {
    const Handle object = Handle::from_bits(pin.object.load(std::memory_order_relaxed));
    const BlockState state = state_of(session, object);
    // `owned`: an object that is being published, whose creator has its first pin already.
    if (state.kind == BlockKind::object)
      object_header(session, object).pins.fetch_add(1, std::memory_order_relaxed);
    else if (state.kind != BlockKind::owned)
      return pin.holder.store(0,
                              std::memory_order_relaxed);  // a pin of an object whose destruction had begun
    if (PinHolder::is_block(pin.holder.load(std::memory_order_relaxed))) ++carried;
  });
  header.carried_pins.store(carried, std::memory_order_relaxed);
  header.pin_hint.store(0, std::memory_order_relaxed);
}

}  // namespace

void rebuild_locked(Session& session) {
  recount_units_and_cells(session);
  os::crash_point("arena.rebuild.cells_counted");
  recount_pins(session);
  os::crash_point("arena.rebuild.pins_counted");
  for_each_block(session, [&](Handle block, StateWord& word) {
    const BlockState state = load(word);
    if (state.kind == BlockKind::object &&
        object_header(session, block).pins.load(std::memory_order_relaxed) == 0)
      destroy_object_locked(session, block);
    if (state.kind == BlockKind::arena && !is_listed_pin_block(session, block.offset()))
      free_locked(session, block);
    // Held by an object that is gone: its destruction was cut short before this block.
    if (state.kind == BlockKind::held) {
      const StateWord* holder = state_word(session, std::uint64_t{state.owner} << Handle::granule_bits);
      if (holder == nullptr ||
          (load(*holder).kind != BlockKind::object && load(*holder).kind != BlockKind::owned))
        free_locked(session, block);
    }
  });
}

}  // namespace procyon::arena
