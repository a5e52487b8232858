// The process that made a pool is killed at every instruction of making it, of giving it work and of ending it; at every crash
// point of these, in all of its threads; and at random moments of its whole life. Its workers end by themselves, no item has
// run twice, and nothing leaks.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "crash_points.hpp"
#include "orphans.hpp"
#include "procyon/event.hpp"
#include "procyon/pool.hpp"
#include "procyon/value.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

constexpr int items = 6;
using Runs = std::array<int, items>;

int counted(const Value<Runs>& runs, int item) {
  std::atomic_ref<int>(runs.value()[static_cast<std::size_t>(item)]).fetch_add(1);
  return item;
}
void wait_for_ever(Event begun, const Event& never) {
  begun.set();
  never.wait();
}

std::vector<int> all_items() {
  std::vector<int> numbers;
  for (int item = 0; item < items; ++item) numbers.push_back(item);
  return numbers;
}

enum class Phase { making, working, closing, terminating };

std::string name_of(Phase phase) {
  switch (phase) {
    case Phase::making:
      return "making";
    case Phase::working:
      return "working";
    case Phase::closing:
      return "closing";
    case Phase::terminating:
      return "terminating";
  }
  return "";
}
std::string name_of(StartMethod method) {
  return method == StartMethod::forkserver ? "forkserver" : method == StartMethod::spawn ? "spawn" : "fork";
}

/// A master that is killed in one phase of its pool's life.
class MasterRun {
 public:
  MasterRun(StartMethod method, Phase phase) : method_(method), phase_(phase) {}

  [[nodiscard]] Scenario scenario() {
    return {.name = "pool." + name_of(phase_) + ", " + name_of(method_),
            .prepare = [this] { prepare(); },
            .victim = [this] { live(); },
            .check = [this](const KillPoint& point) { check(point); }};
  }
  [[nodiscard]] std::chrono::milliseconds longest_afterlife() const { return longest_afterlife_; }

 private:
  void prepare() {
    adopt_orphans();
    end_orphans();
    runs_.reset();
    begun_.reset();
    never_.reset();
    make_session_like_new();
    runs_.emplace();
    begun_.emplace();
    never_.emplace();
    used_ = used_bytes();
  }

  void live() {
    std::optional<Pool> pool;
    if (phase_ != Phase::making) {
      pool.emplace(PoolOptions{.processes = 2, .start_method = method_, .warm_up = true});
      if (phase_ == Phase::working) pool->map([](int item) { return item; }, all_items());
      if (phase_ == Phase::closing) work(*pool);
      if (phase_ == Phase::terminating) {
        pool->apply_async(wait_for_ever, *begun_, *never_);
        for (int i = 0; i < 4; ++i) pool->apply_async(wait_for_ever, *begun_, *never_);
        begun_->wait();
      }
    }
    begin_window();
    switch (phase_) {
      case Phase::making:
        pool.emplace(PoolOptions{.processes = 2, .start_method = method_});
        break;
      case Phase::working:
        work(*pool);
        break;
      case Phase::closing:
        pool->close();
        pool->join();
        break;
      case Phase::terminating:
        pool.reset();
        break;
    }
    end_window();
    ::_exit(0);  // not exit(), which would end the pool
  }

  void work(Pool& pool) const { pool.map({.chunksize = 2}, partial(counted, *runs_), all_items()); }

  void check(const KillPoint& point) {
    longest_afterlife_ = std::max(longest_afterlife_, expect_everybody_ends());
    const bool has_worked = phase_ == Phase::closing || (phase_ == Phase::working && !point.killed());
    for (const int runs : runs_->value()) {
      EXPECT_LE(runs, 1) << "an item ran twice";
      if (has_worked) {
        EXPECT_EQ(runs, 1) << "an item has not run";
      }
    }
    expect_session_is_whole(used_);
    EXPECT_FALSE(never_->is_set());
  }

  StartMethod method_;
  Phase phase_;
  std::optional<Value<Runs>> runs_;
  std::optional<Event> begun_;
  std::optional<Event> never_;
  std::size_t used_ = 0;
  std::chrono::milliseconds longest_afterlife_{0};
};

