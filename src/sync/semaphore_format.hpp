// A semaphore in shared memory: its complete format, and what a death at any point leaves behind.
//
// FORMAT. `count` is the first value plus what was released minus what was acquired. Each permit that is out occupies a
// slot, which names the process that has it. What can be taken is therefore count - occupied, and each operation is
// one store:
//   acquire   count := count - 1          permit           slot := this process
//   release   count := count + n          permit given back  slot := 0
// `occupied` is a copy, the number of slots that are not 0.
//
// WHO WRITES WHAT. Everything under `lock`. count and occupied are read without it by who waits: a wrong look costs a
// look under the lock.
//
// WHAT A DEATH LEAVES. Under the lock: the store happened or not, and `occupied` may be late by one: the lock's next owner
// counts the slots anew (recount). With a permit: its slot names somebody dead; who finds nothing to take, and who asks
// for the value, frees such slots. Between an acquire and its release: nobody can say whose the one was; it stays
// taken. After a release, before its wake: sleepers sleep to the end of their slice and look.
//
// SLEEPING. Who finds none sleeps on `sleepers` (sync/sleep.hpp); who returns one wakes. The compare-and-swap that frees
// `lock` between the two is the read-modify-write that the pair needs.
#pragma once

#include <atomic>
#include <cstdint>

#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/sync/sleep.hpp"

namespace procyon::sync {

struct SemaphoreState : arena::Counted {
  static constexpr std::int64_t largest = INT32_MAX;

  SemaphoreState(std::uint32_t value, std::uint32_t slots) : first(value), slot_count(slots), count(value) {}

  using Slot = std::atomic<std::uint32_t>;  // bits of a ParticipantId; 0: free
  /// The slots follow the state.
  Slot* slots() { return reinterpret_cast<Slot*>(this + 1); }

  [[nodiscard]] bool seems_free() const {
    return count.load(std::memory_order_seq_cst) > occupied.load(std::memory_order_seq_cst);
  }

  arena::OwnerWord lock;
  const std::uint32_t first;
  const std::uint32_t slot_count;
  std::atomic<std::uint32_t> count;
  std::atomic<std::uint32_t> occupied{0};
  Sleepers sleepers{0};
};

}  // namespace procyon::sync
