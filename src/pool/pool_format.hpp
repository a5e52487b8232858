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
//   ready  --master: compare-and-swap-->                   free                      cancelled: it never starts
//   taken  --that worker: results written, stores-->       done(worker, ticket)
//   done   --master: results read, blocks freed, stores--> free
//   taken by a dead worker --master: settles (below)-->    free, or ready with a new ticket
//
// Tickets are given out in order and never again. The RING says where ticket t lies: ring[t % slots] = | ticket 48 |
// slot 16 |. The master never overwrites the entry of a ticket that is still ready.
//
// WHERE TO LOOK for ready tickets: from `cursor` on, and in the workers' RESERVATIONS, | first ticket 48 | count 16 |.
// When many tasks wait, a worker notes a few tickets as reserved, moves the cursor past them, and then claims them one by
// one, each when it is about to run it; so workers seldom meet at the cursor. A reservation is a hint that gives no right:
// an idle worker claims what others have reserved, be they dead, replaced, or busy with something long. The order makes
// it safe: the note comes before the cursor moves, and a ticket leaves the note after its claim. So each ready ticket is
// always in one of these places, whoever dies. What is found there and not ready (claimed by another, cancelled) is
// passed over. A replacement goes on with its predecessor's reservation.
//
// PROGRESS of a taken slot, | begun 31 | condemned 1 | finished 32 |: items [0, finished) have results; item `finished` is
// running if begun > finished. Written by the worker alone, except that the master condemns a guarded slot by a
// compare-and-swap that sets `condemned` and changes nothing else: then the outcomes from item `finished` on are the
// master's to say, and the worker, whose own next compare-and-swap fails, stops and waits for its end. So an item ends in
// exactly one way, and a worker that is to be ended for what it runs cannot go on to a next task meanwhile. In guarded
// slots (those with a time-out, or that may be cancelled) each step of the worker is a compare-and-swap, in others a store.
//
// STOP REQUESTS. A task that takes a std::stop_token is asked before it is condemned: the master stores in the slot's
// `stop` which item (its number + 1) or stop_all, and rings the `stop_bell` of the worker that has taken it, where a
// thread of the worker listens. It has ended these items in its own books before: whatever the worker still writes for
// them is read and dropped. A worker that sees stop_all between two items may close the slot, by a compare-and-swap of
// `begun` to `closed`, after which it is not condemned any more, and store `done` with fewer items finished than there are.
// The request is a hint: a worker that does not see it is condemned a little later.
//
// THE TASK. First the items: all of one size (item_size), or each behind its 32-bit size (item_size = variable_items);
// then, at a multiple of 8, the callable; at the next one the references. A callable that may be used again has a number,
// the same for the same bytes: a worker that has decoded it does not look at it again.
//
// RESULTS. They lie one behind the other in the slot's result area: the inline one, or a block once that is full. Each
// ResultRecord stands for one encoded outcome, or for a run of bare values of one size: of a run that is open, those that
// belong to finished items count. It is closed, its number written, before another record follows. An item's result
// counts when `finished` is stored (release). To move to a larger block the worker allocates it (owned), notes it in the
// result_block that is not current, hands it to the pool (held), copies, and stores `current`; then it frees the one
// before and clears its note.
//
// COMPLETED TASKS are told to the master by their worker: it writes the slot's number into its own row of the completed
// table, at [tasks_completed % slots], and then counts tasks_completed up. A slot is in a row at most once until the
// master has taken it from there, so that a row never overflows.
//
// WHAT A DEATH LEAVES.
//   worker, before its claim      a ready task: another claims it
//   worker, after its claim       settled by the master (settle_lost): results of finished items are kept; the begun item is
//                                 lost with the worker (or timed out, if condemned); the items after it become ready
//                                 again in the same slot. Of the two result blocks the one that is not current is
//                                 freed if the pool holds it; if not, it went back with its owner.
//   worker, after `done`          a finished task; it may be missing in the worker's row: the master looks at every slot
//                                 of a dead worker, and goes on in the row where its count stands
//   worker, anywhere else         nothing: what it owned comes back by Session::recover
//   worker, asked to stop         the same; of items that the master has ended, nothing counts
//   worker, again and again       an item whose workers died in it runs again if its job says so; if they die before any
//                                 item begins (its callable cannot be decoded, say), it is lost after some attempts
//   master, between two slots     those that it did not reach are run by workers that live long enough, and nobody reads
//     that it cancels             the results
//   master                        the workers are daemonic: the kernel ends them with it; the pool goes with the session,
//                                 or with the last reference to it
// Settling is the master's alone; a master that dies in it leaves nobody who wants the results.
//
// WHAT A WORKER LEAVES FOR ITS CERTIFICATE: since when it has worked on its task (`task_began`, a coarse clock; 0 between
// two tasks; stats() tells it too), and where it crashed (crash_record.hpp, one behind the slots for each worker). Both are read when its end is known, and give
// nobody a right to anything.
//
// WAKING. Workers sleep on `worker_sleepers`, the master on `master_sleepers` (sync/sleep.hpp). A master that cannot go on before
// n more tasks are complete says so in `wake_after`; while it sleeps each completion counts it down, and whoever gets to
// zero rings. n is at most half of the tasks that are out when it falls asleep, so that enough are to come; a worker's end
// rings in any case.
//
// MEASURED TASKS. Where the size of the next chunk is to follow the time of the items, the worker notes in `took` how long
// those of this task ran, ahead of the store of `done`. It is read of tasks that are done, and no more than advice.
//
// TIMES. A pool that is to tell its stats has a table of TaskTimes in a block of its own (`task_times`), one for each slot:
// `given` is written by the master when it fills the slot, `began` and `ended` by the worker that has taken it, ahead of
// the store of `done`; read by the master when it settles the slot. A death leaves `ended` (or both) as it was for the
// master to put its own time. Other pools have no table, and a task costs one look at `task_times`.
//
// MEMORY ORDER. state: release by who fills (task, results), acquire by who takes. progress: release with each finished
// item, acquire by the master when it settles or condemns. reserved: release, before the compare-and-swap that moves the
// cursor. tasks_completed: a sequentially consistent exchange, which is also the barrier before the look at the sleepers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "pool/crash_record.hpp"
#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/sleep.hpp"

