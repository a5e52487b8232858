// The session's shared memory: its complete format, and what a death at any point of its use leaves behind.
//
// LAYOUT. One memfd, mapped whole by every process of the session, addressed by offsets from its start (no process
// maps it at the same address). It reserves address space for `reserved` bytes; the file ends where the last committed
// unit ends and grows by fallocate, so that running out of memory is an error at a known place and never SIGBUS.
//
//   unit 0                 Header
//   units 1 .. 2           participant table: ParticipantSlot[4096]
//   units 3 .. 3+n-1       unit table: Unit[reserved / 64 KiB]; only its used front is committed
//   then                   the units that blocks live in
//
// BLOCKS. Memory is handed out in blocks. A small one (up to 16 KiB) is a cell of a slab: a unit that holds cells of
// one size, their state words in front. A large one is a run of whole units, its state word in the unit table. A state
// word is 64 bits:
//
//       | owner 32 | generation 28 | kind 4 |
//
//   free        nobody's (runs of units: warm, its memory committed)
//   cold        a free run of units whose memory has been given back
//   owned       held by participant `owner`: goes back when that participant dies
//   committing  a run that `owner` is getting memory for, or giving memory back from: becomes cold if it dies
//   held        belongs to the object at granule `owner` (a queue's segment): goes back with that object
//   object      a counted object: lives while a pin names it (the first word of the block counts the pins)
//   slab        (unit table only) the unit is a slab
//   arena       the arena's own (pin table blocks)
//
// Every hand-over is ONE store of a state word. Free runs keep their length in the unit table's second word; a run is
// split by writing the remainder's entry first (nobody looks inside a run) and then the shorter length; two free
// neighbours are joined by writing the longer length. So the units form an unbroken chain of runs after every store.
//
// Generations come from one counter of the session: the same place never holds two blocks of one generation within
// 2^28 allocations, so a stale Handle is recognised.
//
// PINS. A counted object lives while somebody pins it. The truth is the pin table, entries of {holder, object}: the
// holder is a participant, or a block in which the reference travels (a message, a task, a start record). An entry is
// made by writing `object` and then `holder` (one store), taken over by another holder by one store, and dropped by
// storing 0 to `holder`. The object's own count of pins is a copy that saves counting.
//
// THE LOCK. `Header::lock` (an OwnerWord) covers allocation, release, pins, and recovery. Not covered: a participant
// changes the state word of a block it owns (owned -> held, owned -> object); nobody else writes that word while its
// owner lives. What the lock protects falls in two classes:
//   - truths: state words, run lengths, the frontier, pins. Right after every single store, as said above.
//   - copies: slab hints and counts of used cells, pin counts, the warm-unit count. Wrong if a holder of the lock dies
//     between a truth and its copy; whoever gets the lock `after_owner_died` computes them anew (rebuild.cpp), and
//     destroys objects that no pin names any more. Rebuilding can itself be killed at any point: it writes copies, and
//     performs releases that are single stores; the next one starts it again.
//
// WHAT A DEATH LEAVES, and who repairs it:
//   before a block's state word is stored          nothing
//   after it                                       a block owned by the dead: Session::recover(dead) frees it
//   a block handed to an object (held) that does not mention it yet: the object's own format says how it is found
//   an object before its first pin                 still `owned`: freed
//   pins held by the dead                          dropped by recover(dead); objects without pins are destroyed
//   in recover(dead)                               the slot is freed last: the next recover(dead) does the rest
//   in taking over the slot of a dead (join(), when no slot is free): recover() takes back what any user of a slot left
//   in the destruction of an object                its holdings go first, the object's own word last: it has no pins,
//                                                  so rebuilding finds and destroys it
// recover(dead) may be called by anybody who sees that a participant is dead: its parent's supervisor does so at once,
// and join() does so for slots that it passes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::arena {

inline constexpr std::uint64_t arena_magic = 0x31'6e'6f'79'63'6f'72'70;  // "procyon1"
inline constexpr std::uint32_t format_version = 3;

inline constexpr int unit_bits = 16;
inline constexpr std::size_t unit_size = std::size_t{1} << unit_bits;
inline constexpr std::size_t page_size = 4096;  // the granularity of committing the unit table

inline constexpr int size_class_count = 9;  // 64 B, 128 B, ... 16 KiB
inline constexpr std::size_t smallest_cell = 64;
inline constexpr std::size_t largest_cell = smallest_cell << (size_class_count - 1);

enum class BlockKind : std::uint8_t { free, cold, owned, committing, held, object, slab, arena };

