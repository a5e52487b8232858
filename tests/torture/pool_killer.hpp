// Kills random workers of a pool, from a thread of its own, and sees to it that each place is worked at again.
//
//   PoolKiller killer(pool, options);
//   while (!killer.is_done()) give_and_check_tasks();  // all the while, or no place works again
//   const Recovery recovery = killer.finish();         // throws Violation if a place stayed empty
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <random>
#include <thread>

#include "procyon/pool.hpp"
#include "torture.hpp"

namespace procyon::torture {

/// From a kill until another worker has ended a task in the same place.
struct Recovery {
  std::chrono::microseconds all{0};
  std::chrono::microseconds longest{0};
};

class PoolKiller {
 public:
  /// Begins to kill, for as long and as often as the options say.
  PoolKiller(Pool& pool, const Options& options);
  ~PoolKiller();
  PoolKiller(const PoolKiller&) = delete;
  PoolKiller& operator=(const PoolKiller&) = delete;

  [[nodiscard]] bool is_done() const { return is_done_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t kills() const { return kills_.load(std::memory_order_acquire); }
  Recovery finish();

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void kill_somebody();
  void await_recovery(std::size_t place, pid_t victim, Clock::time_point killed);

  Pool& pool_;
  const Options& options_;
  std::mt19937_64 random_;
  Recovery recovery_;
  std::exception_ptr violation_;
  std::atomic<std::uint64_t> kills_{0};
  std::atomic<bool> is_done_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace procyon::torture
