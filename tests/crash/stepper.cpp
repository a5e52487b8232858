#include "stepper.hpp"

#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "check.hpp"
#include "harness_memory.hpp"
#include "place.hpp"
#include "recording.hpp"
#include "tracee.hpp"

namespace procyon::crash {

namespace detail {
WindowMode window_mode = WindowMode::ignored;
void (*begin_hook)() = nullptr;
void (*end_hook)() = nullptr;
}  // namespace detail

namespace {

using Where = KillPoint::Where;
using Clock = std::chrono::steady_clock;

/// More steps than this are worth the moves to one processor and back.
constexpr std::size_t many_steps = 20;

std::uint64_t end_address() { return reinterpret_cast<std::uint64_t>(&end_window); }

/// Adds the time of its scope to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(std::chrono::duration<double>& sum) : sum_(sum) {}
  ~Stopwatch() { sum_ += Clock::now() - started_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  std::chrono::duration<double>& sum_;
  Clock::time_point started_ = Clock::now();
};

/// One call of kill_at_every_instruction.
class Harness {
 public:
  Harness(const Scenario& scenario, const Options& options) : scenario_(scenario), options_(options) {
    report_.scenario = scenario.name;
  }

  KillReport run() {
    {
      const Stopwatch total(report_.total);
      try {
        // Twice, the first being a rehearsal: what happens only once in this process, as a heap's first growth,
        // is over then.
        record_window();
        record_window();
      } catch (const VictimStuck& stuck) {
        throw std::logic_error("the kill scenario '" + scenario_.name +
                               "', which nobody kills yet: " + stuck.what());
      }
      kill_everywhere();
    }
    return std::move(report_);
  }

 private:
  // The uninterrupted run --------------------------------------------------------------------------------------

  void record_window() {
    run_prepare(scenario_, options_);
    Tracee tracee(scenario_.victim, options_.watchdog);
    enter_window(tracee);
    {
      const Stopwatch stepping(report_.stepping);
      recording_ = record(tracee, options_);
    }
    anchors_ = recording_.anchors();
    count_recording();
    const KillPoint point = end_recording(tracee);
    check(point);
  }

  KillPoint end_recording(Tracee& tracee) {
    KillPoint point{.where = Where::finished, .step = recording_.steps.size()};
    switch (recording_.ending) {
      case Recording::Ending::reached_end:
      case Recording::Ending::executed:
      case Recording::Ending::ended:
        tracee.run_to_own_end();
        require_good_end(tracee);
        break;
      case Recording::Ending::blocked:
        tracee.kill();
        point = point_at({recording_.steps.size() - 1, Where::in_call});
        report_.blocked = true;
        break;
      case Recording::Ending::cut:
        tracee.kill();
        point = point_at({recording_.steps.size(), Where::instruction});
        report_.cut = true;
        break;
    }
    return point;
  }

  void count_recording() {
    const auto& steps = recording_.steps;
    report_.instructions = steps.size();
    report_.steps += steps.size();
    report_.system_calls =
        static_cast<std::size_t>(std::ranges::count_if(steps, [](const auto& s) { return s.call >= 0; }));
    report_.shared_effects = static_cast<std::size_t>(
        std::ranges::count_if(steps, [](const auto& s) { return s.locked || s.shared_store; }));
    report_.possible = all_targets(recording_).size();
  }

  // The kills --------------------------------------------------------------------------------------------------

  void kill_everywhere() {
    Targets targets = choose_targets(recording_, options_.budget);
    std::size_t records_left = 16;
    for (std::size_t i = 0; i < targets.size() && report_.failures.size() < options_.max_failures; ++i) {
      if (!worth_a_kill(targets[i]) || kill_at(targets[i], true)) continue;
      ++report_.diverged;
      if (records_left > 0) {
        // Most often the heap of this process, which victims inherit, has changed for good since the recording: the
        // new way will serve the next victims too. What lies before on it has been killed already.
        --records_left;
        const Target here = targets[i];
        record_window();
        targets = choose_targets(recording_, options_.budget);
        i = static_cast<std::size_t>(std::ranges::lower_bound(targets, here) - targets.begin());
        if (i == targets.size() || kill_at(targets[i], true)) continue;
      }
      kill_at(targets[i], false);
    }
  }

