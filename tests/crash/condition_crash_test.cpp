// A process is killed at every instruction of waiting for a condition and of notifying those who wait. Whoever is left
// takes its lock, is told if the dead one held it, and is woken by the next notification.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "procyon/condition.hpp"
#include "session_state.hpp"
#include "stepper.hpp"
#include "sync/condition_format.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

std::uint32_t waiting(const Condition& condition) {
  return condition.reference().get<sync::ConditionState>().waiting.load();
}

/// Calls `action` with the lock held, whether somebody died with it or not.
void with_lock(Condition& condition, const std::function<void()>& action) {
  try {
    const std::scoped_lock guard(condition);
    return action();
  } catch (OwnerDied& died) {
    died.recover();
  }
  const std::scoped_lock guard(condition);
  action();
}

/// Waits until it is notified, or is told that somebody died with the lock. 0 if either came in time.
int wait_in_helper(Condition& condition) {
  with_lock(condition, [] {});  // whoever died with it before does not count
  try {
    const std::scoped_lock guard(condition);
    return condition.wait(20s) ? 0 : 1;
  } catch (OwnerDied& died) {
    died.recover();
    return 0;
  }
}

void start_waiter(Condition& condition) {
  const std::uint32_t before = waiting(condition);
  start_helper([&] { return wait_in_helper(condition); });
  ASSERT_TRUE(comes_true([&] { return waiting(condition) == before + 1; }));
}

/// Somebody new waits and is woken by one notification, or by what the dead left over.
void expect_works(Condition& condition) {
  start_waiter(condition);
  with_lock(condition, [&] { condition.notify(); });
  EXPECT_EQ(end_of_helper(), 0);
}

struct ConditionOperation {
  const char* name;
  std::function<void(Condition&)> arrange = [](Condition&) {};
  std::function<void(Condition&)> window;
  std::function<void(Condition&)> check = [](Condition&) {};
  Options options = Options::from_environment();
};

void expect_condition_survives(const ConditionOperation& what) {
  std::optional<Condition> condition;
  std::size_t used = 0;
  const Scenario scenario{.name = what.name,
                          .prepare =
                              [&] {
                                condition.reset();
                                make_session_like_new();
                                condition.emplace();
                                used = used_bytes();
                                what.arrange(*condition);
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                with_lock(*condition, [&] {
                                  begin_window();
                                  what.window(*condition);
                                  end_window();
                                });
                              },
                          .check =
                              [&](const KillPoint&) {
                                what.check(*condition);
                                expect_works(*condition);
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario, what.options);
}

TEST(ConditionCrash, NotifyWithNobodyThere) {
  expect_condition_survives(
      {.name = "condition.notify, nobody waits", .window = [](Condition& condition) { condition.notify(); }});
}

TEST(ConditionCrash, NotifyOneWhoWaits) {
  expect_condition_survives({.name = "condition.notify, somebody waits",
                             .arrange = start_waiter,
                             .window = [](Condition& condition) { condition.notify(); },
                             .check =
                                 [](Condition& condition) {
                                   with_lock(condition, [&] { condition.notify(); });
                                   EXPECT_EQ(end_of_helper(), 0);
                                 },
                             .options = slow_check()});
}

TEST(ConditionCrash, WaitForWhatNeverComes) {
  expect_condition_survives({.name = "condition.wait, never notified",
                             .window = [](Condition& condition) { condition.wait(); },
                             .options = waiting_window()});
}

TEST(ConditionCrash, WaitBesideOthers) {
  expect_condition_survives({.name = "condition.wait, beside others",
                             .arrange = start_waiter,
                             .window = [](Condition& condition) { condition.wait(); },
                             .check =
                                 [](Condition& condition) {
                                   with_lock(condition, [&] { condition.notify(); });
                                   EXPECT_EQ(end_of_helper(), 0) << "the only one who lives";
                                 },
                             .options = waiting_window()});
}

TEST(ConditionCrash, WaitAndBeNotified) {
  expect_condition_survives({.name = "condition.wait, notified",
                             .arrange =
                                 [](Condition& condition) {
                                   start_helper([&] {
                                     if (!comes_true([&] { return waiting(condition) == 1; })) return 1;
                                     std::this_thread::sleep_for(3ms);  // lets it fall asleep
                                     with_lock(condition, [&] { condition.notify(); });
                                     return 0;
                                   });
                                 },
                             .window = [](Condition& condition) { condition.wait(); },
                             .check =
                                 [](Condition& condition) {
                                   // Killed before it waited, the helper would wait for that in vain.
                                   if (waiting(condition) == 0)
                                     condition.reference().get<sync::ConditionState>().waiting = 1;
                                   EXPECT_EQ(end_of_helper(), 0);
                                 },
                             .options = slow_check()});
}

}  // namespace
}  // namespace procyon::crash
