// A process is killed at every instruction of starting another, under each start method. What it was about to start runs
// once or never; whatever there is of it ends by itself: no process is stuck or left, nothing leaks, the survivors go on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "crash_points.hpp"
#include "orphans.hpp"
#include "procyon/context.hpp"
#include "procyon/event.hpp"
#include "procyon/process.hpp"
#include "procyon/value.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

void nothing() {}

void count(Value<int> runs) { ++runs.value(); }

void wait_for_ever(Value<int> runs, Event never) {
  ++runs.value();
  never.wait();
}

struct Kind {
  const char* method;
  bool daemon = false;    // and waits for ever
  bool is_first = false;  // of its creator, so that a fork server has to be started too
};

class Start {
 public:
  explicit Start(Kind kind) : kind_(kind) {}

  [[nodiscard]] Scenario scenario() {
    return {.name = std::string("process.start, ") + kind_.method + (kind_.daemon ? ", daemonic" : "") +
                    (kind_.is_first ? ", the first" : ""),
            .prepare = [this] { prepare(); },
            .victim = [this] { start_in_window(); },
            .check = [this](const KillPoint& point) { check(point); }};
  }

 private:
  void prepare() {
    adopt_orphans();
    end_orphans();
    runs_.reset();
    never_.reset();
    make_session_like_new();
    runs_.emplace(0);
    never_.emplace();
    used_ = used_bytes();
  }

  void start_in_window() {
    Context context = get_context(kind_.method);
    // The third child of a fork server is one that it has made in advance.
    for (int i = 0; i < 2 && !kind_.is_first; ++i) {
      Process before = context.Process(nothing);
      before.start();
      before.join();
    }
    Process child = kind_.daemon ? context.Process({.daemon = true}, wait_for_ever, *runs_, *never_)
                                 : context.Process(count, *runs_);
    begin_window();
    child.start();
    end_window();
    ::_exit(0);  // not exit(), which would wait for the child
  }

  void check(const KillPoint& point) {
    expect_everybody_ends();
    const int times = runs_->value();
    EXPECT_LE(times, 1) << "the child ran more than once";
    if (!point.killed() && !kind_.daemon) {
      EXPECT_EQ(times, 1) << "the child was started, and has not run";
    }
    expect_session_is_whole(used_);
    EXPECT_FALSE(never_->is_set());
  }

  Kind kind_;
  std::optional<Value<int>> runs_;
  std::optional<Event> never_;
  std::size_t used_ = 0;
};

/// A window of tens of thousands of instructions, with processes and threads in it.
Options long_window() {
  Options options = Options::from_environment();
  options.budget = options.budget ? std::min<std::size_t>(*options.budget, 150) : 4'000;
  return options;
}

class ProcessCrash : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Under, ProcessCrash, testing::Values("forkserver", "spawn", "fork"),
                         [](const auto& method) { return std::string(method.param); });

TEST_P(ProcessCrash, StartRunsTheChildOnceOrNever) {
  Start start({.method = GetParam()});
  expect_survives_every_kill(start.scenario(), long_window());
}
TEST_P(ProcessCrash, StartOfADaemonLeavesNone) {
  Start start({.method = GetParam(), .daemon = true});
  expect_survives_every_kill(start.scenario(), long_window());
}
TEST_P(ProcessCrash, TheFirstStartLeavesNothing) {
  Start start({.method = GetParam(), .is_first = true});
  expect_survives_every_kill(start.scenario(), long_window());
}
TEST_P(ProcessCrash, StartAtEachCrashPoint) {
  Start start({.method = GetParam()});
  expect_survives_every_crash_point(start.scenario());
}

}  // namespace
}  // namespace procyon::crash
