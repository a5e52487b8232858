// How long replacements wait. No worker takes part.
#include "pool/restart_pace.hpp"

#include <gtest/gtest.h>

namespace procyon::pool {
namespace {

using namespace std::chrono_literals;

TEST(RestartPace, TheFirstAreReplacedAtOnce) {
  RestartPace pace(4);
  for (int end = 0; end < 12; ++end) EXPECT_EQ(pace.delay_of_next(0, 0s), 0ms);
  EXPECT_GT(pace.delay_of_next(0, 0s), 0ms);
}

TEST(RestartPace, ThenEachWaitsTwiceAsLongUpToASecond) {
  RestartPace pace(1);
  for (int end = 0; end < 8; ++end) pace.delay_of_next(0, 0s);
  EXPECT_EQ(pace.delay_of_next(0, 0s), 10ms);
  EXPECT_EQ(pace.delay_of_next(0, 10ms), 20ms);
  EXPECT_EQ(pace.delay_of_next(0, 20ms), 40ms);
  for (int end = 0; end < 100; ++end) EXPECT_LE(pace.delay_of_next(0, 1s), 1000ms);
  EXPECT_EQ(pace.delay_of_next(0, 1s), 1000ms);
}

TEST(RestartPace, WhereWorkGetsDoneNobodyWaits) {
  RestartPace pace(1);
  for (std::uint64_t end = 1; end < 100; ++end) EXPECT_EQ(pace.delay_of_next(end, 0s), 0ms);
  for (int end = 0; end < 20; ++end) pace.delay_of_next(99, 0s);
  EXPECT_GT(pace.delay_of_next(99, 0s), 0ms);
  EXPECT_EQ(pace.delay_of_next(100, 0s), 0ms);
}

TEST(RestartPace, ADeathNowAndThenIsNoStorm) {
  RestartPace pace(1);
  for (int end = 0; end < 100; ++end) EXPECT_EQ(pace.delay_of_next(0, 1min), 0ms);
}

}  // namespace
}  // namespace procyon::pool
