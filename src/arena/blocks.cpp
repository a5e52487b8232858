#include "arena/blocks.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "arena/pins.hpp"
#include "os/memfd.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {

namespace {

constexpr std::uint32_t slab_growth_units = 4;  // 256 KiB at a time: some 50 us of page clearing

std::uint32_t units_for(std::size_t bytes) {
  return static_cast<std::uint32_t>((bytes + unit_size - 1) >> unit_bits);
}

int size_class_of(std::size_t bytes) {
  return std::max(0, static_cast<int>(std::bit_width(std::max<std::size_t>(bytes, 1) - 1)) -
                         static_cast<int>(std::bit_width(smallest_cell - 1)));
}

BlockState load(const StateWord& word) { return BlockState::from_bits(word.load(std::memory_order_acquire)); }

// Release: whoever reads this state and then the block sees what was written to the block before.
void store(StateWord& word, BlockState state) { word.store(state.bits(), std::memory_order_release); }

std::uint32_t next_generation(Header& header) {
  // Under the lock. 0 is left out: a Handle of zeros names nothing.
  std::uint32_t generation = (header.generation.load(std::memory_order_relaxed) + 1) & 0x0fffffffu;
  if (generation == 0) generation = 1;
  header.generation.store(generation, std::memory_order_relaxed);
  return generation;
}

[[noreturn]] void throw_exhausted(const Session& session, std::size_t bytes, const std::string& why) {
  throw SessionError("procyon: the shared memory of this session cannot give " + std::to_string(bytes) +
                     " more bytes: " + why + " (its limit is " +
                     std::to_string(session.reserved_bytes() >> 20) +
                     " MiB; PROCYON_ARENA_SIZE sets it, RLIMIT_AS and RLIMIT_FSIZE bound it)");
}

// Appends a cold run of `length` units to the chain. The entry is written first, then the frontier (one store).
void append_cold_run(Session& session, std::uint32_t length, std::size_t bytes_wanted) {
  Header& header = session.header();
  const std::uint32_t start = header.frontier.load(std::memory_order_relaxed);
  if (std::uint64_t{start} + length > session.reserved_bytes() >> unit_bits)
    throw_exhausted(session, bytes_wanted, "all of it is in use");
  // The chain reads the entry of each run's first unit, and splitting writes entries inside: commit them all.
  const std::size_t table_needed = (std::size_t{start} + length) * sizeof(Unit);
  const std::size_t committed = header.table_committed.load(std::memory_order_relaxed);
  if (table_needed > committed) {
    const std::size_t rounded = (table_needed + page_size - 1) / page_size * page_size;
    if (!os::commit(session.memory(), std::size_t{unit_table_unit} * unit_size + committed,
                    rounded - committed))
      throw_exhausted(session, bytes_wanted, std::strerror(errno));
    header.table_committed.store(static_cast<std::uint32_t>(rounded), std::memory_order_relaxed);
  }
  Unit& unit = unit_table(session)[start];
  unit.length.store(length, std::memory_order_relaxed);
  store(unit.state, {BlockKind::cold, 0, 0});
  header.frontier.store(start + length, std::memory_order_release);
}

bool is_free(BlockKind kind) { return kind == BlockKind::free || kind == BlockKind::cold; }

// Joins the free runs that follow `unit` to it: those of its kind, or, if `mixed`, warm and cold ones alike (the
// result is cold). Lengths grow by one store each.
void join_followers(Session& session, std::uint32_t index, bool mixed) {
  Unit* const units = unit_table(session);
  const std::uint32_t end = session.header().frontier.load(std::memory_order_relaxed);
  const BlockKind kind = load(units[index].state).kind;
  for (;;) {
    const std::uint32_t next = index + units[index].length.load(std::memory_order_relaxed);
    if (next >= end) return;
    const BlockKind other = load(units[next].state).kind;
    const std::uint32_t length = units[next].length.load(std::memory_order_relaxed);
    if (other != kind && !(mixed && is_free(other))) return;
    if (other != kind) {
      // Cold before longer: a run must never claim to be warm over cold memory.
      if (kind == BlockKind::free) {
        session.header().warm_units.fetch_sub(units[index].length, std::memory_order_relaxed);
        store(units[index].state, {BlockKind::cold, 0, 0});
        return join_followers(session, index, mixed);
      }
      session.header().warm_units.fetch_sub(length, std::memory_order_relaxed);
    }
    units[index].length.store(units[index].length.load(std::memory_order_relaxed) + length,
                              std::memory_order_relaxed);
  }
}

constexpr std::uint32_t no_unit = 0;

std::uint32_t find_run(Session& session, std::uint32_t length, BlockKind kind, bool mixed) {
  std::uint32_t found = no_unit;
  for_each_run(session, [&](std::uint32_t index, Unit& unit) {
    if (found != no_unit || !is_free(load(unit.state).kind)) return;
    join_followers(session, index, mixed);
    if (load(unit.state).kind == kind && unit.length.load(std::memory_order_relaxed) >= length) found = index;
  });
  return found;
}

// Cuts the run at `index` to `length` units. The remainder's entry is written while nobody looks at it.
void split(Session& session, std::uint32_t index, std::uint32_t length) {
  Unit* const units = unit_table(session);
  const std::uint32_t whole = units[index].length.load(std::memory_order_relaxed);
  if (whole == length) return;
  Unit& rest = units[index + length];
  rest.length.store(whole - length, std::memory_order_relaxed);
  store(rest.state, {load(units[index].state).kind, 0, 0});
  units[index].length.store(length, std::memory_order_release);
}

struct Run {
  std::uint32_t index;
  bool warm;
};

Run take_run(Session& session, std::uint32_t length, std::uint32_t growth, std::size_t bytes_wanted) {
  if (const auto index = find_run(session, length, BlockKind::free, false); index != no_unit) {
    split(session, index, length);
    session.header().warm_units.fetch_sub(length, std::memory_order_relaxed);
    return {index, true};
  }
  auto index = find_run(session, length, BlockKind::cold, false);
  if (index == no_unit) index = find_run(session, length, BlockKind::cold, true);
  if (index == no_unit) {
    append_cold_run(session, std::max(length, growth), bytes_wanted);
    index = find_run(session, length, BlockKind::cold, false);
  }
  return {index, false};
}

// A warm unit for a slab. A cold run is committed a few units at a time while the lock is held: short work.
std::uint32_t take_warm_unit(Session& session, std::size_t bytes_wanted) {
  const Run run = take_run(session, 1, slab_growth_units, bytes_wanted);
  if (run.warm) return run.index;
  Unit* const units = unit_table(session);
  const std::uint32_t length =
      std::min(units[run.index].length.load(std::memory_order_relaxed), slab_growth_units);
  split(session, run.index, length);
  if (!os::commit(session.memory(), std::size_t{run.index} << unit_bits, std::size_t{length} << unit_bits))
    throw_exhausted(session, bytes_wanted, std::strerror(errno));
  store(units[run.index].state, {BlockKind::free, 0, 0});
  session.header().warm_units.fetch_add(length, std::memory_order_relaxed);
  split(session, run.index, 1);
  session.header().warm_units.fetch_sub(1, std::memory_order_relaxed);
  return run.index;
}

std::uint32_t make_slab(Session& session, int size_class) {
  const std::size_t cell_size = smallest_cell << size_class;
  const std::uint32_t index = take_warm_unit(session, cell_size);
  Slab& slab = slab_at(session, index);
  auto count = static_cast<std::uint32_t>((unit_size - sizeof(Slab)) / (cell_size + sizeof(StateWord)));
  const auto states_end = [&] { return sizeof(Slab) + count * sizeof(StateWord); };
  const auto aligned = [](std::size_t bytes) {
    return (bytes + smallest_cell - 1) / smallest_cell * smallest_cell;
  };
  while (aligned(states_end()) + count * cell_size > unit_size) --count;
  slab.cell_size = static_cast<std::uint32_t>(cell_size);
  slab.cell_count = count;
  slab.first_cell = static_cast<std::uint32_t>(aligned(states_end()));
  slab.used.store(0, std::memory_order_relaxed);
  slab.hint.store(0, std::memory_order_relaxed);
  for (std::uint32_t cell = 0; cell < count; ++cell) slab.states()[cell].store(0, std::memory_order_relaxed);
  Unit& unit = unit_table(session)[index];
  unit.size_class.store(static_cast<std::uint32_t>(size_class), std::memory_order_relaxed);
  store(unit.state, {BlockKind::slab, next_generation(session.header()), 0});
  return index;
}

bool has_room(Session& session, std::uint32_t unit) {
  Slab& slab = slab_at(session, unit);
  return slab.used.load(std::memory_order_relaxed) < slab.cell_count;
}

std::uint32_t slab_with_room(Session& session, int size_class) {
  auto& hint = session.header().slab_hint[size_class];
  if (const std::uint32_t unit = hint.load(std::memory_order_relaxed);
      unit != no_unit && has_room(session, unit))
    return unit;
  std::uint32_t found = no_unit;
  for_each_run(session, [&](std::uint32_t index, Unit& unit) {
    if (found == no_unit && load(unit.state).kind == BlockKind::slab &&
        unit.size_class.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(size_class) &&
        has_room(session, index))
      found = index;
  });
  if (found == no_unit) found = make_slab(session, size_class);
  hint.store(found, std::memory_order_relaxed);
  return found;
}

Handle allocate_cell(Session& session, int size_class, BlockKind kind, std::uint32_t owner) {
  const std::uint32_t unit = slab_with_room(session, size_class);
  Slab& slab = slab_at(session, unit);
  std::uint32_t cell = slab.hint.load(std::memory_order_relaxed);
  while (load(slab.states()[cell]).kind != BlockKind::free) cell = cell + 1 < slab.cell_count ? cell + 1 : 0;
  const std::uint32_t generation = next_generation(session.header());
  store(slab.states()[cell], {kind, generation, owner});
  slab.used.fetch_add(1, std::memory_order_relaxed);
  slab.hint.store(cell + 1 < slab.cell_count ? cell + 1 : 0, std::memory_order_relaxed);
  return {(std::uint64_t{unit} << unit_bits) + slab.first_cell + std::uint64_t{cell} * slab.cell_size,
          generation};
}

void free_cell(Session& session, std::uint32_t unit, std::uint64_t offset, StateWord& word) {
  Slab& slab = slab_at(session, unit);
  store(word, {BlockKind::free, load(word).generation, 0});
  const std::uint32_t used = slab.used.fetch_sub(1, std::memory_order_relaxed) - 1;
  slab.hint.store(static_cast<std::uint32_t>(((offset & (unit_size - 1)) - slab.first_cell) / slab.cell_size),
                  std::memory_order_relaxed);
  Unit& entry = unit_table(session)[unit];
  auto& hint = session.header().slab_hint[entry.size_class.load(std::memory_order_relaxed)];
  if (hint.load(std::memory_order_relaxed) == no_unit) hint.store(unit, std::memory_order_relaxed);
  // An empty slab goes back unless it is the one that the next allocation of its class will look at.
  if (used != 0 || hint.load(std::memory_order_relaxed) == unit) return;
  store(entry.state, {BlockKind::free, 0, 0});
  session.header().warm_units.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

ArenaLock::ArenaLock(Session& session) : word_(session.header().lock) {
  if (word_.lock(os::Deadline::never()) == Acquired::after_owner_died) {
    rebuild_locked(session);
    word_.mark_recovered();
  }
}

void ArenaLock::unlock() {
  if (std::exchange(locked_, false)) word_.unlock();
}

StateWord* state_word(const Session& session, std::uint64_t offset) {
  const auto unit = static_cast<std::uint32_t>(offset >> unit_bits);
  if (unit < first_run(session) || unit >= session.header().frontier.load(std::memory_order_acquire))
    return nullptr;
  Unit& entry = unit_table(session)[unit];
  if (load(entry.state).kind != BlockKind::slab)
    return (offset & (unit_size - 1)) == 0 ? &entry.state : nullptr;
  Slab& slab = slab_at(session, unit);
  const std::uint64_t inside = offset & (unit_size - 1);
  if (inside < slab.first_cell || slab.cell_size == 0 || (inside - slab.first_cell) % slab.cell_size != 0)
    return nullptr;
  const std::uint64_t cell = (inside - slab.first_cell) / slab.cell_size;
  return cell < slab.cell_count ? &slab.states()[cell] : nullptr;
}

BlockState state_of(const Session& session, Handle block) {
  const StateWord* word = state_word(session, block.offset());
  if (word == nullptr) return {};
  const BlockState state = load(*word);
  return state.generation == block.generation() ? state : BlockState{};
}

NewBlock allocate_locked(Session& session, std::size_t bytes, BlockKind kind, std::uint32_t owner) {
  if (bytes <= largest_cell) return {allocate_cell(session, size_class_of(bytes), kind, owner), false};
  if (bytes > session.reserved_bytes()) throw_exhausted(session, bytes, "it is smaller than that");
  const std::uint32_t length = units_for(bytes);
  const Run run = take_run(session, length, length, bytes);
  split(session, run.index, length);
  const std::uint32_t generation = next_generation(session.header());
  store(unit_table(session)[run.index].state, {run.warm ? kind : BlockKind::committing, generation, owner});
  return {Handle(std::uint64_t{run.index} << unit_bits, generation), !run.warm};
}

void free_locked(Session& session, Handle block) {
  StateWord* word = state_word(session, block.offset());
  if (word == nullptr) return;
  const BlockState state = load(*word);
  if (state.generation != block.generation() || is_free(state.kind) || state.kind == BlockKind::slab) return;
  drop_carried_pins_locked(session, block);
  const auto unit = static_cast<std::uint32_t>(block.offset() >> unit_bits);
  Unit& entry = unit_table(session)[unit];
  if (word != &entry.state) return free_cell(session, unit, block.offset(), *word);
  const bool cold = state.kind == BlockKind::committing;
  store(entry.state, {cold ? BlockKind::cold : BlockKind::free, 0, 0});
  if (!cold) session.header().warm_units.fetch_add(entry.length, std::memory_order_relaxed);
}

}  // namespace procyon::arena
