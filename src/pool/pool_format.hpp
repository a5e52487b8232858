// A pool in shared memory: its complete format, and what a death at any point leaves behind.
//
// One process, the master, gives out tasks and collects results; workers pull. A TASK is a callable and a run of items;
// it lies in a TaskSlot. The master's own table says which job each slot's items belong to; nothing of it is needed here.
//
// A SLOT'S STATE is one word, | worker 13 | ticket 48 | phase 3 |, and every hand-over is one store or one
// compare-and-swap of it:
//
//   free   --master: fills the slot, stores-->             ready(ticket)
//   ready  --a worker: compare-and-swap-->                 taken(worker, ticket)     claim and take are the same store
//   taken  --that worker: results written, stores-->       done(worker, ticket)
//   done   --master: results read, blocks freed, stores--> free
//   taken by a dead worker --master: settles (below)-->    free, or ready with a new ticket
//
// Tickets are given out in order and never again. The RING says where ticket t lies: ring[t % slots] = | ticket 48 |
// slot 16 |; `cursor` is the lowest ticket that may be unclaimed. Both are hints: a worker that finds ticket t not ready
// (claimed by somebody who died before he moved the cursor, cancelled) moves the cursor on itself. The master never
// overwrites the entry of a ticket that is still ready.
//
// PROGRESS of a taken slot, | begun 31 | condemned 1 | finished 32 |: items [0, finished) have results; item `finished` is
// running if begun > finished. Written by the worker alone, except that the master condemns a running item by a
// compare-and-swap of begun>finished to the same with `condemned`: then that item's outcome is the master's to say, and
// the worker, whose own compare-and-swap fails, stops and waits for its end. So an item ends in exactly one way.
//
// RESULTS. Each finished item appends a ResultRecord, its references and its bytes to the slot's result area: the inline
// one, or a block once that is full. The record counts when `finished` is stored (release). To move to a larger block the
// worker allocates it (owned), notes it in the result_block that is not current, hands it to the pool (held), copies,
// and stores `current`; then it frees the one before and clears its note.
//
// WHAT A DEATH LEAVES.
//   worker, before its claim      a ready task: another claims it
//   worker, after its claim       settled by the master (settle_lost): results of finished items are kept; the begun item is
//                                 lost with the worker (or timed out, if condemned); the items after it become ready
//                                 again in the same slot. Of the two result blocks the one that is not current is
//                                 freed if the pool holds it; if not, it went back with its owner.
//   worker, after `done`          a finished task; its `completed` bit may be missing: the master looks at every slot of
//                                 a dead worker
//   worker, anywhere else         nothing: what it owned comes back by Session::recover
//   master                        the workers are daemonic: the kernel ends them with it; the pool goes with the session,
//                                 or with the last reference to it
// Settling is the master's alone; a master that dies in it leaves nobody who wants the results.
//
// WAKING. Workers sleep on `submitted`, the master on `completed_count` (sync/sleep.hpp).
//
// MEMORY ORDER. state: release by who fills (task, results), acquire by who takes. progress: release with each finished
// item, acquire by the master when it settles or condemns. completed bits: release/acquire, but only a hint where to look.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/sleep.hpp"

namespace procyon::pool {

inline constexpr std::uint32_t slot_limit = 1024;
inline constexpr std::uint32_t worker_limit = 1024;
inline constexpr std::size_t inline_task_bytes = 384;
inline constexpr std::size_t inline_result_bytes = 448;

enum class Phase : std::uint8_t { free, ready, taken, done };

/// A decoded state word.
struct SlotState {
  Phase phase = Phase::free;
  std::uint32_t worker = 0;
  std::uint64_t ticket = 0;

  static constexpr SlotState from_bits(std::uint64_t bits) {
    return {static_cast<Phase>(bits & 7), static_cast<std::uint32_t>(bits >> 51),
            bits >> 3 & 0xffff'ffff'ffffu};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const {
    return std::uint64_t{worker} << 51 | ticket << 3 | static_cast<std::uint64_t>(phase);
  }
};

/// A decoded progress word.
struct Progress {
  std::uint32_t begun = 0;
  bool condemned = false;
  std::uint32_t finished = 0;