  /// Not where the recording run was killed already.
  [[nodiscard]] bool worth_a_kill(const Target& target) const {
    return target.where != Where::in_call || !report_.blocked || target.step + 1 != recording_.steps.size();
  }

  /// False if the victim did not follow the recording and `fast`, relying on it, cannot say where it is.
  bool kill_at(const Target& target, bool fast) {
    try {
      return run_and_kill_at(target, fast);
    } catch (const VictimStuck& stuck) {
      add_failure(point_at(target), std::string("on the way there: ") + stuck.what(), report_);
      return true;
    }
  }

  bool run_and_kill_at(const Target& target, bool fast) {
    run_prepare(scenario_, options_);
    Tracee tracee(scenario_.victim, options_.watchdog);
    enter_window(tracee);
    Arrival arrival = Arrival::lost;
    {
      const Stopwatch stepping(report_.stepping);
      arrival = fast ? follow_recording(tracee, target.step) : step_from_start(tracee, target.step);
    }
    if (arrival == Arrival::lost) return false;
    if (arrival == Arrival::window_over) {
      finish_early(tracee);
      return true;
    }
    const KillPoint point = arrival == Arrival::asleep
                                ? KillPoint{.where = Where::in_call, .step = target.step}
                                : move_to_edge(tracee, target);
    tracee.kill();
    ++report_.kills;
    check(point);
    return true;
  }

  void enter_window(Tracee& tracee) {
    if (tracee.run_to_window() == Stop::stepped) return;
    throw std::logic_error("the victim of the kill scenario '" + scenario_.name +
                           "' never called begin_window(): it " + tracee.describe_end());
  }

  enum class Arrival {
    at_step,
    asleep,       // in a system call in which the recorded run did not sleep
    window_over,  // the victim ended its window before
    lost          // not where the recording says
  };

  /// By a breakpoint as far as the recording allows, then in steps.
  Arrival follow_recording(Tracee& tracee, std::size_t step) {
    std::size_t at = 0;
    if (options_.breakpoints && anchors_[step] > 0 && Tracee::has_breakpoints()) {
      at = anchors_[step];
      const std::uint64_t anchor = address_of(at);
      if (tracee.run_to(anchor, end_address(), options_.blocked_after) != Stop::stepped ||
          tracee.instruction_pointer() != anchor) {
        return Arrival::lost;
      }
    }
    if (step - at > many_steps) tracee.share_processor();
    for (; at < step; ++at) {
      ++report_.steps;
      if (tracee.step(options_.blocked_after) != Stop::stepped) return Arrival::lost;
    }
    return tracee.instruction_pointer() == address_of(step) ? Arrival::at_step : Arrival::lost;
  }

  /// Exactly `step` instructions, wherever they lead.
  Arrival step_from_start(Tracee& tracee, std::size_t step) {
    tracee.share_processor();
    for (std::size_t at = 0; at < step; ++at) {
      if (tracee.instruction_pointer() == end_address()) return Arrival::window_over;
      ++report_.steps;
      const Stop stop = tracee.step(options_.blocked_after);
      if (stop == Stop::asleep) return Arrival::asleep;
      if (stop != Stop::stepped) return Arrival::window_over;
    }
    return Arrival::at_step;
  }

  void finish_early(Tracee& tracee) {
    tracee.run_to_own_end();
    ++report_.finished_early;
    const KillPoint point{.where = Where::finished, .step = recording_.steps.size()};
    if (!tracee.ended_well()) {
      add_failure(point, "the victim was not killed, but " + tracee.describe_end(), report_);
    }
    check(point);
  }

