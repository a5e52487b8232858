#include "procyon/lock.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::Gate;
using arena::testing::TestProcess;

template <class L>
class LockTest : public ::testing::Test {
 protected:
  // Leaves the lock held by a process that was killed.
  void kill_an_owner() {
    Gate held;
    TestProcess owner([&] {
      lock_.lock();
      held.open();
      ::pause();
      return 0;
    });
    held.pass();
    owner.kill();
  }
  L lock_;
};
using LockTypes = ::testing::Types<Lock, RLock>;
TYPED_TEST_SUITE(LockTest, LockTypes);

TYPED_TEST(LockTest, ServesStandardGuards) {
  {
    std::scoped_lock guard(this->lock_);
    EXPECT_TRUE(this->lock_.locked());
  }
  EXPECT_FALSE(this->lock_.locked());
  TypeParam other;
  std::scoped_lock both(this->lock_, other);
  EXPECT_TRUE(other.locked());
}

TYPED_TEST(LockTest, AcquireWithATimeoutSaysWhetherItCameInTime) {
  EXPECT_TRUE(this->lock_.acquire(1s));
  std::thread([&] {
    EXPECT_FALSE(this->lock_.acquire(1ms));
    EXPECT_FALSE(this->lock_.acquire(-1s));
    EXPECT_FALSE(this->lock_.try_lock());
  }).join();
  this->lock_.release();
}

TYPED_TEST(LockTest, ReleasingAFreeOneIsMisuse) { EXPECT_THROW(this->lock_.release(), std::logic_error); }

TYPED_TEST(LockTest, ExcludesOtherProcesses) {
  std::scoped_lock guard(this->lock_);
  TestProcess other([&] { return this->lock_.try_lock() ? 1 : 0; });
  EXPECT_EQ(other.wait(), 0);
}

TYPED_TEST(LockTest, TheDeathOfItsOwnerIsToldUntilItIsRepaired) {
  this->kill_an_owner();
  for (int round = 0; round < 2; ++round) {
    try {
      std::scoped_lock guard(this->lock_);
      FAIL() << "not told in round " << round;
    } catch (OwnerDied&) {
      EXPECT_TRUE(this->lock_.locked());
      EXPECT_FALSE(TestProcess([&] { return this->lock_.acquire(0s) ? 1 : 0; }).wait());
    }
    EXPECT_FALSE(this->lock_.locked());
  }
  try {
    this->lock_.acquire();
  } catch (OwnerDied& died) {
    died.recover();
  }
  EXPECT_FALSE(this->lock_.locked());
  std::scoped_lock guard(this->lock_);
}

TYPED_TEST(LockTest, TryLockTellsOfADeadOwnerToo) {
  this->kill_an_owner();
  EXPECT_THROW(static_cast<void>(this->lock_.try_lock()), OwnerDied);
  EXPECT_THROW(static_cast<void>(this->lock_.acquire(1s)), OwnerDied);
}

TYPED_TEST(LockTest, ACopyOfTheExceptionKeepsTheLock) {
  this->kill_an_owner();
  std::exception_ptr kept;
  try {
    this->lock_.acquire();
  } catch (OwnerDied&) {
    kept = std::current_exception();
  }
  EXPECT_TRUE(this->lock_.locked());
  kept = nullptr;
  EXPECT_FALSE(this->lock_.locked());
}

TYPED_TEST(LockTest, EveryEndOfItsOwnerIsTold) {
  const std::vector<std::function<void()>> ends = {
      [] { ::_exit(0); }, [] { std::quick_exit(0); }, [] { ::raise(SIGTERM); },
      [] { ::execl("/bin/true", "true", nullptr); }};  // another program in the same process is another life
  for (const auto& end : ends) {
    TestProcess owner([&] {
      this->lock_.acquire();
      end();
      return 1;
    });
    owner.wait();
    try {
      this->lock_.acquire();
      ADD_FAILURE() << "not told";
    } catch (OwnerDied& died) {
      died.recover();
    }
    EXPECT_FALSE(this->lock_.locked());
  }
}

TYPED_TEST(LockTest, IsHadAgainWhenAWaiterAndThenTheOwnerIsKilled) {
  TestProcess owner([&] {
    this->lock_.acquire();
    for (;;) ::pause();
    return 0;
  });
  while (!this->lock_.locked()) std::this_thread::yield();
  TestProcess waiter([&] { return this->lock_.acquire(60s) ? 0 : 1; });
  waiter.kill();
  owner.kill();
  EXPECT_THROW(static_cast<void>(this->lock_.acquire(60s)), OwnerDied);
}

TEST(Lock, AnotherProcessMayReleaseIt) {
  Lock lock;
  lock.acquire();
  TestProcess other([&] { return lock.release(), 0; });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), std::logic_error);
}

TEST(RLock, AnotherProcessMayNotReleaseIt) {
  RLock lock;
  lock.acquire();
  TestProcess other([&] {
    try {
      lock.release();
    } catch (const std::logic_error&) {
      return 0;
    }
    return 1;
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(lock.locked());
  lock.release();
}

TEST(RLock, IsTakenAgainWithoutWaitingWhateverTheTimeOut) {
  RLock lock;
  lock.acquire();
  EXPECT_TRUE(lock.acquire(-1s));
  EXPECT_TRUE(lock.acquire(0s));
  EXPECT_TRUE(lock.try_lock());
  for (int level = 0; level < 4; ++level) {
    EXPECT_TRUE(lock.locked());
    lock.release();
  }
  EXPECT_FALSE(lock.locked());
}

TEST(Lock, AnyThreadMayReleaseIt) {
  Lock lock;
  lock.acquire();
  std::thread([&] { lock.release(); }).join();
  EXPECT_FALSE(lock.locked());
}

TEST(Lock, CopiesAreTheSameLock) {
  Lock lock;
  Lock copy = lock;
  lock.acquire();
  EXPECT_TRUE(copy.locked());
  copy.release();
  EXPECT_FALSE(lock.locked());
}

TEST(RLock, TheThreadThatHoldsItTakesItAgain) {
  RLock lock;
  lock.acquire();
  lock.acquire();
  lock.release();
  EXPECT_TRUE(lock.locked());
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST(RLock, OnlyItsOwnerReleasesIt) {
  RLock lock;
  lock.acquire();
  std::thread([&] { EXPECT_THROW(lock.release(), std::logic_error); }).join();
  EXPECT_TRUE(lock.locked());
  lock.release();
}

TEST(Lock, IsRefusedWhereAnotherTypeArrives) {
  Lock lock;
  EXPECT_THROW(RLock(lock.reference()), std::logic_error);
}

}  // namespace
}  // namespace procyon
