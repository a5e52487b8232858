#include "check.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "place.hpp"
#include "watchdog.hpp"

namespace procyon::crash {
namespace {

std::string complaints_of(const std::function<void()>& check) {
  testing::TestPartResultArray results;
  std::string text;
  {
    using Reporter = testing::ScopedFakeTestPartResultReporter;
    // The second, because a test that itself catches this thread's failures would hear of them before the first.
    const Reporter of_all_threads(Reporter::INTERCEPT_ALL_THREADS, &results);
    const Reporter of_this_thread(Reporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    try {
      check();
    } catch (const std::exception& error) {
      text = std::string("check() threw: ") + error.what();
    } catch (...) {
      text = "check() threw something that is no std::exception";
    }
  }
  for (int i = 0; i < results.size(); ++i) {
    const testing::TestPartResult& result = results.GetTestPartResult(i);
    if (!result.failed()) continue;
    if (!text.empty()) text += "\n";
    if (result.file_name() != nullptr) {
      text += std::string(result.file_name()) + ":" + std::to_string(result.line_number()) + ": ";
    }
    text += result.message();
  }
  return text;
}

}  // namespace

void run_prepare(const Scenario& scenario, const Options& options) {
  if (!scenario.prepare) return;
  const TimeLimit limit(options.watchdog, "prepare() of the scenario " + scenario.name);
  scenario.prepare();
}

void run_check(const Scenario& scenario, const Options& options, const KillPoint& point, KillReport& report) {
  // Without std::string, as all that runs between two victims: each inherits this process's heap, and the more alike
  // those are, the more alike the victims' ways.
  std::array<char, 256> what{};
  std::snprintf(what.data(), what.size(), "check() of the scenario %s after a kill at step %zu%s",
                scenario.name.c_str(), point.step, point.killed() ? "" : " (the end: not killed)");
  const TimeLimit limit(options.watchdog, what.data());
  const std::string complaints = complaints_of([&] { scenario.check(point); });
  if (!complaints.empty()) add_failure(point, complaints, report);
}

void add_failure(const KillPoint& point, const std::string& message, KillReport& report) {
  const std::string source = source_of(point.address);
  const std::string text = source.empty() ? message : "at " + source + "\n" + message;
  // At once, too: should a later run bring the program down, this is what came before.
  std::fprintf(stderr, "kill harness: %s, %s: %s\n", report.scenario.c_str(), point.describe().c_str(),
               text.c_str());
  report.failures.push_back({point, text});
}

void require_complete(const Scenario& scenario) {
  if (!scenario.victim || !scenario.check) {
    throw std::logic_error("the kill scenario '" + scenario.name + "' needs a victim and a check");
  }
}

void tell_test(const KillReport& report) {
  std::cout << report << std::endl;
  for (const KillFailure& failure : report.failures) {
    ADD_FAILURE() << report.scenario << ", " << failure.point.describe() << ":\n" << failure.message;
  }
}

}  // namespace procyon::crash
