#include "procyon/semaphore.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/sync/state_lock.hpp"
#include "procyon/value.hpp"
#include "sync/semaphore_format.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::Gate;
using arena::testing::TestProcess;

template <class Exception, class Action>
std::string sentence(Action action) {
  try {
    action();
  } catch (const Exception& error) {
    return error.what();
  }
  return "";
}

TEST(Semaphore, LetsAsManyInAsItHas) {
  Semaphore semaphore(2);
  EXPECT_EQ(semaphore.get_value(), 2u);
  semaphore.acquire();
  EXPECT_TRUE(semaphore.acquire(0s));
  EXPECT_TRUE(semaphore.locked());
  EXPECT_FALSE(semaphore.acquire(0s));
  EXPECT_FALSE(semaphore.acquire(-1s));
  EXPECT_FALSE(semaphore.acquire(1ms));
  semaphore.release();
  EXPECT_TRUE(semaphore.try_lock());
}

TEST(Semaphore, MayStartWithNoneAndIsReleasedByAnybody) {
  Semaphore semaphore(0);
  TestProcess other([&] {
    semaphore.release(3);
    return 0;
  });
  for (int count = 0; count < 3; ++count) semaphore.acquire();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(semaphore.locked());
}

TEST(Semaphore, AStoppedHolderOfItsLockDelaysOthersNoLongerThanTheirDeadline) {
  Semaphore semaphore(1);
  TestProcess holder([&] {
    const sync::StateLock lock(semaphore.reference().get<sync::SemaphoreState>().lock, [] {});
    ::raise(SIGSTOP);
    return 0;
  });
  holder.wait_until_stopped();
  EXPECT_FALSE(semaphore.acquire(1ms));
  EXPECT_FALSE(semaphore.permit(0s));
  EXPECT_FALSE(semaphore.permit(1ms));
  holder.go_on();
  EXPECT_TRUE(semaphore.acquire(60s));
  EXPECT_EQ(holder.wait(), 0);
}

TEST(Semaphore, RefusesAValueThatItCannotHave) {
  EXPECT_EQ(sentence<std::invalid_argument>([] { Semaphore semaphore(-1); }),
            "procyon: a Semaphore starts with 0 to 2147483647, not with -1");
  EXPECT_EQ(sentence<std::invalid_argument>([] { BoundedSemaphore semaphore(1LL << 31); }),
            "procyon: a BoundedSemaphore starts with 0 to 2147483647, not with 2147483648");
}

TEST(Semaphore, TellsWhetherNoneCouldBeTaken) {
  Semaphore semaphore(1);
  EXPECT_FALSE(semaphore.locked());
  semaphore.acquire();
  EXPECT_TRUE(semaphore.locked());
  EXPECT_FALSE(semaphore.acquire(-1s));
  EXPECT_FALSE(semaphore.acquire(0s));
  EXPECT_FALSE(semaphore.permit(-1s));
  semaphore.release(3);
  EXPECT_EQ(semaphore.get_value(), 3u);
}

TEST(Semaphore, ABatchOfReleasesWakesAsManyAsItHas) {
  Semaphore semaphore(0);
  const auto wait = [&] { return semaphore.acquire(60s) ? 0 : 1; };
  TestProcess first(wait);
  TestProcess second(wait);
  TestProcess third(wait);
  semaphore.release(3);
  EXPECT_EQ(first.wait() + second.wait() + third.wait(), 0);
  EXPECT_EQ(semaphore.get_value(), 0u);
}

TEST(Semaphore, DoesNotCountBeyondItsType) {
  Semaphore semaphore(INT32_MAX);
  EXPECT_EQ(sentence<std::logic_error>([&] { semaphore.release(); }),
            "procyon: this Semaphore cannot count beyond 2147483647");
  semaphore.acquire();
  EXPECT_NE(sentence<std::logic_error>([&] { semaphore.release(2); }), "");
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), static_cast<std::size_t>(INT32_MAX));
}

TEST(BoundedSemaphore, IsNotReleasedMoreOftenThanItWasAcquired) {
  BoundedSemaphore semaphore(2);
  const char* const expected = "procyon: this BoundedSemaphore was released more often than it was acquired";
  EXPECT_EQ(sentence<std::logic_error>([&] { semaphore.release(); }), expected);
  semaphore.acquire();
  semaphore.release();
  EXPECT_EQ(sentence<std::logic_error>([&] { semaphore.release(); }), expected);
  const auto permit = semaphore.permit();
  EXPECT_EQ(sentence<std::logic_error>([&] { semaphore.release(); }), expected)
      << "a permit gives itself back";
  EXPECT_EQ(semaphore.get_value(), 1u);
}

