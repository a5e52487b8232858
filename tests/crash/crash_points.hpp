// The same scenarios, killed at the crash points that the library's code names (os::crash_point) instead of at every
// instruction: for recovery and other long operations, in threads and children too, and at full speed.
//
//   crash::expect_survives_every_crash_point({.name = "arena.recover", .prepare = ..., .victim = ..., .check = ...});
//
// One run records which points are passed between begin_window() and end_window(), and how often; then the victim is
// run once for each passage, and dies there. Skips builds without crash points. Works under sanitizers.
#pragma once

#include <cstddef>

#include "stepper.hpp"

namespace procyon::crash {

struct CrashPointOptions {
  /// Of a point that is passed more often, the first passages and the last one are taken.
  std::size_t passages_of_a_point = 8;

  /// The scenario must pass at least this many points: one that passes none proves nothing.
  std::size_t least_points = 1;

  /// As in Options.
  std::chrono::milliseconds watchdog{30'000};
  std::size_t max_failures = 5;
};

KillReport kill_at_every_crash_point(const Scenario& scenario, const CrashPointOptions& options = {});

void expect_survives_every_crash_point(const Scenario& scenario, const CrashPointOptions& options = {});

}  // namespace procyon::crash
