#include "procyon/event.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "arena/test_process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

TEST(Event, IsUnsetAtFirstSetAndClearedOnRequest) {
  Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
}

TEST(Event, WaitingReturnsAtOnceWhenSetAndInTimeWhenNot) {
  Event event;
  EXPECT_FALSE(event.wait(1ms));
  EXPECT_FALSE(event.wait(-1s));
  event.set();
  EXPECT_TRUE(event.wait(0s));
  event.wait();
}

TEST(Event, LetsEveryWaitingProcessGoOn) {
  Event event;
  TestProcess first([&] { return event.wait(60s) ? 0 : 1; });
  TestProcess second([&] { return event.wait(60s) ? 0 : 1; });
  event.set();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
}

TEST(Event, WhoIsWokenForAnEventThatWasClearedAgainWaitsForTheNext) {
  Event event;
  TestProcess waiter([&] { return event.wait(60s) ? 0 : 1; });
  for (int pulse = 0; pulse < 100; ++pulse) {
    event.set();
    event.clear();
  }
  event.set();
  EXPECT_EQ(waiter.wait(), 0);
}

TEST(Event, IsSetThoughWhoSetItWasKilledAtOnce) {
  Event event;
  TestProcess waiter([&] { return event.wait(60s) ? 0 : 1; });
  TestProcess setter([&] {
    event.set();
    for (;;) ::pause();
    return 0;
  });
  event.wait(60s);
  setter.kill();
  EXPECT_TRUE(event.is_set());
  EXPECT_EQ(waiter.wait(), 0);
}

TEST(Event, AKilledWaiterKeepsNobodyElseWaiting) {
  Event event;
  TestProcess victim([&] { return event.wait(60s) ? 0 : 1; });
  TestProcess other([&] { return event.wait(60s) ? 0 : 1; });
  victim.kill();
  event.set();
  EXPECT_EQ(other.wait(), 0);
}

TEST(Event, IsPassedBackAndForthBetweenProcesses) {
  Event ping;
  Event pong;
  constexpr int rounds = 1000;
  TestProcess other([&] {
    for (int round = 0; round < rounds; ++round) {
      ping.wait();
      ping.clear();
      pong.set();
    }
    return 0;
  });
  for (int round = 0; round < rounds; ++round) {
    ping.set();
    ASSERT_TRUE(pong.wait(60s));
    pong.clear();
  }
  EXPECT_EQ(other.wait(), 0);
}

}  // namespace
}  // namespace procyon