/// A decoded state word.
struct BlockState {
  BlockKind kind = BlockKind::free;
  std::uint32_t generation = 0;
  std::uint32_t owner = 0;  // bits of a ParticipantId, or granule (offset / 64) of an object

  static constexpr BlockState from_bits(std::uint64_t bits) {
    return {static_cast<BlockKind>(bits & 15), static_cast<std::uint32_t>(bits >> 4) & 0x0fffffffu,
            static_cast<std::uint32_t>(bits >> 32)};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const {
    return static_cast<std::uint64_t>(owner) << 32 | static_cast<std::uint64_t>(generation) << 4 |
           static_cast<std::uint64_t>(kind);
  }
};

using StateWord = std::atomic<std::uint64_t>;

/// One entry of the unit table. `extent` is valid in the first unit of a run only.
struct Unit {
  StateWord state;
  std::atomic<std::uint32_t> length;      // units in this run
  std::atomic<std::uint32_t> size_class;  // of a slab
};
static_assert(sizeof(Unit) == 16);

/// The front of a slab; the state words of its cells follow, then the cells.
struct Slab {
  std::uint32_t cell_size;
  std::uint32_t cell_count;
  std::uint32_t first_cell;         // bytes from the start of the unit
  std::atomic<std::uint32_t> used;  // copy: cells that are not free
  std::atomic<std::uint32_t> hint;  // copy: where to look for a free cell first
  std::uint32_t padding[11];

  StateWord* states() { return reinterpret_cast<StateWord*>(this + 1); }
};
static_assert(sizeof(Slab) == 64);

struct ParticipantSlot {
  std::atomic<std::uint32_t> id;     // ParticipantId of the slot's present or last user
  std::atomic<std::uint32_t> state;  // SlotState
  std::atomic<std::uint32_t> pid;    // for people: what `ps` shows; never used to judge life
  std::uint32_t padding[5];
};
static_assert(sizeof(ParticipantSlot) == 32);
enum class SlotState : std::uint32_t { free, alive };

struct Pin {
  std::atomic<std::uint64_t> holder;  // 0: free entry; a PinHolder otherwise
  std::atomic<std::uint64_t> object;  // Handle
};
inline constexpr std::uint32_t pins_per_block = static_cast<std::uint32_t>(page_size / sizeof(Pin));
inline constexpr std::uint32_t pin_block_limit = 4096;

/// The words that waiters of many objects sleep on; sync/doorbell.hpp says how. Nothing of the arena's depends on them.
inline constexpr std::uint32_t doorbell_count = 16;

struct Header {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t unit_table_units;  // units that the unit table reserves
  std::uint64_t reserved;          // bytes
  // Random; written when the session is made, never changed. Who knows it can read this memory: what processes of a
  // session prove to each other over connections that others could make, too.
  std::byte secret[16];
  alignas(64) OwnerWord lock;
  std::atomic<std::uint32_t> frontier;                     // units [0, frontier) form the chain of runs
  std::atomic<std::uint32_t> generation;                   // of the last allocation
  std::atomic<std::uint32_t> pin_blocks;                   // entries of pin_directory in use
  std::atomic<std::uint32_t> pin_hint;                     // copy: where to look for a free pin first
  std::atomic<std::uint32_t> carried_pins;                 // copy: pins whose holder is a block
  std::atomic<std::uint32_t> warm_units;                   // copy: units in free runs
  std::atomic<std::uint32_t> table_committed;              // bytes of the unit table that are committed
  std::atomic<std::uint32_t> next_slot;                    // where join() looks first
  std::atomic<std::uint32_t> slab_hint[size_class_count];  // copy: a unit to look at first; 0: none
  alignas(64) os::FutexWord doorbells[doorbell_count];
  alignas(64) std::atomic<std::uint64_t> pin_directory[pin_block_limit];  // offsets of pin blocks
};
static_assert(sizeof(Header) <= unit_size);

inline constexpr std::uint32_t participant_table_unit = 1;
inline constexpr std::uint32_t participant_table_units =
    static_cast<std::uint32_t>(ParticipantId::slot_count * sizeof(ParticipantSlot) / unit_size);
inline constexpr std::uint32_t unit_table_unit = participant_table_unit + participant_table_units;

/// The first words of every counted object's block.
struct ObjectHeader {
  static constexpr std::uint32_t may_hold_blocks = 1u << 31;

  std::atomic<std::uint32_t> pins;  // copy of what the pin table says
  std::atomic<std::uint32_t> type;  // ObjectType::code(); `may_hold_blocks` once a block was handed to it
};
static_assert(sizeof(ObjectHeader) == 8);

}  // namespace procyon::arena
