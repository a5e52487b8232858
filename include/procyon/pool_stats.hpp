// What Pool::stats() tells: how its workers are doing.
//
//   mp::Pool pool({.processes = 4, .stats = true});
//   ...
//   fmt::print("{}\n", to_string(pool.stats()));
//
// Counts are there for every pool, and what each worker does now; times only if it was made with `.stats` (or `.trace`),
// since taking them costs each task three looks at the clock. A plain value: copy it, keep it, compare two of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace procyon {

struct WorkerStats {
  pid_t pid = 0;             // of the one that works there now; 0: none
  std::uint64_t tasks = 0;   // that have ended there; each item of a map is one
  std::uint64_t chunks = 0;  // in which they came
  std::uint64_t deaths = 0;  // workers that were lost there: killed, crashed, ended for a time-out
  std::chrono::nanoseconds busy{0};
  std::chrono::nanoseconds idle{0};  // since the pool was made
  std::uint64_t memory =
      0;  // bytes that are its own: resident, and not shared with a file or another process
  /// For how long the chunk that it works on has been running, to some milliseconds; zero if it has none.
  std::chrono::nanoseconds running_for{0};
  /// By a signal (SIGSTOP), or a debugger: it does nothing until it is continued or ended, by a `timeout` for instance.
  bool is_stopped = false;
};

/// Of chunks: half of them took no longer than p50, 99 of 100 no longer than p99. An eighth too long at most.
struct Latency {
  std::chrono::nanoseconds p50{0};
  std::chrono::nanoseconds p99{0};
};

struct PoolStats {
  std::vector<WorkerStats> workers;
  WorkerStats total;            // its pid is 0; running_for is the longest, is_stopped says whether any is
  std::size_t outstanding = 0;  // chunks that were given out or kept, and have not been collected
  Latency waited;               // from being given out to the begin
  Latency ran;                  // from the begin to the end
};

/// A table, a line a worker.
std::string to_string(const PoolStats& stats);

}  // namespace procyon
