// A process is killed at every instruction of taking from a semaphore and giving back, bare and as a permit. Afterwards
// as many can be taken as were neither taken bare nor are a living process's permits, each exactly once; sleepers go on.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "crash_points.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/semaphore.hpp"
#include "session_state.hpp"
#include "stepper.hpp"
#include "sync/semaphore_format.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t first_value = 2;

struct SemaphoreOperation {
  const char* name;
  std::function<void(Semaphore&)> arrange = [](Semaphore&) {};  // in the survivor
  std::function<void(Semaphore&)> before_window = [](Semaphore& semaphore) {
    semaphore.acquire();
    semaphore.release();
  };
  std::function<void(Semaphore&)> window;
  std::size_t value_before;  // what a killed operation may leave
  std::size_t value_after;   // what a finished one leaves
  std::function<void(Semaphore&)> before_check = [](Semaphore&) {};
  Options options = Options::from_environment();
};

/// All of it can be taken, and no more.
void expect_value(Semaphore& semaphore, std::size_t value) {
  EXPECT_EQ(semaphore.get_value(), value);
  for (std::size_t count = 0; count < value; ++count) EXPECT_TRUE(semaphore.acquire(0s));
  EXPECT_FALSE(semaphore.acquire(0s));
  semaphore.release();
  EXPECT_TRUE(semaphore.acquire(20s));
}

class SemaphoreScenario {
 public:
  explicit SemaphoreScenario(SemaphoreOperation operation) : operation_(std::move(operation)) {}

  Scenario scenario() {
    return {.name = operation_.name,
            .prepare =
                [this] {
                  semaphore_.reset();
                  make_session_like_new();
                  semaphore_.emplace(first_value);
                  used_ = used_bytes();
                  operation_.arrange(*semaphore_);
                },
            .victim =
                [this] {
                  arena::Session::current().self();
                  operation_.before_window(*semaphore_);
                  begin_window();
                  operation_.window(*semaphore_);
                  end_window();
                },
            .check = [this](const KillPoint& point) { check(point); }};
  }

 private:
  void check(const KillPoint& point) {
    operation_.before_check(*semaphore_);
    const std::size_t value = semaphore_->get_value();
    EXPECT_TRUE(value == operation_.value_after || (point.killed() && value == operation_.value_before))
        << "it has " << value;
    expect_value(*semaphore_, value);
    expect_session_is_whole(used_);
  }

  SemaphoreOperation operation_;
  std::optional<Semaphore> semaphore_;
  std::size_t used_ = 0;
};

void expect_semaphore_survives(const SemaphoreOperation& operation) {
  SemaphoreScenario run(operation);
  expect_survives_every_kill(run.scenario(), operation.options);
}

bool somebody_sleeps(const Semaphore& semaphore) {
  return semaphore.reference().get<sync::SemaphoreState>().sleepers.load() != 0;
}

