// A queue in shared memory: its complete format, and what a death at any point leaves behind.
//
// LAYOUT. A QueueState (a counted object) that ends with the first segment. A segment is a ring of bytes; when the ring
// of the last segment is full the producers link a larger one behind it, and when the consumers have emptied the first
// one they free it. In the steady state there is one segment, used as a ring.
//
//   QueueState -> first segment ... -> ... -> last segment
//                 consumers take here         producers put here
//
// A MESSAGE is a record in a segment, 8-byte aligned, never broken over the end of the ring: RecordHeader and payload.
// Kinds:  inline_bytes   the payload is the message
//         in_block       the payload names a block of the arena that holds the message (large ones, and those with which
//                        references to shared objects travel: their pins are carried by that block)
//         filler         nothing; the rest of the ring up to its end
//
// Each segment has two words, tail and head: | position 32 (in 8-byte granules, modulo 2^32) | sequence 32 |. The
// sequence counts messages over the life of the queue, through all segments.
//
// WHO WRITES WHAT WHEN. Everything of the producers' under put_lock, of the consumers' under get_lock:
//   put   1. room is there (else grow, below)                 2. large: the block is filled, handed to the queue:
//                                                                pending_block, then owned -> held
//         3. the record (and a filler before it) is written behind the tail, where no consumer looks
//         4. COMMIT: one release-store of tail: message, position and count at once
//         5. put_count := sequence (a copy, for those who look without the lock), pending_block := 0
//   get   1. head != tail: the record is copied out            2. in_block: claimed_block := its block
//         claim: who takes how many, for lost() and task_done() (queue_tables.hpp)
//         3. COMMIT: one store of head
//         4. the block: held -> owned by the consumer, claimed_block := 0; get_count := sequence
//         A batch (get_many) is several inline records that are copied out and committed by one store of head.
//   grow  1. a block is allocated and initialised as a segment 2. pending_segment := it, owned -> held by the queue
//         3. COMMIT: last->next := it (release)                4. last_segment := it, pending_segment := 0
//   move on (consumers; a segment is empty and has a next)
//         1. retired_segment := first                          2. COMMIT: first_segment := next
//         3. the retired one is freed, retired_segment := 0
// Producers never touch a segment that has a next, so "empty and has a next" is final.
//
// WHAT A SIDE REMEMBERS OF THE OTHER. A look at a word that the other side writes costs a transfer of its cache line, so
// each side keeps what it saw last, and looks again only when that says "full" or "empty": head_seen and get_count_seen
// (under put_lock), tail_seen (under get_lock). What they say was true once and the words only grow, so an old value
// costs a look and nothing else; a death needs no repair of them, but for head_seen: it belongs to the last segment and
// is set anew whenever that may have changed, which is when growing and in repair. tail_seen is a sequence, which goes on
// from segment to segment. look_pace (under get_lock) keeps such looks apart in a stream; any value of it will do.
//
// WHAT A DEATH LEAVES. The lock's next owner is told (after_owner_died) and repairs (queue_recovery.cpp), by looking
// which commit had happened:
//   put before 4: nothing was put. pending_block, if set and not the committed one, is freed.   after 4: it was put; 5
//   get before 3: nothing was taken; claimed_block := 0 (the head record still names it).
//       after 3: it was taken and is lost with the consumer, as anything it held; the block is freed if the queue still
//       holds it; 4
//   grow before 2: the block is owned by the dead and comes back with it.  2..3: pending_segment is not linked: freed.
//       3..4: linked: last_segment := it. (If last_segment is not held by the queue any more, the consumers have freed
//       it, so it was linked.)
//   move on before 2: retired_segment is still first: := 0. after 2: freed.
// Repair writes the same words in the same order, so it may itself be killed anywhere. A block is named in pending_block
// or claimed_block before its state changes, and handles carry generations, so freeing twice is impossible.
//
// SLEEPING. Who finds nothing to take sleeps on get_sleepers, who finds no room on put_sleepers; the other side wakes one
// sleeper after its commit if there may be any (sync/sleep.hpp). Sleepers look at the truth, the tail or head word, at
// least once in a slice: a commit whose copy a death kept back is seen. Before it sleeps a consumer spins on the tail word
// of the first segment, without the lock. That segment may be freed under its eyes and be anything: what it reads there
// makes it look again, under the lock, and says "nothing" only if that segment is still the first afterwards.
// get_sleepers also says whose bell is to be rung (sync/doorbell.hpp), for wait() and fileno() (queue_wait.cpp).
//
// A BOUND IN BYTES. put_bytes and taken_bytes hold the sum of the messages' sizes up to a sequence, two of each: [sequence
// % 2] belongs to the committed tail (head), the other one is written before the next commit, which thereby chooses it.
// So there is nothing to repair. A producer reads taken_bytes between two looks at get_count that say the same.
//
// MEMORY ORDER. tail: release by producers, acquire by consumers (the record's bytes). head: release by consumers (they
// have read the bytes), acquire by producers (they may overwrite them). next: release/acquire (the new segment's words).
// put_count/get_sleepers and get_count/put_sleepers are Dekker pairs (sync/sleep.hpp). The lock's release
// between a count and the flag is no barrier when the lock is biased (sync/biased_word.hpp), so the sleepers fence.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "channel/look_pace.hpp"
#include "channel/queue_tables_format.hpp"
#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/sleep.hpp"
#include "sync/biased_word.hpp"

