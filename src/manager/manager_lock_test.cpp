// Locks, conditions, semaphores and barriers of a server: the state machines, with clients that die.
#include "procyon/manager_lock.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "manager/test_loop.hpp"
#include "procyon/manager_barrier.hpp"
#include "procyon/manager_condition.hpp"
#include "procyon/manager_semaphore.hpp"
#include "procyon/owner_died.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using manager::create_object;
using manager::test::TestLink;
using manager::test::TestLoop;

// One for each kind of lock; a Lock is used as a client outside the session uses it.
template <class Proxy>
class AnyLock : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  std::shared_ptr<TestLink> other = loop.connect();
  Proxy lock = create_object<Proxy>(client);
  Proxy others = other->same(lock);
};
using LockKinds = ::testing::Types<LockProxy, RLockProxy, ConditionProxy>;
TYPED_TEST_SUITE(AnyLock, LockKinds);

TYPED_TEST(AnyLock, IsHeldByOneAtATime) {
  this->lock.acquire();
  EXPECT_TRUE(this->others.locked());
  EXPECT_FALSE(this->others.try_lock());
  EXPECT_FALSE(this->others.acquire(0s));
  this->lock.release();
  EXPECT_FALSE(this->lock.locked());
  EXPECT_TRUE(this->others.acquire(1h));
  this->others.release();
}

TYPED_TEST(AnyLock, GoesToWhoWaits) {
  this->lock.acquire();
  auto waiting = std::async(std::launch::async, [this] {
    const std::scoped_lock guard(this->others);
    return this->others.locked();
  });
  this->loop.wait_for_calls(1);
  this->lock.release();
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(this->lock.locked());
}

TYPED_TEST(AnyLock, TheDeathOfItsOwnerIsToldToTheNextAndToEachUntilRecover) {
  this->lock.acquire();
  this->client->die();
  try {
    this->others.acquire();
    FAIL();
  } catch (OwnerDied& died) {
    EXPECT_TRUE(this->others.locked());
  }
  EXPECT_FALSE(this->others.locked());
  try {
    const std::scoped_lock guard(this->others);
    FAIL();
  } catch (OwnerDied& died) {
    died.recover();
  }
  EXPECT_FALSE(this->others.locked());
  const std::scoped_lock guard(this->others);
}

TYPED_TEST(AnyLock, TheDeathOfItsOwnerIsToldToWhoWaits) {
  this->lock.acquire();
  auto waiting = std::async(std::launch::async, [this] {
    try {
      this->others.acquire();
      return false;
    } catch (OwnerDied& died) {
      died.recover();
      return true;
    }
  });
  this->loop.wait_for_calls(1);
  this->client->die();
  EXPECT_TRUE(waiting.get());
  EXPECT_FALSE(this->others.locked());
}

TYPED_TEST(AnyLock, AHandlerMayReleaseTheLockItself) {
  this->lock.acquire();
  this->client->die();
  try {
    this->others.acquire();
    FAIL();
  } catch (OwnerDied& died) {
    died.recover();
    this->others.release();
    EXPECT_FALSE(this->others.locked());
  }
  EXPECT_FALSE(this->others.locked());
}

TYPED_TEST(AnyLock, IsNotGivenToTheDead) {
  this->lock.acquire();
  auto waiting = std::async(std::launch::async, [this] { this->others.acquire(); });
  this->loop.wait_for_calls(1);
  this->other->die();
  EXPECT_THROW(waiting.get(), ManagerGone);
  this->lock.release();
  auto third = this->loop.connect()->same(this->lock);
  EXPECT_NO_THROW(third.acquire());
  third.release();
}

TYPED_TEST(AnyLock, ReleasedTooOftenIsAnError) { EXPECT_THROW(this->lock.release(), std::logic_error); }

TYPED_TEST(AnyLock, AcquireThatIsGivenUpEnds) {
  this->lock.acquire();
  auto waiting = std::async(std::launch::async, [this] { this->others.acquire(); });
  this->loop.wait_for_calls(1);
  this->other->cancel_calls();
  EXPECT_THROW(waiting.get(), Cancelled);
  this->lock.release();
  EXPECT_TRUE(this->others.try_lock());
}

template <class Proxy>
class LockOfTheLoop : public AnyLock<Proxy> {};
using LoopKinds = ::testing::Types<RLockProxy, ConditionProxy>;
TYPED_TEST_SUITE(LockOfTheLoop, LoopKinds);

TYPED_TEST(LockOfTheLoop, IsTakenAgainByItsOwner) {
  this->lock.acquire();
  this->lock.acquire();
  this->lock.release();
  EXPECT_FALSE(this->others.try_lock());
  this->lock.release();
  EXPECT_TRUE(this->others.try_lock());
}