TEST(SemaphoreCrash, Acquire) {
  expect_semaphore_survives({.name = "semaphore.acquire",
                             .window = [](Semaphore& semaphore) { semaphore.acquire(); },
                             .value_before = 2,
                             .value_after = 1});
}
TEST(SemaphoreCrash, AcquireTheLastPermit) {
  expect_semaphore_survives({.name = "semaphore.permit, the last",
                             .arrange = [](Semaphore& semaphore) { semaphore.acquire(); },
                             .window =
                                 [](Semaphore& semaphore) {
                                   const auto permit = semaphore.permit();
                                   end_window();
                                   ::_exit(0);  // with the permit
                                 },
                             .value_before = 1,
                             .value_after = 1});
}
TEST(SemaphoreCrash, Release) {
  expect_semaphore_survives({.name = "semaphore.release",
                             .window = [](Semaphore& semaphore) { semaphore.release(); },
                             .value_before = 2,
                             .value_after = 3});
}
TEST(SemaphoreCrash, ReleaseAPermit) {
  std::optional<Semaphore::Permit> permit;
  expect_semaphore_survives({.name = "semaphore.permit.release",
                             .before_window = [&](Semaphore& semaphore) { permit = semaphore.permit(); },
                             .window = [&](Semaphore&) { permit->release(); },
                             .value_before = 2,
                             .value_after = 2});
}
TEST(SemaphoreCrash, TakeWhatADeadProcessHeld) {
  expect_semaphore_survives({.name = "semaphore.acquire, of the dead",
                             .arrange =
                                 [](Semaphore& semaphore) {
                                   semaphore.acquire();
                                   let_somebody_die([&] {
                                     static std::optional<Semaphore::Permit> kept;
                                     kept = semaphore.permit();
                                   });
                                 },
                             .before_window = [](Semaphore&) {},
                             .window = [](Semaphore& semaphore) { semaphore.acquire(); },
                             .value_before = 1,
                             .value_after = 0});
}
TEST(SemaphoreCrash, ReleaseWhileSomebodySleeps) {
  expect_semaphore_survives(
      {.name = "semaphore.release, somebody sleeps",
       .arrange =
           [](Semaphore& semaphore) {
             semaphore.acquire();
             semaphore.acquire();
             start_helper([&] { return semaphore.acquire(20s) ? 0 : 1; });
             ASSERT_TRUE(comes_true([&] { return somebody_sleeps(semaphore); }));
           },
       .before_window = [](Semaphore&) {},
       .window = [](Semaphore& semaphore) { semaphore.release(2); },
       .value_before = 0,
       .value_after = 2,
       .before_check =
           [](Semaphore& semaphore) {
             semaphore.release();  // for the sleeper, should the dead one have released none
             EXPECT_EQ(end_of_helper(), 0);
           },
       .options = slow_check()});
}
TEST(SemaphoreCrash, AcquireWhatNobodyReleases) {
  expect_semaphore_survives({.name = "semaphore.acquire, never released",
                             .arrange =
                                 [](Semaphore& semaphore) {
                                   semaphore.acquire();
                                   semaphore.acquire();
                                 },
                             .before_window = [](Semaphore&) {},
                             .window = [](Semaphore& semaphore) { semaphore.acquire(); },
                             .value_before = 0,
                             .value_after = 0,
                             .options = waiting_window()});
}

// The dead one had done its store and died before the copies followed.
void expect_recovery_survives(const char* point, const std::function<void(Semaphore&)>& last_act,
                              std::size_t value) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "this build has no crash points (PROCYON_CRASH_POINTS)";
  const std::string name = std::string("semaphore.acquire after a death at ") + point;
  SemaphoreScenario run({.name = name.c_str(),
                         .arrange =
                             [&](Semaphore& semaphore) {
                               let_somebody_die([&] {
                                 os::arm_crash_point(point);
                                 last_act(semaphore);
                               });
                             },
                         .before_window = [](Semaphore&) {},
                         .window = [](Semaphore& semaphore) { semaphore.acquire(); },
                         .value_before = value,
                         .value_after = value - 1});
  expect_survives_every_kill(run.scenario());
  expect_survives_every_crash_point(run.scenario());
}
TEST(SemaphoreCrash, RecoveryOfAPermitJustTaken) {
  expect_recovery_survives(
      "semaphore.permit.taken", [](Semaphore& semaphore) { semaphore.permit().release(); }, 2);
}
TEST(SemaphoreCrash, RecoveryOfAPermitJustReturned) {
  expect_recovery_survives(
      "semaphore.permit.returned", [](Semaphore& semaphore) { semaphore.permit().release(); }, 2);
}
TEST(SemaphoreCrash, RecoveryOfARelease) {
  expect_recovery_survives(
      "semaphore.released", [](Semaphore& semaphore) { semaphore.release(); }, 3);
}

}  // namespace
}  // namespace procyon::crash
