// Allocation in the arena: units, slabs and the state words of blocks. Format and recovery: format.hpp.
#pragma once

#include "arena/format.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::arena {

/// Holds Header::lock for a scope, after repairing what a dead holder left half done. Throws SessionError only if the
/// process cannot join the session.
class ArenaLock {
 public:
  explicit ArenaLock(Session& session);
  ArenaLock(const ArenaLock&) = delete;
  ArenaLock& operator=(const ArenaLock&) = delete;
  ~ArenaLock() { unlock(); }
  void unlock();

 private:
  OwnerWord& word_;
  bool locked_ = true;
};

// Where things lie.
inline Unit* unit_table(const Session& session) {
  return reinterpret_cast<Unit*>(session.base() + std::size_t{unit_table_unit} * unit_size);
}
inline ParticipantSlot* participant_table(const Session& session) {
  return reinterpret_cast<ParticipantSlot*>(session.base() + std::size_t{participant_table_unit} * unit_size);
}
inline std::byte* unit_bytes(const Session& session, std::uint32_t unit) {
  return session.base() + (std::size_t{unit} << unit_bits);
}
inline Slab& slab_at(const Session& session, std::uint32_t unit) {
  return *reinterpret_cast<Slab*>(unit_bytes(session, unit));
}
inline std::uint32_t first_run(const Session& session) {
  return unit_table_unit + session.header().unit_table_units;
}

/// The state word of the block at `offset`, or null if no block begins there. Needs no lock for a block that the
/// caller keeps alive.
StateWord* state_word(const Session& session, std::uint64_t offset);
/// The state of `block` if that very block still exists (same generation), otherwise kind free.
BlockState state_of(const Session& session, Handle block);

// Under the lock.
struct NewBlock {
  Handle handle;
  bool needs_commit;  // a large run, in state `committing`: memory must be had before it is used
};
NewBlock allocate_locked(Session& session, std::size_t bytes, BlockKind kind, std::uint32_t owner);
/// Frees the block at that handle, its travelling pins included. Returns units that have become free and warm.
void free_locked(Session& session, Handle block);
/// Frees every block in one of the states that `matches(BlockState)` accepts.
template <class Predicate>
void free_all_locked(Session& session, Predicate matches);

/// Calls visit(unit index, Unit&) for every run of the chain, in order.
template <class Visitor>
void for_each_run(const Session& session, Visitor visit) {
  Unit* const units = unit_table(session);
  const std::uint32_t end = session.header().frontier.load(std::memory_order_acquire);
  for (std::uint32_t unit = first_run(session); unit < end;) {
    visit(unit, units[unit]);
    // Read afterwards: the visitor may have joined the runs that follow to this one.
    unit += units[unit].length.load(std::memory_order_relaxed);
  }
}

/// Calls visit(Handle, StateWord&) for every block that is not free: cells of slabs and runs of units.
template <class Visitor>
void for_each_block(const Session& session, Visitor visit) {
  for_each_run(session, [&](std::uint32_t index, Unit& unit) {
    const BlockState run = BlockState::from_bits(unit.state.load(std::memory_order_acquire));
    const std::uint64_t start = std::uint64_t{index} << unit_bits;
    if (run.kind == BlockKind::free || run.kind == BlockKind::cold) return;
    if (run.kind != BlockKind::slab) return visit(Handle(start, run.generation), unit.state);
    Slab& slab = slab_at(session, index);
    for (std::uint32_t cell = 0; cell < slab.cell_count; ++cell) {
      StateWord& word = slab.states()[cell];
      const BlockState state = BlockState::from_bits(word.load(std::memory_order_acquire));
      if (state.kind == BlockKind::free) continue;
      visit(Handle(start + slab.first_cell + std::uint64_t{cell} * slab.cell_size, state.generation), word);
    }
  });
}

template <class Predicate>
void free_all_locked(Session& session, Predicate matches) {
  // Freeing one block may free others (objects that only it pinned), never move any: the walk goes on safely.
  for_each_block(session, [&](Handle block, StateWord& word) {
    if (matches(BlockState::from_bits(word.load(std::memory_order_acquire)))) free_locked(session, block);
  });
}

/// Computes every copy of format.hpp anew from the truths and destroys objects without pins (rebuild.cpp).
void rebuild_locked(Session& session);

}  // namespace procyon::arena
