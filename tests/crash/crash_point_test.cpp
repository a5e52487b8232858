// The harness for crash points proves itself, as stepper_test.cpp does for the stepping one.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "crash_points.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "shared_page.hpp"

namespace procyon::crash {
namespace {

struct Journal {
  std::atomic<int> intended;
  std::atomic<int> done;
};

void step(Journal& journal) {
  journal.intended.fetch_add(1);
  os::crash_point("journal.intended");
  journal.done.fetch_add(1);
  os::crash_point("journal.done");
}

Scenario journal_scenario(SharedPage<Journal>& journal, bool recovers) {
  return {.name = recovers ? "journal" : "broken journal",
          .prepare = [&] { journal.reset(); },
          .victim =
              [&] {
                step(*journal);  // before the window: not counted
                begin_window();
                for (int i = 0; i < 3; ++i) step(*journal);
                end_window();
                step(*journal);  // nor after it
              },
          .check =
              [&journal, recovers](const KillPoint&) {
                if (recovers) journal->done.store(journal->intended.load());
                EXPECT_EQ(journal->intended.load(), journal->done.load());
              }};
}

class CrashPointKills : public testing::Test {
 protected:
  void SetUp() override {
    if (!os::crash_points_enabled) GTEST_SKIP() << "this build has no crash points";
  }
};

TEST_F(CrashPointKills, FindABrokenOperationAtItsPoint) {
  SharedPage<Journal> journal;
  const KillReport report = kill_at_every_crash_point(journal_scenario(journal, false));
  EXPECT_EQ(report.kills, 6U);
  ASSERT_EQ(report.failures.size(), 3U);
  EXPECT_EQ(report.failures[0].point.describe(), "killed at passage 1 of the crash point journal.intended");
}

TEST_F(CrashPointKills, PassACorrectOne) {
  SharedPage<Journal> journal;
  expect_survives_every_crash_point(journal_scenario(journal, true), {.least_points = 2});
}

TEST_F(CrashPointKills, AScenarioThatPassesNoPointProvesNothing) {
  const Scenario scenario{.name = "empty",
                          .victim =
                              [] {
                                begin_window();
                                end_window();
                              },
                          .check = [](const KillPoint&) {}};
  EXPECT_THROW(kill_at_every_crash_point(scenario), std::logic_error);
}

TEST_F(CrashPointKills, AVictimThatHangsIsKilledAndTold) {
  const Scenario scenario{.name = "hanging",
                          .victim =
                              [] {
                                begin_window();
                                std::atomic<bool> forever = true;
                                forever.wait(true);
                              },
                          .check = [](const KillPoint&) {}};
  EXPECT_THROW(kill_at_every_crash_point(scenario, {.watchdog = std::chrono::milliseconds(100)}),
               std::runtime_error);
}

}  // namespace
}  // namespace procyon::crash
