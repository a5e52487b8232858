// Conditions of a server: the state machines, with a lock of their own or one that is shared, and with clients that die.
#include "procyon/manager_condition.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>

#include "manager/test_loop.hpp"
#include "procyon/manager_lock.hpp"
#include "procyon/owner_died.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using manager::as_value;
using manager::create_object;
using manager::test::TestLink;
using manager::test::TestLoop;

class ConditionOfAServer : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  std::shared_ptr<TestLink> other = loop.connect();
  ConditionProxy changed = create_object<ConditionProxy>(client);
  ConditionProxy others = other->same(changed);

  std::future<bool> wait_aside() {
    auto waiting = std::async(std::launch::async, [this] {
      const std::scoped_lock guard(others);
      return others.wait(1h);
    });
    loop.wait_for_calls(1);
    return waiting;
  }
};

TEST_F(ConditionOfAServer, NotifyWakesWhoWaits) {
  auto waiting = wait_aside();
  {
    const std::scoped_lock guard(changed);
    changed.notify();
  }
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(changed.locked());
}

TEST_F(ConditionOfAServer, AWaitThatIsTooLateComesBackWithTheLock) {
  auto waiting = wait_aside();
  changed.acquire();
  loop.let_all_time_pass();
  EXPECT_TRUE(changed.locked());
  changed.release();
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE(changed.locked());
}

TEST_F(ConditionOfAServer, TakesTheLockBackAsOftenAsItWasHeld) {
  auto waiting = std::async(std::launch::async, [this] {
    others.acquire();
    others.acquire();
    others.wait();
    others.release();
    const bool still = others.locked();
    others.release();
    return still;
  });
  loop.wait_for_calls(1);
  {
    const std::scoped_lock guard(changed);
    changed.notify_all();
  }
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(changed.locked());
}

TEST_F(ConditionOfAServer, TheDeadAreNotNotified) {
  auto waiting = wait_aside();
  other->die();
  EXPECT_THROW(waiting.get(), ManagerGone);
  const auto third = loop.connect()->same(changed);
  auto alive = std::async(std::launch::async, [&] {
    const std::scoped_lock guard(third);
    return third.wait(1h);
  });
  loop.wait_for_calls(1);
  {
    const std::scoped_lock guard(changed);
    changed.notify(1);
  }
  EXPECT_TRUE(alive.get());
}

TEST_F(ConditionOfAServer, TheDeathOfWhoHeldTheLockIsToldByWait) {
  auto waiting = std::async(std::launch::async, [this] {
    try {
      const std::scoped_lock guard(others);
      others.wait();
      return false;
    } catch (OwnerDied& died) {
      died.recover();
      return true;
    }
  });
  loop.wait_for_calls(1);
  changed.acquire();
  changed.notify();
  client->die();
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(others.locked());
}

TEST_F(ConditionOfAServer, NeedsTheLock) {
  EXPECT_THROW(changed.wait(0s), std::logic_error);
  EXPECT_THROW(changed.notify(), std::logic_error);
}

// One lock, several handles -------------------------------------------------------------------------------------

class ConditionsOnOneLock : public ::testing::Test {
 protected:
  struct Handles {
    RLockProxy lock;
    ConditionProxy filled;
    ConditionProxy emptied;
  };

  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  std::shared_ptr<TestLink> other = loop.connect();
  Handles mine = make();
  Handles others = {other->same(mine.lock), other->same(mine.filled), other->same(mine.emptied)};

  Handles make() {
    const auto lock = create_object<RLockProxy>(client);
    return {lock, create_object<ConditionProxy>(client, as_value(lock)),
            create_object<ConditionProxy>(client, as_value(lock))};
  }
  /// Waits in a condition of the other client, and returns once it does; `waiting` is how many wait then.
  std::future<bool> wait_aside(const ConditionProxy& condition, std::size_t waiting) {
    auto result = std::async(std::launch::async, [&condition] {
      const std::scoped_lock guard(condition);
      return condition.wait(1h);
    });
    loop.wait_for_calls(waiting);
    return result;
  }
};

TEST_F(ConditionsOnOneLock, WhatOneHandleTookAllHold) {
  mine.lock.acquire();
  EXPECT_TRUE(others.lock.locked());
  EXPECT_TRUE(others.filled.locked());
  EXPECT_TRUE(others.emptied.locked());
  EXPECT_FALSE(others.filled.try_lock());
  EXPECT_NO_THROW(mine.filled.notify());
  EXPECT_TRUE(mine.emptied.try_lock());
  mine.filled.release();
  EXPECT_FALSE(others.lock.try_lock());
  mine.emptied.release();
  EXPECT_TRUE(others.lock.try_lock());
}

