// The pool that moves bytes: gives out tasks, collects results, replaces workers. Pool gives it types.
//
// Threads: any thread of the creating process may submit and wait. Whoever waits for a job collects results for
// everybody meanwhile; a library thread of the pool (the foreman) deals with deaths, deadlines and what nobody waits for.
// Shared-memory format and recovery: src/pool/pool_format.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/pool/job.hpp"
#include "procyon/detail/process/engine.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/detail/wire/writer.hpp"
#include "procyon/pool_stats.hpp"

namespace procyon::pool {

/// A task that stays in this process: its items as they are, and afterwards their outcomes (local_task.hpp).
class LocalTask {
 public:
  virtual ~LocalTask() = default;
  /// Runs an item and keeps its outcome. Called by the worker that has claimed the task.
  virtual void run(std::uint32_t item) noexcept = 0;
  /// Asks an item to stop, whether it runs or not, if it takes a std::stop_token. Any thread; calls the user's stop callbacks.
  virtual void ask_to_stop(std::uint32_t item) = 0;
  /// Gives that outcome to the job. Called under the engine's mutex.
  virtual void deliver(Job& job, std::size_t item_of_job, std::uint32_t item) = 0;
};

/// What lies in the slot of such a task instead of items: item `n` of the task is item `first + n` of `task`.
struct LocalItems {
  LocalTask* task;
  std::uint64_t first;
};

/// Bytes of a callable and of items, with the shared objects that travel along.
struct EncodedTask {
  static constexpr std::uint32_t variable_items = UINT32_MAX;

  EncodedTask() : callable(&parcel), items(&parcel) {}
  channel::Parcel parcel;
  wire::Writer callable;        // encode_task_callable(); of an initializer: the whole call
  wire::Writer items;           // one behind the other; behind its 32-bit size each, if they are variable
  std::uint32_t item_size = 0;  // or variable_items
  bool is_stateless = false;    // calls do not change the callable
  bool is_stoppable = false;    // takes a std::stop_token
  std::shared_ptr<LocalTask> local;  // of a pool of threads: the task itself; `items` are LocalItems
  bool can_be_split = true;  // its items may go to several workers, if no shared objects travel with them
};

/// Items of one size that lie one behind the other in memory.
struct ItemRun {
  std::span<const std::byte> items;
  std::size_t item_size;
};

/// A run of items of one job: items [first, first + count).
struct TaskDescription {
  std::shared_ptr<Job> job;
  std::size_t first_item = 0;
  std::uint32_t item_count = 1;
  std::optional<std::chrono::nanoseconds> timeout;  // of each item, from its begin
  std::uint32_t attempts = 1;                       // of the item that is spoken of; where a loss is told
};

/// What runs the tasks.
enum class Workers : std::uint8_t {
  processes,
  threads,  // of this process: LocalTasks
  caller,   // whoever submits a task runs it there and then
};

struct EngineOptions {
  std::uint32_t processes = 1;
  std::uint32_t tasks_per_worker = 0;
  std::optional<StartMethod> start_method;
  bool has_initializer = false;
  Workers workers = Workers::processes;
  std::function<void()> thread_initializer = {};
  std::size_t max_memory_per_worker = 0;  // of this and the next ones, 0: no limit
  std::size_t recycle_above_memory = 0;
  std::chrono::nanoseconds max_cpu_time_per_task{};
  bool keeps_stderr = false;
  bool allow_children = false;
  std::uint32_t threads_for_each = 0;  // that libraries should use in a worker; 0: nothing is said to them
  bool times = false;                  // notes them, for stats()
  bool trace = false;                  // keeps all of them
};

class Engine {
 public:
  /// Starts the workers. `initializer` is an encoded call. Throws what starting a process throws; then none is left.
  Engine(const EngineOptions& options, EncodedTask& initializer);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// As end().
  ~Engine();
  /// terminate() and join(), and the end of the foreman. In a forked child: nothing, the pool is its parent's.
  void end();

