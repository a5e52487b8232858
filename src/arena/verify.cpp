// Reports and the check of every invariant of format.hpp, for tests and for whoever debugs a session.
#include <stdexcept>
#include <string>

#include "arena/blocks.hpp"
#include "arena/pins.hpp"

namespace procyon::arena {

namespace {

BlockState load(const StateWord& word) { return BlockState::from_bits(word.load(std::memory_order_acquire)); }

void demand(bool holds, const std::string& invariant) {
  if (!holds) throw std::logic_error("procyon: broken invariant of the session's memory: " + invariant);
}

std::uint32_t used_cells(Slab& slab) {
  std::uint32_t used = 0;
  for (std::uint32_t cell = 0; cell < slab.cell_count; ++cell)
    if (load(slab.states()[cell]).kind != BlockKind::free) ++used;
  return used;
}

void verify_units(Session& session) {
  std::uint32_t covered = first_run(session);
  std::uint32_t warm = 0;
  for_each_run(session, [&](std::uint32_t index, Unit& unit) {
    demand(index == covered, "runs follow one another without a gap");
    covered += unit.length;
    const BlockKind kind = load(unit.state).kind;
    if (kind == BlockKind::free) warm += unit.length;
    if (kind != BlockKind::slab) return;
    demand(unit.length == 1, "a slab is one unit");
    Slab& slab = slab_at(session, index);
    demand(slab.used == used_cells(slab), "a slab counts its used cells");
  });
  demand(covered == session.header().frontier, "the chain of runs ends at the frontier");
  demand(warm == session.header().warm_units, "the units of free runs are counted");
}

std::uint32_t count_pins(const Session& session, Handle object) {
  std::uint32_t count = 0;
  for_each_pin(session, [&](PinNumber, Pin& pin) { count += pin.object == object.bits() ? 1 : 0; });
  return count;
}

void verify_objects(Session& session) {
  for_each_block(session, [&](Handle block, StateWord& word) {
    const BlockState state = load(word);
    if (state.kind == BlockKind::object) {
      const std::uint32_t pins = count_pins(session, block);
      demand(pins > 0, "an object has a pin");
      demand(object_header(session, block).pins == pins, "an object counts its pins");
    }
    if (state.kind == BlockKind::owned)
      demand(session.alive(ParticipantId::from_bits(state.owner)),
             "the owner of a block is alive or recovered");
    if (state.kind == BlockKind::held) {
      const StateWord* holder = state_word(session, std::uint64_t{state.owner} << Handle::granule_bits);
      demand(holder != nullptr && load(*holder).kind == BlockKind::object, "a held block's object exists");
    }
  });
  for_each_pin(session, [&](PinNumber, Pin& pin) {
    const ParticipantId holder = PinHolder::participant_of(pin.holder);
    demand(!holder || session.alive(holder), "the holder of a pin is alive or recovered");
    const BlockKind kind = state_of(session, Handle::from_bits(pin.object)).kind;
    demand(kind == BlockKind::object || kind == BlockKind::owned, "a pin names an object");
  });
}

}  // namespace

std::size_t Session::used_bytes() const {
  ArenaLock lock(const_cast<Session&>(*this));
  std::size_t used = 0;
  for_each_block(*this, [&](Handle block, StateWord& word) {
    if (load(word).kind != BlockKind::arena) used += size(block);
  });
  return used;
}

void Session::verify() {
  self();
  ArenaLock lock(*this);
  verify_units(*this);
  verify_objects(*this);
}

}  // namespace procyon::arena
