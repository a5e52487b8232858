// Giving out tasks and claiming them: the ready half of pool_format.hpp; and telling which are complete.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "pool/pool_format.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::pool {

/// The master's end: makes filled slots ready, in the order of their tickets.
class Publisher {
 public:
  explicit Publisher(PoolState& pool) : pool_(pool), tickets_(pool.slot_count) {}

  /// Makes a filled slot ready under the next ticket; workers that are awake find it. False, and nothing changed, if the
  /// ring's entry is still needed by a ticket that nobody has claimed.
  bool publish(std::uint32_t slot);
  /// To be called after one or more publish(): wakes as many workers as there are new tasks.
  void announce();
  /// The slot's ticket was claimed, or will never be: the ring may forget it.
  void forget(std::uint32_t slot) { tickets_[slot] = 0; }

 private:
  PoolState& pool_;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t announced_ = 1;
  // By slot. What the master knows itself it need not look up in lines that workers write to.
  std::vector<std::uint64_t> tickets_;
};

struct Claim {
  std::uint32_t slot;
  std::uint64_t ticket;
};

/// Worker: takes the next ready task. Lock-free; nothing if there is none.
std::optional<Claim> claim(PoolState& pool, std::uint32_t worker);

/// Whether there is a task that nobody has claimed; for those who wait.
bool may_have_task(const PoolState& pool);

/// Where the times of a slot's task are to be noted; null if nobody asked for them.
inline TaskTimes* times_of(arena::Session& session, PoolState& pool, std::uint32_t slot) {
  if (pool.task_times == 0) [[likely]]
    return nullptr;
  return reinterpret_cast<TaskTimes*>(session.bytes(arena::Handle::from_bits(pool.task_times))) + slot;
}

/// Worker: since when it works on a task, for a person to read; not for TaskTimes, which are exact and cost more.
void note_task_began(WorkerSlot& worker);
void note_task_ended(WorkerSlot& worker);

/// Worker: the results are written, the task is the master's again.
void complete(PoolState& pool, std::uint32_t worker, const Claim& claim);

/// The master's end of complete(): which slots the workers have named.
class Completions {
 public:
  explicit Completions(PoolState& pool);

  /// Tasks that are complete and were not taken; may be asked by any thread.
  [[nodiscard]] std::size_t waiting() const;
  /// Calls take(worker, slot) for each of them. One thread at a time.
  template <class Take>
  void take_all(Take take) {
    for (std::uint32_t worker = 0; worker < pool_.worker_count; ++worker) {
      std::uint64_t position = taken_[worker].load(std::memory_order_relaxed);
      const std::uint64_t end = pool_.worker(worker).tasks_completed.load(std::memory_order_acquire);
      for (; position != end; ++position) {
        prefetch_result(worker, position + 2, end);
        take(worker, pool_.completed_slot(worker, position).load(std::memory_order_relaxed));
      }
      taken_[worker].store(end, std::memory_order_release);
    }
  }
  /// The worker is dead and its slots were looked at: what it named needs no other look.
  void skip(std::uint32_t worker);

 private:
  void prefetch_result(std::uint32_t worker, std::uint64_t position, std::uint64_t end);

  PoolState& pool_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> taken_;  // by worker
};

}  // namespace procyon::pool
