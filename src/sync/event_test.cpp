#include "procyon/event.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>

#include <cstdint>
#include <thread>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/descriptor.hpp"

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

bool readable(int descriptor, int timeout = 0) {
  pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, timeout) == 1;
}

TEST(EventFileno, IsReadableWhileTheEventIsSet) {
  Event event;
  const int descriptor = event.fileno();
  EXPECT_FALSE(readable(descriptor));
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), FD_CLOEXEC);
  for (int round = 0; round < 20; ++round) {
    event.set();
    EXPECT_TRUE(readable(descriptor, 60'000));
    EXPECT_TRUE(event.is_set());
    EXPECT_TRUE(readable(descriptor));
    event.clear();
    EXPECT_FALSE(readable(descriptor));
  }
}

TEST(EventFileno, SaysThatItWasSetBefore) {
  Event event;
  event.set();
  EXPECT_TRUE(readable(event.fileno()));
}

TEST(EventFileno, IsOneForAllCopiesOfAProcess) {
  Event event;
  Event before = event;
  const int descriptor = event.fileno();
  Event after = event;
  EXPECT_EQ(before.fileno(), descriptor);
  EXPECT_EQ(after.fileno(), descriptor);
  after.set();
  EXPECT_TRUE(readable(descriptor, 60'000));
  before.clear();
  EXPECT_FALSE(readable(descriptor));
}

TEST(EventFileno, AnotherProcessSetsAndClearsIt) {
  Event event;
  const int descriptor = event.fileno();
  Event cleared;
  TestProcess other([&] {
    event.set();
    while (event.is_set()) std::this_thread::yield();
    event.set();
    event.clear();
    cleared.set();
    return 0;
  });
  EXPECT_TRUE(readable(descriptor, 60'000));
  event.clear();
  cleared.wait(60s);
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(readable(descriptor));
  EXPECT_EQ(other.wait(), 0);
}

TEST(EventFileno, IsUnreadableSoonAfterAnotherProcessClearedIt) {
  Event event;
  event.set();
  const int descriptor = event.fileno();
  EXPECT_TRUE(readable(descriptor));
  TestProcess other([&] {
    event.clear();
    return 0;
  });
  EXPECT_EQ(other.wait(), 0);
  // Nobody here looks at the event: the watching thread finds it.
  while (readable(descriptor)) std::this_thread::yield();
  event.set();
  EXPECT_TRUE(readable(descriptor, 60'000));
}

TEST(EventFileno, WorksWithAnEpollOfEitherKind) {
  for (const std::uint32_t kind : {0u, static_cast<std::uint32_t>(EPOLLET)}) {
    Event event;
    const os::Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event wanted{};
    wanted.events = EPOLLIN | kind;
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.fileno(), &wanted), 0);
    constexpr int times = 50;
    TestProcess setter([&] {
      for (int time = 0; time < times; ++time) {
        while (event.is_set()) std::this_thread::yield();
        event.set();
      }
      return 0;
    });
    for (int told = 0; told < times;) {
      epoll_event arrived{};
      ASSERT_EQ(::epoll_wait(epoll.get(), &arrived, 1, 60'000), 1) << told;
      if (!event.is_set()) continue;
      ++told;
      event.clear();
    }
    EXPECT_EQ(setter.wait(), 0);
  }
}

TEST(EventFileno, OfAForkedChildIsItsOwn) {
  Event event;
  const int descriptor = event.fileno();
  TestProcess child([&] {
    const int own = event.fileno();
    if (own == descriptor || readable(own)) return 1;
    event.set();
    return readable(own, 60'000) ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(readable(descriptor, 60'000));
}

TEST(EventFileno, EndsWithTheLastCopyAndKeepsNoEventAlive) {
  arena::Session& session = arena::Session::current();
  {
    const Event warm;
    static_cast<void>(warm.fileno());
  }
  const std::size_t used = session.used_bytes();
  int descriptor = -1;
  {
    const Event event;
    descriptor = event.fileno();
    const Event copy = event;  // NOLINT(performance-unnecessary-copy-initialization)
  }
  EXPECT_EQ(session.used_bytes(), used);
  for (int attempt = 0; attempt < 60'000 && ::fcntl(descriptor, F_GETFD) != -1; ++attempt)
    std::this_thread::sleep_for(1ms);  // the watching thread may be looking at it
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
}

}  // namespace
}  // namespace procyon