  /// From the instruction of a system call to its edge or inside. What comes differently is named as it came.
  KillPoint move_to_edge(Tracee& tracee, Target target) {
    const std::uint64_t address = tracee.instruction_pointer();
    if (address != address_of(target.step)) {
      return {.where = Where::instruction, .step = target.step, .address = address};
    }
    if (target.where != Where::instruction && recording_.steps[target.step].call >= 0) {
      Stop stop = tracee.enter_call();
      if (stop == Stop::call_entry && target.where != Where::call_entry) {
        stop = tracee.finish_call(target.where == Where::in_call ? options_.asleep_after
                                                                 : options_.blocked_after);
        if (stop == Stop::asleep) target.where = Where::in_call;
        if (stop == Stop::call_exit) target.where = Where::call_exit;
      }
      if (stop == Stop::stepped) target = {target.step + 1, Where::instruction};
    }
    return point_at(target);
  }

  void check(const KillPoint& point) { run_check(scenario_, options_, point, report_); }

  void require_good_end(const Tracee& tracee) const {
    if (tracee.ended_well()) return;
    throw std::logic_error("the victim of the kill scenario '" + scenario_.name +
                           "' does not even work when nobody kills it: it " + tracee.describe_end() +
                           " after " + std::to_string(recording_.steps.size()) +
                           " instructions of its window");
  }

  [[nodiscard]] std::uint64_t address_of(std::size_t step) const {
    if (step < recording_.steps.size()) return recording_.steps[step].address;
    return recording_.ending == Recording::Ending::reached_end ? end_address() : 0;
  }

  [[nodiscard]] KillPoint point_at(const Target& target) const {
    KillPoint point{.where = target.where, .step = target.step, .address = address_of(target.step)};
    if (target.where != Where::instruction) point.call = recording_.steps[target.step].call;
    if (point.address == 0 || in_main_program(point.address)) return point;
    for (std::size_t i = std::min(target.step, recording_.steps.size()); i > 0; --i) {
      if (!in_main_program(recording_.steps[i - 1].address)) continue;
      point.caller = recording_.steps[i - 1].address;
      break;
    }
    return point;
  }

  const Scenario& scenario_;
  const Options& options_;
  Recording recording_;
  std::pmr::vector<std::size_t> anchors_{harness_memory()};
  KillReport report_;
};

std::optional<std::string> find_obstacle() {
#if !defined(__x86_64__)
  return "the kill harness steps x86-64 processors only";
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return "the kill harness runs uninstrumented only: sanitizers do not bear being stepped";
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "the kill harness runs uninstrumented only: sanitizers do not bear being stepped";
#else
  try {
    Tracee probe([] { begin_window(); }, std::chrono::seconds(10));
    if (probe.run_to_window() == Stop::stepped && probe.step(std::chrono::seconds(1)) == Stop::stepped) {
      return std::nullopt;
    }
    return "a child process cannot be stepped here: ptrace is probably forbidden";
  } catch (const std::exception& error) {
    return std::string("a child process cannot be stepped here: ") + error.what();
  }
#endif
}

}  // namespace

void end_window() {
  if (detail::window_mode == detail::WindowMode::hooked) detail::end_hook();
}

const std::optional<std::string>& stepping_unavailable() {
  static const std::optional<std::string> obstacle = find_obstacle();
  return obstacle;
}

KillReport kill_at_every_instruction(const Scenario& scenario, const Options& options) {
  require_complete(scenario);
  if (stepping_unavailable()) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            *stepping_unavailable());
  }
  return Harness(scenario, options).run();
}

void expect_survives_every_kill(const Scenario& scenario, const Options& options) {
  if (stepping_unavailable()) GTEST_SKIP() << *stepping_unavailable();
  tell_test(kill_at_every_instruction(scenario, options));
}

}  // namespace procyon::crash