TYPED_TEST(LockOfTheLoop, IsReleasedByItsOwnerAlone) {
  this->lock.acquire();
  EXPECT_THROW(this->others.release(), std::logic_error);
  std::thread stranger([this] { EXPECT_THROW(this->lock.release(), std::logic_error); });
  stranger.join();
  EXPECT_TRUE(this->lock.locked());
}

TYPED_TEST(LockOfTheLoop, AWaitEndsWithItsTime) {
  this->lock.acquire();
  auto waiting = std::async(std::launch::async, [this] { return this->others.acquire(1h); });
  this->loop.wait_for_calls(1);
  this->loop.let_all_time_pass();
  EXPECT_FALSE(waiting.get());
  this->lock.release();
  EXPECT_FALSE(this->lock.locked());
}

TEST(LockOfAServer, ServesManyWaitersOneAfterAnother) {
  TestLoop loop;
  auto lock = create_object<LockProxy>(loop.connect());
  int inside = 0;
  std::vector<std::thread> crew;
  for (int number = 0; number < 4; ++number)
    crew.emplace_back([&, mine = loop.connect()->same(lock)] {
      for (int round = 0; round < 50; ++round) {
        const std::scoped_lock guard(mine);
        EXPECT_EQ(inside++, 0);
        --inside;
      }
    });
  for (std::thread& thread : crew) thread.join();
  EXPECT_FALSE(lock.locked());
}

TEST(LockOfAServer, IsTheSameInTheSessionAndOutsideIt) {
  TestLoop loop;
  auto remote = create_object<LockProxy>(loop.connect());
  const auto local = loop.connect(true)->same(remote);
  ASSERT_TRUE(local.local());
  EXPECT_FALSE(remote.local());
  local.acquire();
  EXPECT_FALSE(remote.try_lock());
  auto waiting = std::async(std::launch::async, [&] { remote.acquire(); });
  loop.wait_for_calls(1);
  local.release();
  waiting.get();
  EXPECT_FALSE(local.try_lock());
  local.release();  // anybody may
  EXPECT_FALSE(remote.locked());
}

TEST(LockOfAServer, TheDeathOfARemoteOwnerIsToldInTheSession) {
  TestLoop loop;
  const auto client = loop.connect();
  const auto remote = create_object<LockProxy>(client);
  const auto local = loop.connect(true)->same(remote);
  remote.acquire();
  client->die();
  EXPECT_THROW(local.acquire(), OwnerDied);
  try {
    local.acquire();
    FAIL();
  } catch (OwnerDied& died) {
    died.recover();
  }
  local.acquire();
  local.release();
}

TEST(LockOfAServer, TheDeathOfAFormerRemoteOwnerLeavesNoMark) {
  TestLoop loop;
  const auto client = loop.connect();
  const auto remote = create_object<LockProxy>(client);
  const auto local = loop.connect(true)->same(remote);
  remote.acquire();
  local.release();  // anybody may
  std::thread([&] { local.acquire(); }).join();
  client->die();
  EXPECT_TRUE(local.locked());
  local.release();
  EXPECT_NO_THROW(local.acquire());
  local.release();
}

// Semaphore -----------------------------------------------------------------------------------------------------

class SemaphoreOfAServer : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  std::shared_ptr<TestLink> other = loop.connect();
};

TEST_F(SemaphoreOfAServer, LetsSoManyIn) {
  const auto places = create_object<SemaphoreProxy>(client, std::int64_t{2});
  places.acquire();
  EXPECT_TRUE(places.try_lock());
  EXPECT_FALSE(places.acquire(0s));
  EXPECT_TRUE(places.locked());
  places.release(2);
  places.release();
  EXPECT_EQ(places.get_value(), 3u);
}

TEST_F(SemaphoreOfAServer, ReleaseLetsAsManyInAsWait) {
  const auto places = create_object<SemaphoreProxy>(client, std::int64_t{0});
  auto first = std::async(std::launch::async, [&] { places.acquire(); });
  loop.wait_for_calls(1);
  auto second = std::async(std::launch::async, [&] { return places.acquire(1h); });
  loop.wait_for_calls(2);
  places.release(3);
  first.get();
  EXPECT_TRUE(second.get());
  EXPECT_EQ(places.get_value(), 1u);
}

TEST_F(SemaphoreOfAServer, AWaitEndsWithItsTime) {
  const auto places = create_object<SemaphoreProxy>(client, std::int64_t{0});
  auto waiting = std::async(std::launch::async, [&] { return places.acquire(1h); });
  loop.wait_for_calls(1);
  loop.let_all_time_pass();
  EXPECT_FALSE(waiting.get());
  places.release();
  EXPECT_EQ(places.get_value(), 1u);
}

