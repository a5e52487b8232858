// How fast workers are replaced that end again and again while nothing gets done.
//
// A task with many retries that kills whoever runs it, or somebody who kills workers as soon as they are there, would
// otherwise have processes started as fast as the machine can. The first few are replaced at once, for whoever kills all
// workers of a pool must find them again; then each waits twice as long as the one before. Process-local; the foreman's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace procyon::pool {

class RestartPace {
 public:
  static constexpr std::chrono::milliseconds first_delay{10};
  static constexpr std::chrono::milliseconds longest_delay{1000};

  explicit RestartPace(std::uint32_t workers) : at_once_(std::max(8U, 3 * workers)) {}

  /// A worker has ended; `ended_items` is how many items have ended in the pool so far, and `since_last` the time since the
  /// worker before it ended. Returns how long its replacement should wait.
  std::chrono::milliseconds delay_of_next(std::uint64_t ended_items, std::chrono::nanoseconds since_last) {
    const bool got_on = ended_items != ended_items_ || since_last > 2 * longest_delay;
    ended_items_ = ended_items;
    futile_ = got_on ? 0 : futile_ + 1;
    if (futile_ <= at_once_) return std::chrono::milliseconds(0);
    const std::uint32_t doublings = std::min(futile_ - at_once_ - 1, 20U);
    return std::min(longest_delay, first_delay * (std::int64_t{1} << doublings));
  }

 private:
  const std::uint32_t at_once_;
  std::uint64_t ended_items_ = 0;
  std::uint32_t futile_ = 0;  // ends in a row between which no item has ended
};

}  // namespace procyon::pool