  static constexpr Progress from_bits(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 33), (bits >> 32 & 1) != 0, static_cast<std::uint32_t>(bits)};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const {
    return std::uint64_t{begun} << 33 | std::uint64_t{condemned} << 32 | finished;
  }
  [[nodiscard]] constexpr bool is_running() const { return begun > finished; }
};

struct ResultRecord {
  std::uint64_t size;        // bytes of the encoded outcome, behind the references
  std::uint64_t references;  // number of TravellingReferences
};

struct TaskSlot {
  alignas(64) std::atomic<std::uint64_t> state{0};
  std::atomic<std::uint64_t> progress{0};
  std::atomic<std::int64_t> item_began{0};  // nanoseconds (Deadline::monotonic_now); only if `timed`
  std::uint32_t first_item = 0;             // items before it are not to be run (again)
  std::uint32_t item_count = 0;
  std::uint32_t timed = 0;  // an item may be condemned
  std::atomic<std::uint32_t> current_result{0};
  std::atomic<std::uint64_t> result_block[2]{};  // Handles; 0: the inline area
  std::uint64_t task_size = 0;
  std::uint64_t task_references = 0;  // behind the task, at a multiple of 8; then it lies in a block
  std::uint64_t task_block = 0;       // Handle; 0: the inline area
  alignas(64) std::byte task[inline_task_bytes];
  std::byte result[inline_result_bytes];
};
static_assert(sizeof(TaskSlot) == 1024 - 64);

struct WorkerSlot {
  alignas(64) std::atomic<std::uint32_t> participant{0};
  std::atomic<std::uint32_t> is_ready{0};           // its initializer has succeeded
  std::atomic<std::uint64_t> initializer_error{0};  // Handle of a block with an encoded outcome
  std::atomic<std::uint64_t> initializer_error_size{0};
  std::atomic<std::uint32_t> retired{0};  // ends because it has run maxtasksperchild tasks
};

struct PoolState : arena::Counted {
  std::uint32_t slot_count = 0;  // a power of two
  std::uint32_t worker_count = 0;
  std::uint32_t tasks_per_worker = 0;  // 0: no limit
  std::uint32_t master = 0;            // ParticipantId
  std::uint64_t initializer = 0;       // Handle of a block with an encoded call; 0: none
  std::uint64_t initializer_size = 0;
  std::uint64_t initializer_references = 0;
  std::atomic<std::uint32_t> stopping{0};  // workers end when they see it
  // Written by the master, read by workers.
  alignas(64) std::atomic<std::uint64_t> next_ticket{1};
  os::FutexWord submitted{0};
  // Written by workers.
  alignas(64) std::atomic<std::uint64_t> cursor{1};
  alignas(64) sync::SleepersFlag worker_sleepers{0};
  sync::SleepersFlag master_sleepers{0};
  alignas(64) os::FutexWord completed_count{0};
  alignas(64) std::atomic<std::uint64_t> completed[slot_limit / 64]{};
  alignas(64) std::atomic<std::uint64_t> ring[slot_limit]{};

  // WorkerSlot[worker_count], then TaskSlot[slot_count].
  WorkerSlot& worker(std::uint32_t index) { return reinterpret_cast<WorkerSlot*>(this + 1)[index]; }
  TaskSlot& slot(std::uint32_t index) {
    return reinterpret_cast<TaskSlot*>(reinterpret_cast<WorkerSlot*>(this + 1) + worker_count)[index];
  }
  static std::size_t room_for(std::uint32_t workers, std::uint32_t slots) {
    return workers * sizeof(WorkerSlot) + slots * sizeof(TaskSlot);
  }
};
static_assert(sizeof(PoolState) % alignof(TaskSlot) == 0 && sizeof(WorkerSlot) % alignof(TaskSlot) == 0);

inline constexpr arena::ObjectType pool_type{"Pool", 6};

}  // namespace procyon::pool
