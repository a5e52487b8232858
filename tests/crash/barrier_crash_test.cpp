// A process is killed at every instruction of waiting at a barrier, of resetting it and of breaking it. Whoever waits there
// passes or is told that it is broken, in bounded time; after reset() it is as new.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>

#include "procyon/barrier.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

/// 0 if all came, or if the barrier broke or was reset. Nobody waits for the whole 20 s.
int wait_in_helper(Barrier& barrier) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    barrier.wait(20s);
  } catch (const BrokenBarrier&) {
  }
  return std::chrono::steady_clock::now() - begin < 19s ? 0 : 1;
}

void start_waiter(Barrier& barrier) {
  start_helper([&] { return wait_in_helper(barrier); });
  ASSERT_TRUE(comes_true([&] { return barrier.n_waiting() == 1; }));
}

void expect_works(Barrier& barrier) {
  barrier.reset();
  EXPECT_EQ(barrier.n_waiting(), 0u);
  start_waiter(barrier);
  EXPECT_EQ(barrier.wait(20s), 1u);
  EXPECT_EQ(end_of_helper(), 0);
  EXPECT_FALSE(barrier.broken());
}

struct BarrierOperation {
  const char* name;
  std::function<void(Barrier&)> arrange = [](Barrier&) {};
  std::function<void(Barrier&)> window;
  std::function<void(Barrier&)> check = [](Barrier&) {};
  Options options = Options::from_environment();
};

void expect_barrier_survives(const BarrierOperation& what) {
  std::optional<Barrier> barrier;
  std::size_t used = 0;
  const Scenario scenario{.name = what.name,
                          .prepare =
                              [&] {
                                barrier.reset();
                                make_session_like_new();
                                barrier.emplace(2);
                                used = used_bytes();
                                what.arrange(*barrier);
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                begin_window();
                                what.window(*barrier);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                what.check(*barrier);
                                expect_works(*barrier);
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario, what.options);
}

TEST(BarrierCrash, WaitForWhoNeverComes) {
  expect_barrier_survives({.name = "barrier.wait, nobody comes",
                           .window = [](Barrier& barrier) { barrier.wait(); },
                           .check =
                               [](Barrier& barrier) {
                                 if (barrier.n_waiting() == 1) {
                                   EXPECT_THROW(barrier.wait(20s), BrokenBarrier) << "the other one is dead";
                                 }
                               },
                           .options = waiting_window()});
}

TEST(BarrierCrash, WaitAsTheLast) {
  expect_barrier_survives({.name = "barrier.wait, the last",
                           .arrange = start_waiter,
                           .window = [](Barrier& barrier) { barrier.wait(); },
                           .check =
                               [](Barrier& barrier) {
                                 if (barrier.n_waiting() == 1 && !barrier.broken()) {
                                   EXPECT_EQ(barrier.wait(20s), 1u) << "the dead one had not come";
                                 }
                                 EXPECT_EQ(end_of_helper(), 0);
                               },
                           .options = slow_check()});
}

TEST(BarrierCrash, ResetWhileSomebodyWaits) {
  expect_barrier_survives({.name = "barrier.reset",
                           .arrange = start_waiter,
                           .window = [](Barrier& barrier) { barrier.reset(); },
                           .check =
                               [](Barrier& barrier) {
                                 if (barrier.n_waiting() == 1) barrier.reset();
                                 EXPECT_EQ(end_of_helper(), 0);
                               },
                           .options = slow_check()});
}

TEST(BarrierCrash, AbortWhileSomebodyWaits) {
  expect_barrier_survives({.name = "barrier.abort",
                           .arrange = start_waiter,
                           .window = [](Barrier& barrier) { barrier.abort(); },
                           .check =
                               [](Barrier& barrier) {
                                 if (!barrier.broken()) barrier.abort();
                                 EXPECT_EQ(end_of_helper(), 0);
                               },
                           .options = slow_check()});
}

}  // namespace
}  // namespace procyon::crash