namespace procyon::pool {

inline constexpr std::uint32_t slot_limit = 1024;
inline constexpr std::uint32_t worker_limit = 1024;
inline constexpr std::size_t inline_task_bytes = 400;
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
  static constexpr std::uint32_t closed = 0x7fff'ffff;  // as `begun`: no further item will begin

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

/// Tickets that a worker means to claim next.
struct Reservation {
  std::uint64_t first = 0;
  std::uint32_t count = 0;

  static constexpr Reservation from_bits(std::uint64_t bits) {
    return {bits >> 16, static_cast<std::uint32_t>(bits & 0xffff)};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const { return first << 16 | count; }
};

struct ResultRecord {
  static constexpr std::uint32_t open_run = UINT32_MAX;

  std::uint64_t size;        // bytes of the encoded outcome, behind the references; of a run: of each value
  std::uint32_t references;  // number of TravellingReferences
  std::uint32_t values;      // in this run, or open_run; 0: it is one encoded outcome
};

// The first line is all that is needed to run a small task, but for its bytes; the others lie behind the rarer fields.
struct TaskSlot {
  static constexpr std::uint32_t variable_items = UINT32_MAX;
  static constexpr std::uint32_t stop_all = UINT32_MAX;
  // Bits of `timed`.
  static constexpr std::uint32_t is_guarded = 1;    // it may be condemned
  static constexpr std::uint32_t is_clocked = 2;    // the begin of each item is noted
  static constexpr std::uint32_t is_stoppable = 4;  // takes a std::stop_token
  static constexpr std::uint32_t is_measured = 8;   // its worker notes how long its items took