namespace procyon::channel {

inline constexpr std::size_t granule = 8;
inline constexpr std::size_t cache_line = 64;
inline constexpr std::size_t first_ring_bytes = 2048;  // an empty queue takes 4 KiB in all
inline constexpr std::size_t smallest_grown_ring = 64 << 10;
inline constexpr std::size_t largest_ring = 1 << 20;
inline constexpr std::size_t largest_inline = 16 << 10;  // beyond it a message lies in a block of its own

enum class RecordKind : std::uint32_t { inline_bytes, in_block, filler };

/// In the ring as one word, | kind 32 | size 32 |.
struct RecordHeader {
  std::uint32_t size;  // bytes of payload behind this header, without padding
  RecordKind kind;
};
static_assert(sizeof(RecordHeader) == granule);

/// Payload of a record of kind in_block.
struct BlockRecord {
  std::uint64_t block;  // arena::Handle
  std::uint64_t size;   // bytes of the message
  std::uint64_t pins;   // number of TravellingReferences behind the message, at a multiple of 8
};

/// A decoded tail or head word.
struct Mark {
  std::uint32_t position = 0;
  std::uint32_t sequence = 0;
  static constexpr Mark from_bits(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const { return std::uint64_t{position} << 32 | sequence; }
};

struct Segment {
  std::atomic<std::uint64_t> next{0};  // arena::Handle of the segment behind this one
  std::uint32_t ring_bytes = 0;        // a power of two
  alignas(64) std::atomic<std::uint64_t> tail{0};
  std::atomic<std::uint64_t> last_putter{0};  // arena::self_word() of who committed the tail; a hint
  alignas(64) std::atomic<std::uint64_t> head{0};

  /// The ring follows the segment.
  std::byte* ring() { return reinterpret_cast<std::byte*>(this + 1); }
};
static_assert(sizeof(Segment) == 192);

/// What a queue was made with; never changes.
struct QueueSettings {
  std::uint32_t maxsize = 0;         // messages; 0: no bound
  bool ends_with_producers = false;  // producers are named, and get() tells when none of them lives
  bool counts_tasks = false;         // a JoinableQueue
  std::uint64_t max_bytes = 0;       // 0: no bound
};

struct QueueState : arena::Counted {
  explicit QueueState(QueueSettings with) : settings(with) {}

  QueueSettings settings;
  // The producers' own line: nobody else reads it while they live.
  alignas(64) sync::BiasedWord put_lock;
  std::atomic<std::uint64_t> last_segment{0};     // Handle; 0: the one inside this object
  std::atomic<std::uint64_t> pending_segment{0};  // Handle
  std::atomic<std::uint64_t> pending_block{0};    // Handle
  std::atomic<std::uint64_t> pending_tail{0};     // the tail that commits pending_block
  std::atomic<std::uint32_t> head_seen{0};        // position of the last segment's head
  std::atomic<std::uint32_t> get_count_seen{0};
  // What the producers tell, and who sleeps until they do.
  alignas(64) os::FutexWord put_count{0};
  sync::Sleepers get_sleepers{0};
  // The consumers' own line.
  alignas(64) sync::BiasedWord get_lock;
  std::atomic<std::uint64_t> first_segment{0};
  std::atomic<std::uint64_t> retired_segment{0};
  std::atomic<std::uint64_t> claimed_block{0};
  std::atomic<std::uint64_t> claimed_head{0};  // the head that commits taking claimed_block
  std::atomic<std::uint32_t> tail_seen{0};     // sequence
  LookPace look_pace;
  std::atomic<std::uint64_t> claim{0};  // Claim: what is being taken
  // What the consumers tell, and who sleeps until they do.
  alignas(64) os::FutexWord get_count{0};
  sync::Sleepers put_sleepers{0};
  // Of queues with a bound in bytes.
  alignas(64) std::array<std::atomic<std::uint64_t>, 2> put_bytes{};
  alignas(64) std::array<std::atomic<std::uint64_t>, 2> taken_bytes{};
  // Of queues that name their users.
  alignas(64) QueueTables tables;
  alignas(64) Segment inside;  // last: its ring follows
};

static_assert(sizeof(QueueState) % alignof(Segment) == 0, "the first segment ends where its ring begins");

}  // namespace procyon::channel
