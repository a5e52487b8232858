// What became of which task, when, and where: the master's notes for stats() and trace().
//
// Process-local, under the engine's mutex. Times come from the slots' TaskTimes (pool_format.hpp); without them only
// counts are kept.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pool/pool_format.hpp"
#include "procyon/pool_stats.hpp"

namespace procyon::pool {

/// Numbers by size, each within an eighth.
class Histogram {
 public:
  void add(std::int64_t nanoseconds);
  /// The least size that this share of all numbers does not exceed.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const;

 private:
  static constexpr unsigned parts = 8;  // of each power of two
  std::array<std::uint64_t, 62 * parts> counts_{};
  std::uint64_t total_ = 0;
};

class Observer {
 public:
  /// More are not kept: half an hour of a thousand chunks a second.
  static constexpr std::size_t event_limit = 2'000'000;

  Observer(std::uint32_t workers, bool traces);

  [[nodiscard]] bool traces() const { return traces_; }
  void started(std::uint32_t worker, pid_t pid);
  /// Whether it was told of the process that is this worker now. One that has been started may have ended tasks before.
  [[nodiscard]] bool knows(std::uint32_t worker) const { return workers_[worker].stats.pid != 0; }
  /// A worker has ended in order.
  void left(std::uint32_t worker);
  /// A worker was lost; `how` says to what.
  void lost(std::uint32_t worker, const std::string& how);
  /// `items` of a chunk have ended on that worker. `times` may be null. `is_lost`: it died there.
  void ended(std::uint32_t worker, std::uint64_t items, const TaskTimes* times, bool is_lost);
  /// The chunk that ended() was told of last, for the trace.
  void name_last(std::string name);

  [[nodiscard]] PoolStats stats() const;
  /// In Chrome's trace-event format.
  [[nodiscard]] std::string trace_json() const;

 private:
  struct Worker {
    WorkerStats stats;
    std::int64_t busy = 0;
  };
  struct Event {
    enum class Kind : std::uint8_t { done, lost, death };
    Kind kind;
    std::uint32_t worker;
    pid_t pid;
    std::uint64_t items;
    std::int64_t given, began, ended;
    std::string name;
  };

  void keep(Event event);

  const bool traces_;
  const std::int64_t made_;
  std::vector<Worker> workers_;
  Histogram waited_;
  Histogram ran_;
  std::vector<Event> events_;
  std::uint64_t dropped_ = 0;
  bool last_is_kept_ = false;
};

}  // namespace procyon::pool
