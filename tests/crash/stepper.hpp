// The every-instruction kill harness: runs one operation in a child process, kills that process with SIGKILL after k
// instructions, for every k and at every edge of a system call, and each time asks the survivors whether all is well.
//
//   crash::Scenario scenario{
//       .name = "lock.acquire",
//       .prepare = [&] { state = std::make_unique<State>(); },          // here; sets up a fresh state
//       .victim = [&] {                                                 // in a forked child
//         Lock& lock = state->lock();
//         crash::begin_window();
//         lock.acquire();
//         crash::end_window();
//       },
//       .check = [&](const crash::KillPoint&) {                         // here; the child is gone
//         EXPECT_TRUE(state->lock().try_acquire_for(1s));
//       }};
//   crash::expect_survives_every_kill(scenario);
//
// How many points: a budget for each scenario, from PROCYON_KILL_BUDGET (a number, or `full`), by default 400. Within
// it the harness takes the first and the last instruction, both edges of every system call, the inside of every call
// that slept, and the instruction after each locked instruction and each store to shared memory; what remains is
// spread evenly. Survivors see nothing of a process but its shared memory and its system calls, so kills between two
// of those look the same to them; `full` does not rely on that and takes every instruction.
//
// One victim is stepped, alone: interleavings of several processes are not explored. Threads and children that the
// victim makes in its window run free. A process that other processes wait for in `prepare` may of course run beside.
// x86-64 only; not under sanitizers. Everything happens in the calling thread, where nothing else may wait for children
// of any pid.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace procyon::crash {

namespace detail {
enum class WindowMode { ignored, traced, hooked };
extern WindowMode window_mode;
extern void (*begin_hook)();
extern void (*end_hook)();
}  // namespace detail

/// Marks the start of the operation in Scenario::victim. Outside the harness it does nothing.
inline void begin_window() {
#if defined(__x86_64__)
  // Inlined, so that the first instruction after the trap is already the victim's.
  if (detail::window_mode == detail::WindowMode::traced) asm volatile("int3" ::: "memory");
#endif
  if (detail::window_mode == detail::WindowMode::hooked) detail::begin_hook();
}

/// Marks its end. The harness knows it by its address.
[[gnu::noinline]] void end_window();

/// Where a victim was killed.
struct KillPoint {
  enum class Where {
    instruction,  // before the instruction at `address`
    call_entry,   // the kernel has seen the system call, and has not begun it
    in_call,      // asleep in the system call
    call_exit,    // the system call is done, the program has not seen its result
    crash_point,  // at a crash point (kill_at_every_crash_point)
    finished      // not at all: it ended its operation and then itself
  };

  Where where = Where::instruction;
  std::size_t step = 0;  // instructions executed since begin_window(); passages of the crash point, from 1
  std::uint64_t address = 0;
  long call = -1;            // number of the system call, for the three call places
  std::string name;          // of the crash point
  std::uint64_t caller = 0;  // where the test program's own code called the library that `address` is in

  [[nodiscard]] bool killed() const { return where != Where::finished; }

  /// "killed after 17 instructions, at queue_put()+0x2a (procyon_crash_test+0x1f2a)".
  [[nodiscard]] std::string describe() const;
};

struct Scenario {
  std::string name;

  /// In the harness's process, before each run: replaces what the last run left by a fresh state.
  std::function<void()> prepare;

  /// In a forked child: set-up, begin_window(), the operation, end_window(). May throw only before it begins.
  std::function<void()> victim;

  /// In the harness's process after each run, the child being gone: gtest's EXPECT_ and ASSERT_, or an exception.
  std::function<void(const KillPoint&)> check;
};

struct Options {
  /// Most kill points for a scenario; nothing: every instruction. System calls and locked instructions are all taken,
  /// even beyond it.
  std::optional<std::size_t> budget = 400;

  /// A system call that sleeps this long is killed inside too.
  std::chrono::milliseconds asleep_after{20};

  /// The recording run waits this long for a sleeping call, then takes it for blocked: the window ends there.
  std::chrono::milliseconds blocked_after{500};

  /// For anything else: the victim before its window, prepare(), check(), the end of a killed process.
  std::chrono::milliseconds watchdog{30'000};

  /// A longer window is cut here.
  std::size_t max_instructions = 500'000;

  /// Then the harness gives the scenario up: the rest would say the same.
  std::size_t max_failures = 5;

  /// Off: each victim is stepped from its window's start, as where the processor offers no breakpoints. Slow.
  bool breakpoints = true;

  /// The defaults, with the budget of PROCYON_KILL_BUDGET. Throws std::invalid_argument if that is neither a number
  /// nor `full`.
  static Options from_environment();
};

struct KillFailure {
  KillPoint point;
  std::string message;
};

struct KillReport {
  std::string scenario;
  std::size_t instructions = 0;    // in the window
  std::size_t system_calls = 0;    // in the window
  std::size_t shared_effects = 0;  // locked instructions and stores to shared memory in the window
  std::size_t possible = 0;        // kill points that there are
  std::size_t kills = 0;           // kill points hit
  std::size_t finished_early = 0;  // runs that ended before their kill point came
  std::size_t diverged = 0;  // runs that did not follow the recorded one and were stepped from the start
  bool blocked = false;      // the window ended in a call that slept for ever
  bool cut = false;          // the window was longer than Options::max_instructions
  std::size_t steps = 0;     // instructions stepped, over all runs
  std::chrono::duration<double> stepping{};  // time spent on them
  std::chrono::duration<double> total{};
  std::vector<KillFailure> failures;

  [[nodiscard]] bool ok() const { return failures.empty(); }
  friend std::ostream& operator<<(std::ostream& out, const KillReport& report);
};

/// Why this process cannot step another (sanitizers, processor, ptrace forbidden), or nothing. Asked once.
const std::optional<std::string>& stepping_unavailable();

/// Throws std::logic_error for a scenario that is not one (no window; a victim that fails without being killed),
/// std::system_error when stepping_unavailable().
KillReport kill_at_every_instruction(const Scenario& scenario,
                                     const Options& options = Options::from_environment());

/// The same as a test: prints the report, adds a failure for each kill that the check did not like. Skips the test
/// where stepping is not available.
void expect_survives_every_kill(const Scenario& scenario,
                                const Options& options = Options::from_environment());

}  // namespace procyon::crash