TEST_F(SemaphoreOfAServer, PermitsOfTheDeadComeBackAndWhatWasAcquiredDoesNot) {
  const auto places = create_object<SemaphoreProxy>(client, std::int64_t{3});
  const auto others = other->same(places);
  auto permit = others.permit();
  auto another = others.permit(1h);
  others.acquire();
  EXPECT_EQ(places.get_value(), 0u);
  auto waiting = std::async(std::launch::async, [&] { places.acquire(); });
  loop.wait_for_calls(1);
  other->die();
  waiting.get();
  EXPECT_EQ(places.get_value(), 1u);
}

TEST_F(SemaphoreOfAServer, APermitGoesBackOnce) {
  const auto places = create_object<SemaphoreProxy>(client, std::int64_t{1});
  {
    auto permit = places.permit();
    EXPECT_EQ(places.permit(0s).has_value(), false);
    permit.release();
    permit.release();
    EXPECT_EQ(places.get_value(), 1u);
  }
  EXPECT_EQ(places.get_value(), 1u);
}

TEST_F(SemaphoreOfAServer, ABoundedOneIsNotReleasedTooOften) {
  const auto places = create_object<BoundedSemaphoreProxy>(client, std::int64_t{2});
  EXPECT_THROW(places.release(), std::logic_error);
  places.acquire();
  EXPECT_THROW(places.release(2), std::logic_error);
  places.release();
  EXPECT_EQ(places.get_value(), 2u);
  EXPECT_THROW(create_object<SemaphoreProxy>(client, std::int64_t{-1}), std::invalid_argument);
}

// Barrier -------------------------------------------------------------------------------------------------------

class BarrierOfAServer : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();

  BarrierProxy make(std::uint64_t parties, const std::string& action = {}) {
    return create_object<BarrierProxy>(client, parties, std::int64_t{-1}, action);
  }
};

TEST_F(BarrierOfAServer, LetsAllGoTogetherWithDifferentNumbers) {
  const auto barrier = make(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::future<std::size_t>> crew;
    for (int number = 0; number < 3; ++number)
      crew.push_back(std::async(std::launch::async, [&] { return barrier.wait(); }));
    std::vector<std::size_t> numbers;
    for (auto& future : crew) numbers.push_back(future.get());
    std::ranges::sort(numbers);
    EXPECT_EQ(numbers, (std::vector<std::size_t>{0, 1, 2}));
  }
  EXPECT_EQ(barrier.parties(), 3u);
  EXPECT_EQ(barrier.n_waiting(), 0u);
}

TEST_F(BarrierOfAServer, IsBrokenByWhoDoesNotComeInTime) {
  const auto barrier = make(2);
  auto waiting = std::async(std::launch::async, [&] { return barrier.wait(1h); });
  loop.wait_for_calls(1);
  loop.let_all_time_pass();
  EXPECT_THROW(waiting.get(), BrokenBarrier);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  EXPECT_THROW(barrier.wait(0s), BrokenBarrier);
}

TEST_F(BarrierOfAServer, IsBrokenByTheDeathOfOneWhoWaits) {
  const auto barrier = make(3);
  const auto other = loop.connect();
  auto survivor = std::async(std::launch::async, [&] { return barrier.wait(); });
  loop.wait_for_calls(1);
  auto victim = std::async(std::launch::async, [&] { return other->same(barrier).wait(); });
  loop.wait_for_calls(2);
  other->die();
  EXPECT_THROW(survivor.get(), BrokenBarrier);
  EXPECT_THROW(victim.get(), ManagerGone);
  EXPECT_TRUE(barrier.broken());
}

TEST_F(BarrierOfAServer, IsNotBrokenByTheDeathOfOneWhoDoesNotWait) {
  const auto barrier = make(2);
  const auto other = loop.connect();
  auto waiting = std::async(std::launch::async, [&] { return barrier.wait(); });
  loop.wait_for_calls(1);
  other->die();
  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(barrier.wait(), 1u);
  EXPECT_EQ(waiting.get(), 0u);
}

TEST_F(BarrierOfAServer, ResetAndAbortSendAwayWhoWaits) {
  const auto barrier = make(2);
  auto waiting = std::async(std::launch::async, [&] { return barrier.wait(); });
  loop.wait_for_calls(1);
  barrier.reset();
  EXPECT_THROW(waiting.get(), BrokenBarrier);
  EXPECT_FALSE(barrier.broken());
  waiting = std::async(std::launch::async, [&] { return barrier.wait(); });
  loop.wait_for_calls(1);
  barrier.abort();
  EXPECT_THROW(waiting.get(), BrokenBarrier);
  EXPECT_TRUE(barrier.broken());
}

TEST_F(BarrierOfAServer, RefusesANumberOfPartiesThatCannotBe) {
  EXPECT_THROW(make(0), std::invalid_argument);
  EXPECT_THROW(make(1'000'000), std::invalid_argument);
}

}  // namespace
}  // namespace procyon
