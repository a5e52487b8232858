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
#include <utility>
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
  /// For a task that was asked to stop, before it is condemned.
  static constexpr std::chrono::milliseconds grace{500};

  /// Tells the observer what has ended.
  Ledger(arena::Session& session, PoolState& pool, arena::Handle pool_handle, Observer* observer = nullptr);

  /// Workers that are threads. Condemning one's task means that no further item of it begins; the running one goes on.
  void never_end_workers() { can_end_workers_ = false; }
  /// Items of LocalTasks that are to be asked to stop. Not under the mutex: that calls the user.
  struct StopRequest {
    std::shared_ptr<LocalTask> task;
    std::uint32_t first;
    std::uint32_t count;
  };
  [[nodiscard]] std::vector<StopRequest> take_stop_requests() { return std::exchange(stop_requests_, {}); }
  /// For all of them that are out.
  void ask_all_to_stop();

  /// Fills a free slot and publishes it. False if none can be used now. To be announced, sooner or later.
  bool give_out(const TaskDescription& description, EncodedTask& task) {
    return give_out(description, task, task.items.bytes());
  }
  /// The same with items that lie elsewhere; `first` is the number of the first one in the task, if that is a local one.
  bool give_out(const TaskDescription& description, EncodedTask& task, std::span<const std::byte> items,
                std::uint32_t first = 0);
  /// Wakes workers for what was given out.
  void announce() { publisher_.announce(); }
  /// Keeps a task until a slot is free (feed()). It is cut into smaller ones then, if the job's `chunks` say so.
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

  /// Ends what has not ended of this job with `error`: what nobody has begun never begins. Workers that run items of it are
  /// asked to stop, or condemned and added to `condemned`: they must be ended. Whether any item was left.
  bool end_job(Job& job, const std::exception_ptr& error, std::vector<std::uint32_t>& condemned);
  /// end_overrunning() does that when the deadline has passed.
  void end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error);
  [[nodiscard]] static bool is_ended(const Job& job) { return job.ended_with_ != nullptr; }
  /// Items of such a job, which were counted as pending, but not given out.
  static void end_items(const TaskDescription& items);

  /// Ends what has run longer than its job allows: adds the workers that must be ended, whose items are condemned now.
  /// Whether any item has ended by that.
  bool end_overrunning(std::vector<std::uint32_t>& condemned);
  /// When it may have to be called next.
  [[nodiscard]] os::Deadline next_overrun() const;

  /// Fails every item that has no result yet, given out or kept.
  void fail_all(const std::exception_ptr& error);

  /// Items that have ended so far in the hands of workers, or with them.
  [[nodiscard]] std::uint64_t ended_items() const { return ended_items_; }
  /// Tasks given out or kept. May be asked without the mutex.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }

 private:
  // Of a slot whose task does not simply run once and end.
  struct Special {
    static constexpr std::uint32_t none = UINT32_MAX;
    std::uint32_t ended_from = none;   // this item and all after it have ended by the master's word
    std::vector<std::uint32_t> ended;  // so have these
    os::Deadline condemn_at = os::Deadline::never();  // unless item `asked` has ended by then
    std::uint32_t asked = none;
    std::uint32_t lost_item = none;  // whose workers were lost `lost` times
    std::uint32_t lost = 0;
  };
  struct Entry {
    Job* job = nullptr;  // null: the slot is free; else the job holds itself
    std::size_t first_item = 0;
    std::uint32_t item_count = 0;
    std::uint32_t delivered = 0;  // items [0, delivered) of the slot have ended
    std::size_t bytes = 0;        // of the items
    std::optional<std::chrono::nanoseconds> timeout;
    std::shared_ptr<LocalTask> local;  // if the task never leaves this process
    std::uint32_t local_first = 0;     // its item 0 is this one of that
    std::unique_ptr<Special> special;  // null for nearly all
  };
  struct Kept {
    TaskDescription description;  // of the items that were not given out
    std::unique_ptr<EncodedTask> task;
    std::uint32_t first = 0;  // item of the task, and its first byte, that comes next
    std::size_t first_byte = 0;
  };
  enum class Fed : std::uint8_t { all, some, enough, no_slot };

  void fill(TaskSlot& slot, const TaskDescription& description, EncodedTask& task,
            std::span<const std::byte> items);
  std::uint64_t number_of(std::span<const std::byte> callable);
  static void hold(Job& job, const std::shared_ptr<Job>& self);
  static void let_go(Job& job);
  static void tell_listeners(Job& job);
  void deliver_finished(std::uint32_t index, std::uint32_t finished);
  void observe(std::uint32_t index, const SlotState& state, std::uint32_t ended, bool is_lost);
  void deliver_local(std::uint32_t index, std::uint32_t finished);
  Fed feed_from(Kept& kept);
  static std::size_t bytes_of_items(const Kept& kept, std::uint32_t items);
  static void end_item(Job& job, std::size_t item, const std::exception_ptr& error);
  void free_slot(std::uint32_t index);
  void publish_again(std::uint32_t index, std::uint32_t first_item);
  void publish(std::uint32_t index);
  bool republish();
  void settle_slot(std::uint32_t index, const std::exception_ptr& lost);
  Special& special(std::uint32_t index);
  static bool has_ended(const Entry& entry, std::uint32_t item);
  std::uint32_t count_loss(std::uint32_t index, std::uint32_t item);
  void deliver_values(const Entry& entry, std::uint32_t item, std::span<const std::byte> values,
                      std::uint32_t number);
  static void end_rest(const Entry& entry, std::uint32_t from, const std::exception_ptr& error);
  bool end_slot(std::uint32_t index, const std::exception_ptr& error, std::vector<std::uint32_t>& condemned);
  bool end_kept(const Job& job, const std::exception_ptr& error);
  bool condemn(TaskSlot& slot, std::uint64_t& seen);
  void ask_to_stop(std::uint32_t index, std::uint32_t item, std::uint32_t request);
  bool end_overrunning_slot(std::uint32_t index, std::int64_t now, std::vector<std::uint32_t>& condemned);

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
  bool can_end_workers_ = true;
  std::size_t timed_in_use_ = 0;
  std::size_t specials_in_use_ = 0;
  std::uint64_t ended_items_ = 0;
  std::vector<std::weak_ptr<Job>> with_deadline_;
  std::vector<StopRequest> stop_requests_;
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
    if (state.phase == Phase::taken && progress.finished < entry.item_count &&
        !has_ended(entry, progress.finished)) {
      const JobRules& rules = entry.job->rules;
      const std::uint32_t losses = count_loss(index, progress.finished);
      const bool has_begun = progress.is_running();
      if (progress.condemned || losses > (has_begun ? rules.retries : rules.start_retries)) {
        const TaskDescription task{entry.job->self_, entry.first_item, entry.item_count, entry.timeout,
                                   losses};
        error = make_error(task, progress.finished, progress.condemned);
      }
    }
    settle_slot(index, error);
  }
  completions_.skip(worker);
  return had_task;
}

}  // namespace procyon::pool
