// What a queue knows of its users: who produces, who took a message and has not finished it, who holds one on lease.
//
// Only queues that were asked to keep such a table have one, and from the first user on. A table is a chain of blocks of
// entries, held by the queue; entries are used again and never move, blocks stay until the queue goes.
//
//   TableHead -> block {next, entry, entry, ...} -> block ...
//
// GROWING (under the lock that the table belongs to, of which one is pending at a time):
//   1. a block is allocated and cleared    2. pending := it, owned -> held by the queue
//   3. COMMIT: it is linked behind the last   4. pending := 0
// A death before 2 leaves a block that comes back with its owner; 2..3: pending is not linked: freed; 3..4: pending := 0.
//
// PRODUCERS, under put_lock, of queues that end with their producers. Entry: participant, or 0. A process enters itself
// with its first put and strikes itself out by close(). Entries of the dead stay until somebody uses them anew.
//   enter  1. entry.participant := self (release)   2. COMMIT: producers_entered += 1 (release)     Then the put goes on.
// Who asks whether all are gone takes no lock, as one of them may be stopped inside it: it reads producers_entered (acquire;
// 0: none has come yet), then the entries (acquire), then producers_entered again. If none names a living process and the
// number is the same, they are gone: no entry was committed meanwhile, so what ended during the look did not come back
// elsewhere behind the reader. What they put is seen after that: the entry was cleared after it, or its owner is dead.
// A death between 1 and 2: a producer that never was, as if it had died before 1.
//
// CONSUMERS, under get_lock, of queues that count tasks. Entry: participant, how many messages it has taken and how many
// of these are done, both since ever. `taken` is written under get_lock by the participant's threads; `done` by
// anybody, by compare-and-swap, never beyond `taken`. The debt, taken - done, is what it holds. An entry without debt
// whose participant is dead may be used by another, with its numbers. So the messages that are not finished are
//      sequence of the last tail - sum of `done` - sum of the leases' `acks`       (modulo 2^28)
// and one store of `done` finishes one message, or all that a dead consumer held.
//   take   claimed_taken := taken + n, claimed_consumer := entry; COMMIT (head, queue_format.hpp); taken := claimed_taken;
//          claimed_consumer := 0.  Repair: if the commit happened (Claim), taken := claimed_taken; claimed_consumer := 0.
//
// LEASES, under get_lock where not said otherwise. Entry: the message's block, which the queue goes on holding, and
//      word  | holder 32 | acks 28 | state 4 |      acks: messages that were acknowledged through this entry, ever
//   free      the rest means nothing
//   claiming  being leased; the ring still has the message until the head is committed. `copied`: the block is a copy
//   leased    the holder has it. Only the holder's process changes this: to acked or returned (no lock needed), as long
//             as it lives; when it is dead, whoever finds out, under get_lock, to returned
//   acked     finished, acks + 1 by the same store; the block is about to be freed, then: free
//   returned  to be given to the next who asks
//   taking    being taken for good by a get(); the taker's death repairs it with the lock
// Transitions:
//   lease    entry filled, word := claiming; a copy: owned -> held; COMMIT head; word := leased.
//            Repair: head committed (claimed_head): := leased, which is then found to be a dead one's. Not: a copy is
//            freed, := free
//   again    returned -> leased, one store
//   get      returned -> taking (COMMIT), block: held -> owned by the taker, -> free.  Repair: lost with the taker, the
//            block freed, := free
//   ack      leased -> acked (COMMIT), block freed, -> free.   A death between: found as a dead one's: freed, := free
//   give back leased -> returned (COMMIT), returned_hint := 1, consumers are woken. A death between: consumers that wait
//            look through the leases once in a slice
// That a holder is dead is found out by who finds the queue empty, and by every 64th who takes something.
// returned_hint says that there may be a returned message; it is cleared under get_lock before the look, and set again by
// repair.
//
// LOST. What was taken by a consumer that died before it left get_lock, by pid; written by repair, under get_lock. The
// last place collects what the others have no room for (pid 0). Repair: pending_lost := the new content of a place,
// pending_lost_place := which (+ 1); the place is written; the claim and what was being taken are cleared;
// pending_lost_place := 0. A repair that finds it set writes the same again.
//
// JOINERS. join() sleeps on `joiners` (sync/sleep.hpp), after a message was finished they are all woken.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "procyon/detail/sync/sleep.hpp"

