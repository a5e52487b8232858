// Named places in the library's own code at which a test may kill the process that passes them.
//
//   claim.store(position, std::memory_order_release);
//   os::crash_point("queue.get.claimed");
//   head.store(position + 1, std::memory_order_release);
//
// They serve code that the stepping harness cannot reach well: recovery after a death, which runs rarely and
// late. Compiled in only when the build says PROCYON_CRASH_POINTS; otherwise crash_point() is an empty
// function. Compiled in but idle, a passage costs one relaxed load. Not for production builds, and not a way
// to test other programs.
//
// A test runs the operation once between record_crash_points() and crash_points_passed(), and so learns which
// points there are; then it forks a child for each, which calls arm_crash_point() and the operation, and dies
// there. A program may also be started armed: PROCYON_CRASH_AT=queue.get.claimed:3 kills it at its third
// passage.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace procyon::os {

#ifdef PROCYON_CRASH_POINTS
inline constexpr bool crash_points_enabled = true;
#else
inline constexpr bool crash_points_enabled = false;
#endif

/// A point that was passed while recording, and how often.
struct CrashPointPassages {
  std::string name;
  std::uint64_t count = 0;

  friend bool operator==(const CrashPointPassages&, const CrashPointPassages&) = default;
};

/// Forgets what was recorded and records from now on, in this process and in children that it forks.
/// Thread-safe, but one recording at a time: it is the whole process's. Ends an arming.
void record_crash_points();

/// The points passed since record_crash_points(), in the order of their first passage. Recording goes on.
std::vector<CrashPointPassages> crash_points_passed();

/// From now on the `nth` passage (1 is the next one) of the point `name` kills this process with SIGKILL.
/// Passages by any thread count; forked children inherit the arming and the count so far. Ends a recording.
/// Throws std::invalid_argument when `nth` is 0 or the name is empty or too long (95 characters),
/// std::logic_error when the build has no crash points.
void arm_crash_point(std::string_view name, std::uint64_t nth = 1);

/// Neither records nor kills from now on. What was recorded stays readable.
void disarm_crash_points();

namespace crash_point_detail {

/// 0: idle. Otherwise passed() must look. Constant-initialised, so points in static constructors are safe.
extern std::atomic<std::uint32_t> mode;

void passed(const char* name) noexcept;

}  // namespace crash_point_detail

/// Marks a place. `name` must be a string literal, dotted from the layer inwards:
/// "arena.recover.pins_cleared". May stand anywhere, under locks too: it does not allocate, block or throw. A
/// name at two places is one point.
inline void crash_point([[maybe_unused]] const char* name) noexcept {
  if constexpr (crash_points_enabled) {
    // Relaxed: arming happens before the operation on the same thread, or does not matter to the test.
    if (crash_point_detail::mode.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      crash_point_detail::passed(name);
    }
  }
}

}  // namespace procyon::os