TEST(Semaphore, KeepsItsBoundBetweenProcesses) {
  constexpr int bound = 2;
  Semaphore semaphore(bound);
  Value<int> inside(0);
  const auto work = [&] {
    for (int round = 0; round < 300; ++round) {
      semaphore.acquire();
      if (inside.with([](int& count) { return ++count; }) > bound) return 1;
      inside.with([](int& count) { --count; });
      semaphore.release();
    }
    return 0;
  };
  TestProcess first(work);
  TestProcess second(work);
  TestProcess third(work);
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(third.wait(), 0);
  EXPECT_EQ(semaphore.get_value(), 2u);
}

TEST(Semaphore, IsLockable) {
  Semaphore semaphore(1);
  {
    const std::scoped_lock guard(semaphore);
    EXPECT_TRUE(semaphore.locked());
  }
  EXPECT_FALSE(semaphore.locked());
}

TEST(SemaphorePermit, GoesBackWhenItGoes) {
  Semaphore semaphore(1);
  {
    auto permit = semaphore.permit();
    EXPECT_FALSE(semaphore.permit(0s));
    const auto moved = std::move(permit);
    EXPECT_TRUE(semaphore.locked());
  }
  auto permit = semaphore.permit(0s);
  ASSERT_TRUE(permit);
  permit->release();
  permit->release();
  EXPECT_EQ(semaphore.get_value(), 1u);
}

TEST(SemaphorePermit, ComesBackFromAKilledProcess) {
  Semaphore semaphore(1);
  Gate taken;
  TestProcess victim([&] {
    const auto permit = semaphore.permit();
    taken.open();
    std::this_thread::sleep_for(60s);
    return 0;
  });
  taken.pass();
  EXPECT_FALSE(semaphore.acquire(0s)) << "it lives";
  TestProcess waiter([&] { return semaphore.acquire(60s) ? 0 : 1; });
  victim.kill();
  EXPECT_EQ(waiter.wait(), 0) << "also for one who sleeps already";
}

TEST(SemaphorePermit, ComesBackFromAProcessThatEndsItself) {
  Semaphore semaphore(3);
  TestProcess careless([&] {
    const auto permit = semaphore.permit();
    ::_exit(0);
    return 1;
  });
  EXPECT_EQ(careless.wait(), 0);
  EXPECT_EQ(semaphore.get_value(), 3u);
}

TEST(SemaphorePermit, IsNotGivenBackByAForkedChild) {
  Semaphore semaphore(1);
  std::optional<Semaphore::Permit> permit = semaphore.permit();
  TestProcess child([&] {
    permit.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(semaphore.locked());
}

TEST(Semaphore, BareAcquiresOfTheDeadStayTaken) {
  Semaphore semaphore(1);
  TestProcess victim([&] {
    semaphore.acquire();
    return 0;
  });
  EXPECT_EQ(victim.wait(), 0);
  EXPECT_TRUE(semaphore.locked()) << "anybody may still release it";
  semaphore.release();
  EXPECT_FALSE(semaphore.locked());
}

TEST(SemaphorePermit, SaysWhenThereAreMoreThanItCanKeepBookOf) {
  Semaphore semaphore(0);
  semaphore.release(1000);
  std::vector<Semaphore::Permit> permits;
  for (int count = 0; count < 64; ++count) permits.push_back(semaphore.permit());
  EXPECT_NE(sentence<std::runtime_error>([&] { permits.push_back(semaphore.permit()); }), "");
  EXPECT_EQ(semaphore.get_value(), 936u);
}

TEST(Semaphore, AKilledSleeperKeepsNobodyElseWaiting) {
  Semaphore semaphore(0);
  TestProcess victim([&] { return semaphore.acquire(60s) ? 0 : 1; });
  TestProcess other([&] { return semaphore.acquire(60s) ? 0 : 1; });
  victim.kill();
  semaphore.release();
  EXPECT_EQ(other.wait(), 0);
}

TEST(Semaphore, WakesOneForEachThatIsReleased) {
  Semaphore semaphore(0);
  std::atomic<int> through{0};
  std::vector<std::thread> waiters;
  for (int count = 0; count < 4; ++count)
    waiters.emplace_back([&] {
      semaphore.acquire();
      ++through;
    });
  semaphore.release(2);
  semaphore.release();
  semaphore.release();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(through, 4);
  EXPECT_TRUE(semaphore.locked());
}

}  // namespace
}  // namespace procyon