namespace procyon::channel {

struct TableHead {
  std::atomic<std::uint64_t> first{0};    // arena::Handle
  std::atomic<std::uint64_t> pending{0};  // arena::Handle
};

struct ProducerEntry {
  std::atomic<std::uint32_t> participant{0};
};

struct ConsumerEntry {
  std::atomic<std::uint32_t> participant{0};
  std::atomic<std::uint32_t> taken{0};
  std::atomic<std::uint32_t> done{0};

  [[nodiscard]] std::uint32_t debt() const {
    return taken.load(std::memory_order_relaxed) - done.load(std::memory_order_acquire);
  }
};

enum class LeasePhase : std::uint8_t { free, claiming, leased, acked, returned, taking };

/// A decoded word of a lease.
struct LeaseState {
  std::uint32_t holder = 0;
  std::uint32_t acks = 0;
  LeasePhase phase = LeasePhase::free;

  static constexpr std::uint32_t acks_mask = (1u << 28) - 1;
  static constexpr LeaseState from_bits(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits >> 4) & acks_mask,
            static_cast<LeasePhase>(bits & 15)};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const {
    return std::uint64_t{holder} << 32 | std::uint64_t{acks & acks_mask} << 4 |
           static_cast<std::uint64_t>(phase);
  }
};

struct LeaseEntry {
  std::atomic<std::uint64_t> word{0};
  std::atomic<std::uint64_t> block{0};  // arena::Handle
  std::atomic<std::uint64_t> size{0};   // bytes of the message
  std::atomic<std::uint64_t> pins{0};   // TravellingReferences behind it
  std::atomic<std::uint32_t> sequence{0};
  std::atomic<std::uint32_t> deliveries{0};
  std::atomic<std::uint32_t> copied{0};
};

/// What the consumer that holds get_lock is about to take from the ring, or has taken.
struct Claim {
  std::uint32_t participant = 0;
  std::uint16_t count = 0;            // never 0 in a claim
  std::uint16_t sequence_behind = 0;  // low half of the sequence that the head then has

  static constexpr Claim from_bits(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint16_t>(bits >> 16),
            static_cast<std::uint16_t>(bits)};
  }
  /// From the numbers themselves: a Claim in memory, read back as one word, would stall on its halves.
  static constexpr std::uint64_t pack(std::uint32_t participant, std::uint32_t count,
                                      std::uint32_t sequence) {
    return std::uint64_t{participant} << 32 | std::uint64_t{count & 0xffff} << 16 | (sequence & 0xffff);
  }
};

struct QueueTables {
  TableHead producers;                              // under put_lock
  std::atomic<std::uint64_t> producers_entered{0};  // under put_lock
  TableHead consumers;                              // the rest under get_lock
  TableHead leases;
  std::atomic<std::uint64_t> claimed_consumer{0};  // its offset in the session; 0: none
  std::atomic<std::uint32_t> claimed_taken{0};
  std::atomic<std::uint32_t> returned_hint{0};
  std::atomic<std::uint32_t> takes_since_look{0};  // at the holders of leases; any value will do
  sync::Sleepers joiners{0};
  std::atomic<std::uint64_t> pending_lost{0};
  std::atomic<std::uint32_t> pending_lost_place{0};
  static constexpr std::size_t lost_places = 8;
  std::array<std::atomic<std::uint64_t>, lost_places> lost{};  // pid 32 | messages 32
};

}  // namespace procyon::channel