TEST_F(ConditionsOnOneLock, AReleaseOfOneHandleServesWhoWaitsInAnother) {
  mine.filled.acquire();
  auto waiting = std::async(std::launch::async, [this] { others.lock.acquire(); });
  loop.wait_for_calls(1);
  mine.lock.release();
  waiting.get();
  EXPECT_TRUE(mine.emptied.locked());
}

TEST_F(ConditionsOnOneLock, NotifyWakesThoseOfItsConditionAlone) {
  auto fills = wait_aside(others.filled, 1);
  auto empties = wait_aside(others.emptied, 2);
  {
    const std::scoped_lock guard(mine.lock);
    mine.emptied.notify_all();
  }
  EXPECT_TRUE(empties.get());
  loop.wait_for_calls(1);
  {
    const std::scoped_lock guard(mine.lock);
    mine.filled.notify_all();
  }
  EXPECT_TRUE(fills.get());
}

TEST_F(ConditionsOnOneLock, WaitFreesAllLevelsAndTakesThemBack) {
  auto waiting = std::async(std::launch::async, [this] {
    others.lock.acquire();
    others.filled.acquire();
    others.emptied.acquire();
    const bool notified = others.filled.wait(1h);
    others.lock.release();
    others.lock.release();
    EXPECT_TRUE(others.lock.locked());
    others.lock.release();
    return notified;
  });
  loop.wait_for_calls(1);
  {
    const std::scoped_lock guard(mine.lock);
    mine.filled.notify();
  }
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(mine.lock.locked());
}

TEST_F(ConditionsOnOneLock, AWaitThatIsTooLateWaitsForTheSharedLock) {
  auto waiting = wait_aside(others.filled, 1);
  mine.lock.acquire();
  loop.let_all_time_pass();
  loop.wait_for_calls(1);
  EXPECT_TRUE(mine.lock.locked());
  mine.lock.release();
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE(mine.lock.locked());
}

TEST_F(ConditionsOnOneLock, TheDeathOfTheOwnerIsToldWhicheverHandlesAreUsed) {
  const auto by_each = [](const Handles& handles, auto use) {
    use(handles.lock);
    use(handles.filled);
    use(handles.emptied);
  };
  by_each(mine, [&](const auto& handle) {
    const auto victim = loop.connect();
    victim->same(handle).acquire();
    victim->die();
    by_each(others, [](const auto& next) { EXPECT_THROW(next.acquire(), OwnerDied); });
    try {
      others.filled.acquire();
      FAIL();
    } catch (OwnerDied& died) {
      died.recover();
      EXPECT_TRUE(others.lock.locked());
    }
    by_each(others, [](const auto& next) {
      EXPECT_NO_THROW(next.acquire());
      next.release();
    });
  });
}

TEST_F(ConditionsOnOneLock, TheDeathOfAnOwnerByTheRLockIsToldByWait) {
  auto waiting = std::async(std::launch::async, [this] {
    try {
      const std::scoped_lock guard(others.lock);
      others.filled.wait();
      return false;
    } catch (OwnerDied& died) {
      died.recover();
      return true;
    }
  });
  loop.wait_for_calls(1);
  mine.lock.acquire();
  mine.filled.notify();
  client->die();
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(others.emptied.locked());
}

// All three objects are told of it.
TEST_F(ConditionsOnOneLock, ADeathPassesTheLockOnOnce) {
  mine.lock.acquire();
  std::promise<void> enough;
  auto next = std::async(std::launch::async, [&] {
    try {
      others.emptied.acquire();
      return false;
    } catch (OwnerDied& died) {
      enough.get_future().wait();
      died.recover();
      return true;
    }
  });
  loop.wait_for_calls(1);
  auto last = std::async(std::launch::async, [&] { others.lock.acquire(); });
  loop.wait_for_calls(2);
  client->die();
  loop.wait_for_calls(1);
  enough.set_value();
  EXPECT_TRUE(next.get());
  EXPECT_NO_THROW(last.get());
  EXPECT_TRUE(others.filled.locked());
}

TEST_F(ConditionsOnOneLock, TheLockLivesAsLongAsOneOfItsHandles) {
  auto lock = std::optional(create_object<RLockProxy>(client));
  const auto condition = create_object<ConditionProxy>(client, as_value(*lock));
  const std::size_t before = loop.number_of_objects();
  lock->acquire();
  lock.reset();
  EXPECT_EQ(loop.number_of_objects(), before - 1);
  EXPECT_TRUE(condition.locked());
  EXPECT_NO_THROW(condition.notify());
  client->die();
  EXPECT_THROW(other->same(condition).acquire(), OwnerDied);
}

TEST_F(ConditionsOnOneLock, NothingButAnRLockIsTaken) {
  const auto plain = create_object<LockProxy>(client);
  EXPECT_THROW(create_object<ConditionProxy>(client, as_value(plain)), std::invalid_argument);
}

}  // namespace
}  // namespace procyon
