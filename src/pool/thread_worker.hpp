// The workers of a ThreadPool: threads that claim tasks as a worker process does (worker.hpp), and run them as they are.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "pool/pool_format.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::pool {

class ThreadWorkers {
 public:
  ThreadWorkers(PoolState& pool, std::function<void()> initializer)
      : pool_(pool), initializer_(std::move(initializer)) {}

  /// Throws std::system_error if a thread cannot be started; then none runs. `when_initializer_fails` is called, on the
  /// worker's thread, for each whose initializer throws.
  void start(std::uint32_t count, std::function<void(std::exception_ptr)> when_initializer_fails);
  /// Waits for their end, once the pool is stopping. Any thread but they may call it.
  void join() { join_until(os::Deadline::never()); }
  /// The same; false when the deadline passed.
  bool join_until(os::Deadline deadline);

  /// Whether the calling thread runs a task of this pool now.
  [[nodiscard]] static bool is_in_task_of(const PoolState& pool);
  /// Says so while it lives; nests.
  class InTask {
   public:
    explicit InTask(const PoolState& pool);
    ~InTask();
    InTask(const InTask&) = delete;
    InTask& operator=(const InTask&) = delete;

   private:
    const InTask* const outer_;
    const PoolState* const pool_;
    friend class ThreadWorkers;
  };

 private:
  void work(std::uint32_t index);

  PoolState& pool_;
  std::function<void()> initializer_;
  std::function<void(std::exception_ptr)> when_initializer_fails_;
  os::FutexWord ended_{0};  // how many of the threads
  std::mutex joining_;
  std::vector<std::thread> threads_;
};

}  // namespace procyon::pool