  alignas(64) std::atomic<std::uint64_t> state{0};
  std::atomic<std::uint64_t> progress{0};
  std::uint32_t first_item = 0;  // items before it are not to be run (again)
  std::uint32_t item_count = 0;
  std::uint32_t timed = 0;
  std::uint32_t item_size = 0;
  std::uint64_t items_size = 0;
  std::uint64_t callable_number = 0;  // 0: not to be used again
  std::uint64_t callable_size = 0;
  std::uint64_t task_block = 0;  // Handle; 0: the inline area
  std::uint64_t task_references = 0;
  std::atomic<std::uint64_t> result_block[2]{};  // Handles; 0: the inline area
  std::atomic<std::uint32_t> current_result{0};
  std::atomic<std::uint32_t> stop{0};
  std::atomic<std::int64_t> item_began{0};  // nanoseconds (Deadline::monotonic_now); only if clocked
  std::atomic<std::int64_t> took{0};        // nanoseconds, all items; only if measured
  alignas(8) std::byte task[inline_task_bytes];
  alignas(64) std::byte result[inline_result_bytes];
};
// An odd number of lines, so that slots spread over all sets of a cache.
static_assert(sizeof(TaskSlot) == 1024 - 64);

/// In nanoseconds (Deadline::monotonic_now).
struct TaskTimes {
  std::atomic<std::int64_t> given{0};
  std::atomic<std::int64_t> began{0};
  std::atomic<std::int64_t> ended{0};
};

struct WorkerSlot {
  alignas(64) std::atomic<std::uint32_t> participant{0};
  std::atomic<std::uint32_t> is_ready{0};           // its initializer has succeeded
  std::atomic<std::uint64_t> initializer_error{0};  // Handle of a block with an encoded outcome
  std::atomic<std::uint64_t> initializer_error_size{0};
  os::FutexWord stop_bell{0};
  std::atomic<std::uint32_t> retired{0};  // ends because it has run maxtasksperchild tasks
  // For each task, but read for certificates and stats only: not in the line below, which the master looks at all the time.
  std::atomic<std::int64_t> task_began{
      0};  // nanoseconds of the monotonic clock, to some milliseconds; 0: has none
  // Written for each task; they outlive the worker.
  alignas(64) std::atomic<std::uint64_t> reserved{0};
  std::atomic<std::uint64_t> tasks_completed{0};
};

struct PoolState : arena::Counted {
  std::uint32_t slot_count = 0;  // a power of two
  std::uint32_t worker_count = 0;
  std::uint32_t tasks_per_worker = 0;  // 0: no limit
  std::uint32_t master = 0;            // ParticipantId
  std::uint64_t initializer = 0;       // Handle of a block with an encoded call; 0: none
  std::uint64_t initializer_size = 0;
  std::uint64_t initializer_references = 0;
  std::uint64_t task_times = 0;  // Handle of a block of TaskTimes[slot_count]; 0: none
  // Of each worker; 0: no limit. Written before the first one is started.
  std::uint64_t max_memory = 0;        // bytes of private memory
  std::uint64_t recycle_above = 0;     // bytes of resident memory, looked at after each task
  std::int64_t max_task_cpu = 0;       // nanoseconds of processor time for each item
  std::uint32_t threads_for_each = 0;  // that libraries with threads of their own should use
  std::uint32_t allow_children = 0;
  std::atomic<std::uint32_t> ready_workers{0};  // a futex word: changes when a worker is ready
  std::atomic<std::uint32_t> stopping{0};       // workers end when they see it
  // Written by the master, read by workers.
  alignas(64) std::atomic<std::uint64_t> next_ticket{1};
  // Written by workers.
  alignas(64) std::atomic<std::uint64_t> cursor{1};
  // Written by who goes to sleep, and by who wakes.
  alignas(64) sync::Sleepers worker_sleepers{0};
  sync::Sleepers master_sleepers{0};
  std::atomic<std::int32_t> wake_after{0};
  alignas(64) std::atomic<std::uint64_t> ring[slot_limit]{};

  // WorkerSlot[worker_count], then the completed table, then TaskSlot[slot_count], then CrashRecord[worker_count].
  WorkerSlot& worker(std::uint32_t index) { return reinterpret_cast<WorkerSlot*>(this + 1)[index]; }
  [[nodiscard]] const WorkerSlot& worker(std::uint32_t index) const {
    return reinterpret_cast<const WorkerSlot*>(this + 1)[index];
  }
  std::atomic<std::uint16_t>& completed_slot(std::uint32_t worker, std::uint64_t position) {
    return reinterpret_cast<std::atomic<std::uint16_t>*>(
        &this->worker(worker_count))[worker * slot_count + (position & (slot_count - 1))];
  }
  TaskSlot& slot(std::uint32_t index) {
    return reinterpret_cast<TaskSlot*>(reinterpret_cast<std::byte*>(&worker(worker_count)) +
                                       table_bytes(worker_count, slot_count))[index];
  }
  [[nodiscard]] const TaskSlot& slot(std::uint32_t index) const {
    return const_cast<PoolState*>(this)->slot(index);
  }
  CrashRecord& crash(std::uint32_t worker) {
    return reinterpret_cast<CrashRecord*>(&slot(slot_count))[worker];
  }
  static constexpr std::size_t table_bytes(std::uint32_t workers, std::uint32_t slots) {
    return (std::size_t{workers} * slots * sizeof(std::uint16_t) + alignof(TaskSlot) - 1) /
           alignof(TaskSlot) * alignof(TaskSlot);
  }
  static std::size_t room_for(std::uint32_t workers, std::uint32_t slots) {
    return workers * sizeof(WorkerSlot) + table_bytes(workers, slots) + slots * sizeof(TaskSlot) +
           workers * sizeof(CrashRecord);
  }
  /// Before the pool is used: everything in room_for().
  void construct_tables() {
    for (std::uint32_t index = 0; index < worker_count; ++index) new (&worker(index)) WorkerSlot;
    for (std::uint32_t index = 0; index < slot_count; ++index) new (&slot(index)) TaskSlot;
    for (std::uint32_t index = 0; index < worker_count; ++index) new (&crash(index)) CrashRecord;
  }
};
static_assert(sizeof(PoolState) % alignof(TaskSlot) == 0 && sizeof(WorkerSlot) % alignof(TaskSlot) == 0);

inline constexpr arena::ObjectType pool_type{"Pool", 9};

}  // namespace procyon::pool
