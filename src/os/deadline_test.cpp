#include "procyon/detail/os/deadline.hpp"

#include <gtest/gtest.h>

namespace procyon::os {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, NeverDoesNotExpire) {
  EXPECT_FALSE(Deadline::never().expired());
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_EQ(Deadline::never().poll_timeout(), -1);
  EXPECT_EQ(Deadline::never().remaining(), std::chrono::nanoseconds::max());
}

TEST(Deadline, ZeroAndNegativeDurationsHaveExpiredAtOnce) {
  EXPECT_TRUE(Deadline::after(0s).expired());
  EXPECT_TRUE(Deadline::after(-5s).expired());
  EXPECT_TRUE(Deadline::now().expired());
  EXPECT_EQ(Deadline::after(-5s).poll_timeout(), 0);
}

TEST(Deadline, ALaterMomentHasNotExpiredAndCountsDown) {
  const auto deadline = Deadline::after(1h);
  EXPECT_FALSE(deadline.expired());
  EXPECT_LE(deadline.remaining(), 1h);
  EXPECT_GT(deadline.remaining(), 59min);
}

TEST(Deadline, DurationsTooLongToCountNeverExpire) {
  EXPECT_TRUE(Deadline::after(std::chrono::hours::max()).is_never());
  EXPECT_TRUE(Deadline::after(std::chrono::nanoseconds::max()).is_never());
  EXPECT_TRUE(Deadline::after(std::chrono::duration<double>(1e300)).is_never());
}

TEST(Deadline, ASliceNeverOutlivesTheWhole) {
  EXPECT_FALSE(Deadline::never().slice(1h).is_never());
  EXPECT_TRUE(Deadline::now().slice(1h).expired());
  EXPECT_LE(Deadline::after(1s).slice(1h).remaining(), 1s);
}

TEST(Deadline, PollTimeoutRoundsUpSoThatNoWaitSpins) {
  EXPECT_GE(Deadline::after(1us).poll_timeout(), 0);
  EXPECT_LE(Deadline::after(1us).poll_timeout(), 1);
  EXPECT_EQ(Deadline::after(std::chrono::hours(24 * 300)).poll_timeout(), INT_MAX);
}

}  // namespace
}  // namespace procyon::os
