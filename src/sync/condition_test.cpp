#include "procyon/condition.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/value.hpp"
#include "sync/condition_format.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

std::uint32_t waiting(const Condition& condition) {
  return condition.reference().get<sync::ConditionState>().waiting.load();
}

// Returns when `count` threads wait: their locks are free.
void until_waiting(Condition& condition, std::uint32_t count) {
  while (waiting(condition) != count) std::this_thread::yield();
  const std::scoped_lock guard(condition);
}

std::string misuse(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

TEST(Condition, WakesOneForEachThatIsNotified) {
  Condition condition;
  Value<int> through(0);
  const auto wait = [&] {
    const std::scoped_lock guard(condition);
    condition.wait();
    ++through.value();
    return 0;
  };
  TestProcess first(wait);
  TestProcess second(wait);
  TestProcess third(wait);
  until_waiting(condition, 3);
  const auto notify = [&](std::size_t count) {
    const std::scoped_lock guard(condition);
    condition.notify(count);
  };
  notify(1);
  until_waiting(condition, 2);
  // For longer than a slice, in which everybody looks around.
  {
    const std::scoped_lock guard(condition);
    EXPECT_FALSE(condition.wait(150ms));
    EXPECT_EQ(through.value(), 1);
  }
  notify(2);
  EXPECT_EQ(first.wait() + second.wait() + third.wait(), 0);
  EXPECT_EQ(through.value(), 3);
  EXPECT_EQ(waiting(condition), 0u);
}

TEST(Condition, NotifyDoesNotWaitForTheWoken) {
  Condition condition;
  std::thread waiter([&] {
    const std::scoped_lock guard(condition);
    condition.wait();
  });
  until_waiting(condition, 1);
  {
    const std::scoped_lock guard(condition);
    condition.notify_all();  // the waiter cannot go on: this thread holds the lock
    EXPECT_EQ(waiting(condition), 1u);
  }
  waiter.join();
}

TEST(Condition, ANewcomerTakesNoWakeFromThoseBeforeHim) {
  Condition condition;
  TestProcess waiter([&] {
    const std::scoped_lock guard(condition);
    return condition.wait(60s) ? 0 : 1;
  });
  until_waiting(condition, 1);
  {
    const std::scoped_lock guard(condition);
    condition.notify();
    EXPECT_FALSE(condition.wait(0s));
    EXPECT_FALSE(condition.wait(1ms));
  }
  EXPECT_EQ(waiter.wait(), 0);
}

TEST(Condition, NotifyBeforeAnybodyWaitsIsForNobody) {
  Condition condition;
  const std::scoped_lock guard(condition);
  condition.notify_all();
  EXPECT_FALSE(condition.wait(1ms));
  EXPECT_FALSE(condition.wait(-1s));
}

TEST(Condition, WaitsForAPredicate) {
  Condition condition;
  Value<int> number(0);
  TestProcess counter([&] {
    for (int step = 0; step < 100; ++step) {
      const std::scoped_lock guard(condition);
      ++number.value();
      condition.notify_all();
    }
    return 0;
  });
  {
    const std::scoped_lock guard(condition);
    condition.wait_for([&] { return number.value() == 100; });
    EXPECT_TRUE(condition.wait_for([&] { return number.value() == 100; }, 0s));
    EXPECT_FALSE(condition.wait_for([&] { return number.value() == 101; }, 1ms));
  }
  EXPECT_EQ(counter.wait(), 0);
}

TEST(Condition, FreesARecursiveLockWhollyAndTakesItAsOftenAgain) {
  Condition condition;
  TestProcess other([&] {
    until_waiting(condition, 1);
    const std::scoped_lock guard(condition);
    condition.notify();
    return 0;
  });
  condition.acquire();
  condition.acquire();
  EXPECT_TRUE(condition.wait(60s));
  condition.release();
  EXPECT_TRUE(condition.locked());
  condition.release();
  EXPECT_FALSE(condition.locked());
  EXPECT_EQ(other.wait(), 0);
}

TEST(Condition, SharesALockThatIsThere) {
  Lock lock;
  RLock recursive;
  Condition first(lock);
  Condition second(lock);
  Condition third(recursive);
  {
    const std::scoped_lock guard(lock);
    EXPECT_TRUE(first.locked());
    EXPECT_FALSE(second.try_lock());
    EXPECT_FALSE(first.wait(1ms));
    EXPECT_TRUE(lock.locked());
  }
  const std::scoped_lock guard(third);
  EXPECT_TRUE(recursive.locked());
  EXPECT_TRUE(third.try_lock());
  third.unlock();
}

TEST(Condition, KeepsTheLockThatItSharesAlive) {
  Condition condition = [] {
    const Lock lock;
    return Condition(lock);
  }();
  const Condition again(arena::Reference::open(condition.reference().handle(), sync::condition_type));
  const std::scoped_lock guard(condition);
  EXPECT_TRUE(again.locked());
}

TEST(Condition, WantsItsLockHeld) {
  Condition condition;
  EXPECT_EQ(misuse([&] { condition.wait(); }),
            "procyon: wait() of a Condition whose lock this thread does not hold; take it before, by "
            "std::scoped_lock or acquire()");
  EXPECT_EQ(misuse([&] { condition.notify(); }),
            "procyon: notify() of a Condition whose lock this thread does not hold; take it before, by "
            "std::scoped_lock or acquire()");
  EXPECT_NE(misuse([&] { condition.release(); }), "");
}

TEST(Condition, AKilledWaiterLosesNoWakeOfTheOthers) {
  Condition condition;
  const auto wait = [&] {
    const std::scoped_lock guard(condition);
    return condition.wait(60s) ? 0 : 1;
  };
  TestProcess victim(wait);
  until_waiting(condition, 1);
  TestProcess other(wait);
  until_waiting(condition, 2);
  victim.kill();
  {
    const std::scoped_lock guard(condition);
    condition.notify();
  }
  EXPECT_EQ(other.wait(), 0);
}

TEST(Condition, AWakeOfOneWhoIsKilledBeforeHeTookItGoesToAnother) {
  Condition condition;
  const auto wait = [&] {
    const std::scoped_lock guard(condition);
    return condition.wait(60s) ? 0 : 1;
  };
  TestProcess victim(wait);
  until_waiting(condition, 1);
  TestProcess other(wait);
  until_waiting(condition, 2);
  {
    const std::scoped_lock guard(condition);
    condition.notify();  // the kernel wakes the first; it cannot go on without the lock
    victim.kill();
  }
  EXPECT_EQ(other.wait(), 0);
}

TEST(Condition, TellsOfAnOwnerThatDiedMeanwhile) {
  Condition condition;
  Value<int> repaired(0);
  TestProcess victim([&] {
    until_waiting(condition, 1);
    condition.acquire();
    condition.notify();
    ::_exit(0);
    return 1;
  });
  try {
    const std::scoped_lock guard(condition);
    condition.wait();
    ADD_FAILURE() << "nobody was told";
  } catch (OwnerDied& died) {
    EXPECT_TRUE(condition.locked()) << "the exception holds it, though the guard is gone";
    died.recover();
  }
  EXPECT_FALSE(condition.locked());
  const std::scoped_lock guard(condition);
  EXPECT_EQ(waiting(condition), 0u);
  EXPECT_EQ(victim.wait(), 0);
}

TEST(Condition, TheExceptionHoldsASharedLockThoughTheGuardIsGone) {
  Lock lock;
  Condition condition(lock);
  TestProcess victim([&] {
    until_waiting(condition, 1);
    condition.acquire();
    condition.notify();
    ::_exit(0);
    return 1;
  });
  try {
    const std::scoped_lock guard(condition);
    condition.wait();
    ADD_FAILURE() << "nobody was told";
  } catch (OwnerDied& died) {
    EXPECT_TRUE(lock.locked());
    condition.notify_all();
    died.recover();
  }
  EXPECT_FALSE(lock.locked());
  EXPECT_NE(misuse([&] { lock.release(); }), "");
  try {
    const std::scoped_lock guard(lock);
  } catch (const OwnerDied&) {
    ADD_FAILURE() << "told again after recover()";
  }
  EXPECT_EQ(victim.wait(), 0);
}

TEST(Condition, OneWhoWaitsIsToldWhenTheOwnerDiedBeforeItNotified) {
  Lock lock;
  Condition own;
  Condition shared(lock);
  for (Condition* const condition : {&own, &shared}) {
    TestProcess victim([&] {
      until_waiting(*condition, 2);
      condition->acquire();
      ::_exit(0);
      return 1;
    });
    const auto wait = [&] {
      try {
        const std::scoped_lock guard(*condition);
        return condition->wait(60s) ? 0 : 1;
      } catch (OwnerDied& died) {
        condition->notify_all();
        died.recover();
        return 2;
      }
    };
    TestProcess first(wait);
    TestProcess second(wait);
    EXPECT_EQ(victim.wait(), 0);
    EXPECT_EQ(first.wait() + second.wait(), 2) << "one is told, and notifies the other";
  }
}

}  // namespace
}  // namespace procyon
