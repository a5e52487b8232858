#include "crash_points.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "check.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "tracee.hpp"
#include "watchdog.hpp"

namespace procyon::crash {
namespace {

using Where = KillPoint::Where;
using Clock = std::chrono::steady_clock;

/// What the recording child tells its parent, in memory that both map.
struct Passed {
  struct Entry {
    std::array<char, 96> name;
    std::uint64_t count;
  };
  std::size_t size;
  std::array<Entry, 1024> entries;
};

class SharedPassed {
 public:
  SharedPassed() {
    void* memory = ::mmap(nullptr, sizeof(Passed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw std::system_error(errno, std::generic_category(), "mapping the list of crash points");
    passed_ = static_cast<Passed*>(memory);
  }
  ~SharedPassed() { ::munmap(passed_, sizeof(Passed)); }
  SharedPassed(const SharedPassed&) = delete;
  SharedPassed& operator=(const SharedPassed&) = delete;
  Passed* get() { return passed_; }

 private:
  Passed* passed_;
};

// What the hooks do, in the child: they are plain functions.
Passed* passed_in_child = nullptr;
KillPoint armed_in_child;

void write_down_passed() {
  os::disarm_crash_points();
  for (const auto& [name, count] : os::crash_points_passed()) {
    Passed::Entry& entry = passed_in_child->entries.at(passed_in_child->size++);
    name.copy(entry.name.data(), entry.name.size() - 1);
    entry.count = count;
  }
}

void hook_window(void (*begin)(), void (*end)()) {
  detail::window_mode = detail::WindowMode::hooked;
  detail::begin_hook = begin;
  detail::end_hook = end;
}

/// waitpid() with a limit, beyond which the child is killed and the harness throws.
int end_of(pid_t child, std::chrono::milliseconds watchdog) {
  const Ticking ticking;
  const auto limit = Clock::now() + watchdog;
  bool too_long = false;
  int status = 0;
  while (::waitpid(child, &status, 0) != child) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waiting for a victim");
    if (Clock::now() < limit || too_long) continue;
    too_long = true;
    ::kill(child, SIGKILL);
  }
  if (too_long) throw VictimStuck("the victim neither ended nor came to its crash point in time");
  return status;
}

class CrashPointHarness {
 public:
  CrashPointHarness(const Scenario& scenario, const CrashPointOptions& options)
      : scenario_(scenario), options_(options) {
    report_.scenario = scenario.name;
    limits_.watchdog = options.watchdog;
  }

  KillReport run() {
    const auto started = Clock::now();
    const std::vector<KillPoint> points = record();
    report_.possible = points.size();
    for (const KillPoint& point : points) {
      if (report_.failures.size() >= options_.max_failures) break;
      kill_at(point);
    }
    report_.total = Clock::now() - started;
    return std::move(report_);
  }

 private:
  std::vector<KillPoint> record() {
    SharedPassed shared;
    run_prepare(scenario_, limits_);
    const pid_t child = fork_victim(
        [&] {
          passed_in_child = shared.get();
          hook_window(os::record_crash_points, write_down_passed);
        },
        scenario_.victim);
    const int status = end_of(child, options_.watchdog);
    if (status != 0) {
      throw std::logic_error("the victim of the kill scenario '" + scenario_.name +
                             "' does not even work when nobody kills it: it " + describe_end_status(status));
    }
    run_check(scenario_, limits_, {.where = Where::finished}, report_);
    require_points(shared.get()->size);
    return points_of(*shared.get());
  }

  void require_points(std::size_t count) const {
    if (count >= options_.least_points) return;
    throw std::logic_error("the kill scenario '" + scenario_.name + "' passed " + std::to_string(count) +
                           " crash points in its window and promised at least " +
                           std::to_string(options_.least_points));
  }

  [[nodiscard]] std::vector<KillPoint> points_of(const Passed& passed) const {
    std::vector<KillPoint> points;
    for (std::size_t i = 0; i < passed.size; ++i) {
      const Passed::Entry& entry = passed.entries[i];
      for (std::uint64_t nth = 1; nth <= entry.count; ++nth) {
        if (nth > options_.passages_of_a_point && nth < entry.count) continue;
        points.push_back({.where = Where::crash_point, .step = nth, .name = entry.name.data()});
      }
    }
    return points;
  }

  void kill_at(const KillPoint& point) {
    run_prepare(scenario_, limits_);
    const pid_t child = fork_victim(
        [&] {
          armed_in_child = point;
          hook_window([] { os::arm_crash_point(armed_in_child.name, armed_in_child.step); },
                      [] { os::disarm_crash_points(); });
        },
        scenario_.victim);
    const int status = end_of(child, options_.watchdog);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
      ++report_.kills;
      return run_check(scenario_, limits_, point, report_);
    }
    if (status != 0)
      add_failure(point, "the victim did not die there, but " + describe_end_status(status), report_);
    ++report_.finished_early;
    run_check(scenario_, limits_, {.where = Where::finished}, report_);
  }

  const Scenario& scenario_;
  const CrashPointOptions& options_;
  Options limits_;
  KillReport report_;
};

}  // namespace

KillReport kill_at_every_crash_point(const Scenario& scenario, const CrashPointOptions& options) {
  require_complete(scenario);
  return CrashPointHarness(scenario, options).run();
}

void expect_survives_every_crash_point(const Scenario& scenario, const CrashPointOptions& options) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "this build has no crash points (PROCYON_CRASH_POINTS)";
  tell_test(kill_at_every_crash_point(scenario, options));
}

}  // namespace procyon::crash