/// Windows of tens of thousands of instructions, with processes and threads in them.
Options long_window() {
  Options options = Options::from_environment();
  options.budget = options.budget ? std::min<std::size_t>(*options.budget, 50) : 2'000;
  return options;
}

std::string name_of_each(const testing::TestParamInfo<std::tuple<StartMethod, Phase>>& each) {
  return name_of(std::get<0>(each.param)) + "_" + name_of(std::get<1>(each.param));
}
constexpr std::array all_phases{Phase::making, Phase::working, Phase::closing, Phase::terminating};

class PoolMasterCrash : public testing::TestWithParam<std::tuple<StartMethod, Phase>> {
 protected:
  MasterRun run{std::get<0>(GetParam()), std::get<1>(GetParam())};

  void TearDown() override {
    RecordProperty("longest_afterlife_ms", static_cast<int>(run.longest_afterlife().count()));
  }
};

// What the other start methods do differently is in process_crash_test, and in the two tests below.
class PoolMasterCrashAnywhere : public PoolMasterCrash {};
INSTANTIATE_TEST_SUITE_P(Of, PoolMasterCrashAnywhere,
                         testing::Combine(testing::Values(StartMethod::forkserver),
                                          testing::ValuesIn(all_phases)),
                         name_of_each);
TEST_P(PoolMasterCrashAnywhere, LeavesNothing) {
  // Some hundred system calls, all of which a budget leaves in.
  if (std::get<1>(GetParam()) == Phase::making && Options::from_environment().budget)
    GTEST_SKIP() << "takes minutes: only with PROCYON_KILL_BUDGET=full";
  expect_survives_every_kill(run.scenario(), long_window());
}

class PoolMasterCrashAtPoints : public PoolMasterCrash {};
INSTANTIATE_TEST_SUITE_P(Of, PoolMasterCrashAtPoints,
                         testing::Combine(testing::Values(StartMethod::forkserver, StartMethod::spawn,
                                                          StartMethod::fork),
                                          testing::ValuesIn(all_phases)),
                         name_of_each);
TEST_P(PoolMasterCrashAtPoints, LeavesNothing) {
  expect_survives_every_crash_point(run.scenario(), {.passages_of_a_point = 3});
}

/// A whole life, again and again: pools made, used, hurt and ended.
[[noreturn]] void live_for_ever(StartMethod method, const Value<int>& rounds, const Event& never) {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);  // a fork beside threads is warned of, each time
  for (;;) {
    Pool pool({.processes = 2, .start_method = method});
    pool.map_outcomes(
        {.chunksize = 2},
        [](int item) {
          if (item == 3) ::kill(::getpid(), SIGKILL);
          return item;
        },
        all_items());
    const auto cancelled = pool.apply_async([](const Event& event) { event.wait(); }, never);
    const auto overdue = pool.apply_async(
        {.timeout = 1ms}, [](const Event& event) { event.wait(); }, never);
    pool.apply([](int item) { return item; }, 1);
    cancelled.cancel();
    std::atomic_ref<int>(rounds.value()).fetch_add(1);
  }
}

class PoolMasterKilledAtRandom : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(Under, PoolMasterKilledAtRandom,
                         testing::Values(StartMethod::forkserver, StartMethod::spawn, StartMethod::fork),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(PoolMasterKilledAtRandom, LeavesNothing) {
  adopt_orphans();
  std::mt19937 random(static_cast<unsigned>(GetParam()) + 1);
  std::chrono::milliseconds longest{0};
  const Value<int> rounds;
  const Event never;
  make_session_like_new();
  const std::size_t used = used_bytes();
  for (int kill = 0; kill < 100; ++kill) {
    const pid_t master = ::fork();
    if (master == 0) live_for_ever(GetParam(), rounds, never);
    std::this_thread::sleep_for(
        std::chrono::microseconds(random() % 30'000));  // the moment, not a wait for anything
    ASSERT_EQ(::kill(master, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(master, &status, 0), master);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the master ended by itself: " << status;
    longest = std::max(longest, expect_everybody_ends());
    expect_session_is_whole(used);
    if (HasFailure()) break;
  }
  EXPECT_GT(rounds.value(), 0);
  RecordProperty("longest_afterlife_ms", static_cast<int>(longest.count()));
}

}  // namespace
}  // namespace procyon::crash
