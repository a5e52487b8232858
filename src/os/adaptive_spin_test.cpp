#include "os/adaptive_spin.hpp"

#include <gtest/gtest.h>

namespace procyon::os {
namespace {

using namespace std::chrono_literals;

// How many of the next waits are no looks.
std::uint32_t skipped_by(SpinHabit& habit) {
  std::uint32_t count = 0;
  while (!habit.is_worth_it()) ++count;
  return count;
}

TEST(SpinHabit, BeginsWithALook) { EXPECT_TRUE(SpinHabit().is_worth_it()); }

TEST(SpinHabit, GoesOnLookingWhileItPays) {
  SpinHabit habit;
  for (int wait = 0; wait < 1'000; ++wait) {
    ASSERT_TRUE(habit.is_worth_it());
    habit.paid();
  }
}

TEST(SpinHabit, SkipsTwiceAsManyWaitsAfterEachLookInVain) {
  SpinHabit habit;
  for (const std::uint32_t expected : {1u, 3u, 7u, 15u, 31u, 63u, 127u, 255u, 255u}) {
    habit.was_in_vain(1ns);
    EXPECT_EQ(skipped_by(habit), expected);
  }
}

TEST(SpinHabit, LooksAtLessThanOnePercentOfTheWaitsThatAreAllLong) {
  SpinHabit habit;
  int looks = 0;
  for (int wait = 0; wait < 100'000; ++wait)
    if (habit.is_worth_it()) {
      ++looks;
      habit.was_in_vain(1ns);
    }
  EXPECT_LT(looks, 1'000);
}

TEST(SpinHabit, MakesUpForALookThatCostMilliseconds) {
  SpinHabit habit;
  habit.was_in_vain(4ms);
  EXPECT_EQ(skipped_by(habit), 8'000u);
  habit.was_in_vain(24h);
  EXPECT_EQ(skipped_by(habit), SpinHabit::most_skipped_at_a_cost);
}

TEST(SpinHabit, LooksAtEveryWaitAgainOnceOneLookHasPaid) {
  SpinHabit habit;
  for (int look = 0; look < 20; ++look) habit.was_in_vain(1ns);
  EXPECT_LE(skipped_by(habit), SpinHabit::most_skipped);
  habit.paid();
  EXPECT_TRUE(habit.is_worth_it());
}

TEST(SpinHabit, RemembersForAWhileThatItWasInVain) {
  SpinHabit habit;
  for (int look = 0; look < 20; ++look) habit.was_in_vain(1ns);
  skipped_by(habit);
  habit.paid();
  habit.was_in_vain(1ns);
  EXPECT_GT(skipped_by(habit), SpinHabit::most_skipped / 2);
  for (int look = 0; look < 8; ++look) habit.paid();
  habit.was_in_vain(1ns);
  EXPECT_EQ(skipped_by(habit), 1u);
}

TEST(AdaptiveSpin, IsTrueWithWhatIsThereAlready) {
  AdaptiveSpin spin;
  EXPECT_EQ(spin.until([] { return true; }, Deadline::never()), may_spin());
}

TEST(AdaptiveSpin, LooksUntilItIsThere) {
  if (!may_spin()) GTEST_SKIP() << "there is one processor";
  // The time may pass before: then a later one succeeds.
  AdaptiveSpin spin;
  bool has_come = false;
  for (int wait = 0; wait < 1'000'000 && !has_come; ++wait) {
    int looks = 0;
    has_come = spin.until([&] { return ++looks == 3; }, Deadline::never());
  }
  EXPECT_TRUE(has_come);
}

TEST(AdaptiveSpin, GivesUpWhatNeverComes) {
  AdaptiveSpin spin;
  for (int wait = 0; wait < 1'000; ++wait) EXPECT_FALSE(spin.until([] { return false; }, Deadline::never()));
}

TEST(AdaptiveSpin, LooksOnceAfterItsDeadline) {
  AdaptiveSpin spin;
  int looks = 0;
  EXPECT_FALSE(spin.until([&] { return ++looks == 2; }, Deadline::now()));
  EXPECT_LE(looks, 1);
}

}  // namespace
}  // namespace procyon::os
