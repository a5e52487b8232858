// The master's side of the task slots: which job each slot's items belong to, and the settling of what workers did.
//
// Process-local; every function is called under the engine's mutex. What it does in shared memory follows pool_format.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pool/observer.hpp"
#include "pool/pool_format.hpp"
#include "pool/task_ring.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/pool/engine.hpp"
#include "procyon/errors.hpp"

namespace procyon::pool {

class Ledger {
 public:
  /// Tells the observer what has ended.
  Ledger(arena::Session& session, PoolState& pool, arena::Handle pool_handle, Observer* observer = nullptr);

  /// Fills a free slot and publishes it. False if none can be used now. To be announced, sooner or later.
  bool give_out(const TaskDescription& description, EncodedTask& task) {
    return give_out(description, task, task.items.bytes());
  }
  /// The same with items that lie elsewhere.
  bool give_out(const TaskDescription& description, EncodedTask& task, std::span<const std::byte> items);
  /// Wakes workers for what was given out.
  void announce() { publisher_.announce(); }
  /// Keeps a task until a slot is free (feed()).
  void keep(const TaskDescription& description, EncodedTask&& task);
  /// Gives out kept tasks. Returns whether it gave out any.
  bool feed();
  /// Whether a filled slot waits until an old ticket is claimed whose place in the ring it needs; nothing can be given out
  /// before. May be asked without the mutex.
  [[nodiscard]] bool is_blocked() const { return is_blocked_.load(std::memory_order_acquire); }

  /// Takes over the results of completed tasks. Returns how many tasks.
  std::size_t collect();
  /// How many tasks a collect() would find; may be called without the mutex.
  [[nodiscard]] std::size_t completed() const { return completions_.waiting(); }
  /// How many tasks of a job have not been collected.
  [[nodiscard]] static std::size_t tasks_of(const Job& job) { return job.tasks_; }
  /// So many items less are pending; tells those who want to know if none is left.
  static void count_ended(Job& job, std::size_t items);

  /// Settles what a dead worker had taken: finished items are delivered, the begun one fails with `lost(describe)`,
  /// the rest is given out again. Returns whether it had taken a task.
  template <class MakeError>
  bool settle_lost(std::uint32_t worker, MakeError make_error);

  /// A running item that has run longer than its job allows, condemned now: its worker must be ended.
  struct Overrun {
    std::uint32_t worker;
  };
  std::vector<Overrun> condemn_overruns();
  /// When the next running item with a time-out may overrun.
  [[nodiscard]] os::Deadline next_overrun() const;

  /// Fails every item that has no result yet, given out or kept.
  void fail_all(const std::exception_ptr& error);

  /// Tasks given out or kept. May be asked without the mutex.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }

 private:
  struct Entry {
    Job* job = nullptr;  // null: the slot is free; else the job holds itself
    std::size_t first_item = 0;
    std::uint32_t item_count = 0;
    std::uint32_t delivered = 0;  // items [0, delivered) of the slot have ended
    std::optional<std::chrono::nanoseconds> timeout;
    std::shared_ptr<LocalTask> local;  // if the task never leaves this process
  };
  struct Kept {
    TaskDescription description;
    std::unique_ptr<EncodedTask> task;
  };

  void fill(TaskSlot& slot, const TaskDescription& description, EncodedTask& task,
            std::span<const std::byte> items);
  std::uint64_t number_of(std::span<const std::byte> callable);
  static void hold(Job& job, const std::shared_ptr<Job>& self);
  static void let_go(Job& job);
  void deliver_finished(std::uint32_t index, std::uint32_t finished);
  void observe(std::uint32_t index, const SlotState& state, std::uint32_t ended, bool is_lost);
  void deliver_local(std::uint32_t index, std::uint32_t finished);
  static void end_item(Job& job, std::size_t item, const std::exception_ptr& error);
  void free_slot(std::uint32_t index);
  void publish_again(std::uint32_t index, std::uint32_t first_item);
  void publish(std::uint32_t index);
  bool republish();
  void settle_slot(std::uint32_t index, const std::exception_ptr& lost);

  arena::Session& session_;
  PoolState& pool_;
  arena::Handle pool_handle_;
  Observer* observer_;
  Publisher publisher_;
  Completions completions_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;         // slots, the warmest last
  std::vector<std::uint32_t> unpublished_;  // filled slots that the ring had no room for
  std::atomic<bool> is_blocked_{false};     // there are some
  std::deque<Kept> kept_;
  std::atomic<std::size_t> outstanding_{0};
  std::size_t timed_in_use_ = 0;
  std::vector<std::byte> last_callable_;  // that was given a number
  std::uint64_t last_callable_number_ = 0;
};

template <class MakeError>
bool Ledger::settle_lost(std::uint32_t worker, MakeError make_error) {
  bool had_task = false;
  for (std::uint32_t index = 0; index < pool_.slot_count; ++index) {
    const SlotState state = SlotState::from_bits(pool_.slot(index).state.load(std::memory_order_acquire));
    if (state.worker != worker || (state.phase != Phase::taken && state.phase != Phase::done)) continue;
    const Entry& entry = entries_[index];
    if (entry.job == nullptr) continue;
    had_task = true;
    const Progress progress = Progress::from_bits(pool_.slot(index).progress.load(std::memory_order_acquire));
    std::exception_ptr error;
    if (state.phase == Phase::taken && progress.is_running()) {
      const TaskDescription task{entry.job->self_, entry.first_item, entry.item_count, entry.timeout};
      error = make_error(task, progress.finished, progress.condemned);
    }
    settle_slot(index, error);
  }
  completions_.skip(worker);
  return had_task;
}

}  // namespace procyon::pool