  /// Gives out a task. If all slots are taken: waits for one and collects meanwhile (`wait_for_slot`), or keeps the task
  /// until there is one; what is kept is cut into smaller tasks if the job's `chunks` say so. Throws std::logic_error after close() and in another process, and what broke the pool.
  void submit(TaskDescription description, EncodedTask& task, bool wait_for_slot);
  /// Gives out all these items, in tasks as the job's `chunks` say, with the callable in `task`, and collects meanwhile.
  /// Throws as submit(); then those that were given out go on. No shared objects travel with it.
  void submit_all(const TaskDescription& description, EncodedTask& task, const ItemRun& items);
  /// How many items the next task of this job should have. Waits until it may be given out, if its size follows the time of
  /// the ones before, and collects meanwhile.
  std::size_t next_chunk(Job& job);

  /// Waits until all items of `job` that were submitted have ended, or `ready()`; false when the deadline passed.
  bool wait(const Job& job, os::Deadline deadline);
  template <class Ready>
  bool wait_until(Ready ready, os::Deadline deadline) {
    const auto missing = [&ready] { return ready() ? std::size_t{0} : std::size_t{1}; };
    return wait_for(Condition(missing), deadline);
  }
  /// Takes over results that have arrived, without waiting.
  void collect();
  /// For procyon::wait(): ready once all items of `job` that were submitted have ended.
  static sync::WaitTarget wait_target(std::shared_ptr<Engine> engine, std::shared_ptr<const Job> job);

  /// Ends all items of the job that have not ended with this error; those that are submitted later end with it too. What
  /// is queued never starts; a worker that runs one is asked to stop, or ended and replaced. False if none was left.
  bool end_job(Job& job, const std::exception_ptr& error);
  /// The same with this error when the deadline passes.
  void end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error);

  /// Until settled(), the job has not ended, even if all items that were submitted have.
  void open(Job& job);
  void settled(Job& job);
  /// Nothing was submitted, or nobody is to be told: drops what when_ended() has noted.
  void forget(Job& job);
  /// Has this called once when the job ends, under the mutex: it must be short and not call the pool. False if the job
  /// has ended: then it is not called.
  bool when_ended(Job& job, std::function<void()> call);
  /// To be called before the first call_back() may come. Throws std::system_error.
  void prepare_callbacks();
  /// Has this called in the pool's thread for callbacks. May be called under the mutex.
  void call_back(std::function<void()> call);
  PoolStats stats();
  std::string trace_json();
  /// Waits until every worker has started and run its initializer; false when the deadline passed. Throws what broke the
  /// pool, and std::logic_error after terminate().
  bool wait_ready(os::Deadline deadline);

  void close();
  void terminate();
  /// Waits until all tasks have ended and all workers with them; false when the deadline passed. Throws std::logic_error
  /// before close() or terminate().
  bool join(os::Deadline deadline);

  /// Tasks that may be given out at a time: a window for who feeds an endless input.
  [[nodiscard]] std::uint32_t slot_count() const;
  [[nodiscard]] std::uint32_t process_count() const;
  /// The mutex that deliver() and fail() run under; for typed jobs.
  std::mutex& mutex();

 private:
  // What somebody waits for: says how many tasks must be complete, at least, before it can hold; 0 when it holds.
  class Condition {
   public:
    template <class Missing>
    explicit Condition(const Missing& missing)
        : function_(
              [](const void* context) -> std::size_t { return (*static_cast<const Missing*>(context))(); }),
          context_(&missing) {}
    std::size_t missing() const { return function_(context_); }

   private:
    std::size_t (*function_)(const void*);
    const void* context_;
  };
  bool wait_for(Condition ready, os::Deadline deadline);

  class Waited;
  class Master;
  std::shared_ptr<Master> master_;
};

}  // namespace procyon::pool
