#include "procyon/joinable_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/event.hpp"
#include "procyon/lock.hpp"
#include "procyon/owner_died.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

TEST(JoinableQueue, JoinReturnsWhenEverythingIsDone) {
  JoinableQueue<int> queue;
  EXPECT_TRUE(queue.join(0s)) << "nothing was put";
  queue.put(1);
  queue.put(2);
  EXPECT_FALSE(queue.join(1ms));
  static_cast<void>(queue.get());
  queue.task_done();
  static_cast<void>(queue.get());
  EXPECT_FALSE(queue.join(0s)) << "taken is not done";
  queue.task_done();
  queue.join();
}

TEST(JoinableQueue, TaskDoneTooOftenIsTold) {
  JoinableQueue<int> queue;
  EXPECT_THROW(queue.task_done(), std::logic_error);
  queue.put(1);
  EXPECT_THROW(queue.task_done(), std::logic_error) << "nobody has taken it";
  static_cast<void>(queue.get());
  queue.task_done();
  EXPECT_THROW(queue.task_done(), std::logic_error);
}

TEST(JoinableQueue, AnotherProcessMayFinishWhatThisOneTook) {
  JoinableQueue<int> queue;
  queue.put(1);
  static_cast<void>(queue.get());
  TestProcess other([&] { return queue.task_done(), 0; });
  queue.join();
  EXPECT_EQ(other.wait(), 0);
}

TEST(JoinableQueue, WakesWhoeverJoins) {
  JoinableQueue<int> queue;
  queue.put_many(std::vector<int>(100, 1));
  TestProcess worker([&] {
    for (int count = 0; count < 100; ++count) {
      static_cast<void>(queue.get());
      queue.task_done();
    }
    return 0;
  });
  TestProcess other([&] { return queue.join(60s) ? 0 : 1; });
  EXPECT_TRUE(queue.join(60s));
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_EQ(other.wait(), 0);
}

TEST(JoinableQueue, WhatAKilledConsumerTookIsToldByJoin) {
  JoinableQueue<int> queue;
  queue.put_many(std::vector<int>{1, 2, 3});
  Event taken;
  TestProcess victim([&] {
    static_cast<void>(queue.get_many(2));
    taken.set();
    for (;;) ::pause();
    return 0;
  });
  taken.wait();
  const pid_t pid = victim.pid();
  victim.kill();
  static_cast<void>(queue.get());
  queue.task_done();
  for (int round = 0; round < 2; ++round) {  // told until it is repaired
    try {
      queue.join();
      FAIL() << "two messages died with their consumer";
    } catch (const OwnerDied& died) {
      EXPECT_NE(std::string(died.what()).find("2 messages"), std::string::npos) << died.what();
    }
  }
  const std::vector<LostMessages> lost = queue.lost();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].pid, pid);
  EXPECT_EQ(lost[0].count, 2u);
  try {
    queue.join();
  } catch (OwnerDied& died) {
    queue.put(7);
    died.recover();
  }
  EXPECT_TRUE(queue.lost().empty());
  EXPECT_FALSE(queue.join(0s));
  EXPECT_EQ(queue.get(), 7);
  queue.task_done();
  queue.join();
}

TEST(JoinableQueue, ManyConsumersComeAndGoWithoutItsGrowing) {
  JoinableQueue<int> queue;
  arena::Session& session = arena::Session::current();
  std::size_t used = 0;
  for (int round = 0; round < 150; ++round) {
    queue.put(round);
    TestProcess consumer([&] {
      static_cast<void>(queue.get());
      queue.task_done();
      return 0;
    });
    ASSERT_EQ(consumer.wait(), 0);
    session.recover_everybody();
    if (round == 10) used = session.used_bytes();
  }
  EXPECT_TRUE(queue.join(0s));
  EXPECT_EQ(session.used_bytes(), used);
}

TEST(JoinableQueue, TravelsAndCanBePassedAsAQueue) {
  JoinableQueue<int> queue;
  Queue<JoinableQueue<int>> carrier;
  carrier.put(queue);
  JoinableQueue<int> arrived = carrier.get();
  Queue<int> plain = arrived;
  plain.put(3);
  EXPECT_EQ(plain.get(), 3);
  EXPECT_FALSE(arrived.join(0s));
  arrived.task_done();
  queue.join();
  EXPECT_THROW(JoinableQueue<int>(Queue<int>().reference()), std::logic_error);
}

// Leases -----------------------------------------------------------------------------------------------------------

TEST(QueueLease, AcknowledgedItGoesForEver) {
  Queue<std::string> queue;
  queue.put("one");
  {
    Lease<std::string> lease = queue.get_lease();
    EXPECT_EQ(lease.value(), "one");
    EXPECT_EQ(lease.deliveries(), 1u);
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.try_get_lease(0s));
    lease.acknowledge();
    EXPECT_THROW(lease.acknowledge(), std::logic_error);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(QueueLease, WhatIsNotAcknowledgedComesAgainAndFirst) {
  Queue<std::string> queue;
  queue.put_many(std::vector<std::string>{"one", std::string(50'000, 'x'), "three"});
  {
    const Lease<std::string> one = queue.get_lease();
    const Lease<std::string> two = queue.get_lease();
    EXPECT_EQ(queue.qsize(), 1u);
  }
  EXPECT_EQ(queue.qsize(), 3u);
  Lease<std::string> again = queue.get_lease();
  EXPECT_EQ(again.value(), "one");
  EXPECT_EQ(again.deliveries(), 2u);
  again.acknowledge();
  EXPECT_EQ(queue.get().size(), 50'000u);
  EXPECT_EQ(queue.get(), "three");
  EXPECT_FALSE(queue.try_get());
}

TEST(QueueLease, AnotherGetsItWhenItsHolderIsKilled) {
  Queue<std::string> queue;
  queue.put("precious");
  Event taken;
  TestProcess victim([&] {
    const Lease<std::string> lease = queue.get_lease();
    taken.set();
    for (;;) ::pause();
    return 0;
  });
  taken.wait();
  EXPECT_FALSE(queue.try_get());
  victim.kill();
  const auto lease = queue.try_get_lease(60s);
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->value(), "precious");
  EXPECT_EQ(lease->deliveries(), 2u);
  EXPECT_TRUE(queue.lost().empty());
}

TEST(QueueLease, WhoWaitsWhenItIsGivenBackIsWoken) {
  Queue<int> queue;
  queue.put(5);
  Event waiting;
  std::optional<Lease<int>> lease = queue.try_get_lease(0s);
  TestProcess other([&] {
    waiting.set();
    return queue.get(60s);
  });
  waiting.wait();
  lease.reset();
  EXPECT_EQ(other.wait(), 5);
}

TEST(QueueLease, CarriesSharedObjectsAgainAndAgain) {
  Queue<Lock> queue;
  queue.put(Lock());
  for (int round = 0; round < 3; ++round) {
    const Lease<Lock> lease = queue.get_lease();
    EXPECT_FALSE(lease.value().locked());
  }
  Lock lock = queue.get();
  lock.acquire();
  lock.release();
}

TEST(QueueLease, AcknowledgingIsTaskDone) {
  JoinableQueue<int> queue;
  queue.put(1);
  {
    const Lease<int> lease = queue.get_lease();
    EXPECT_FALSE(queue.join(0s));
  }
  EXPECT_FALSE(queue.join(0s)) << "it was given back";
  queue.get_lease().acknowledge();
  queue.join();
  EXPECT_THROW(queue.task_done(), std::logic_error);
}

TEST(QueueLease, ACopyInAForkedChildDoesNothing) {
  Queue<int> queue;
  queue.put(1);
  std::optional<Lease<int>> lease = queue.try_get_lease(0s);
  TestProcess child([&] {
    lease.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(queue.empty());
  lease->acknowledge();
}

TEST(QueueLease, LeavesNothingInTheSession) {
  arena::Session& session = arena::Session::current();
  session.recover_everybody();
  const std::size_t before = session.used_bytes();
  {
    Queue<std::string> queue;
    for (int count = 0; count < 100; ++count) queue.put(std::string(100, 'x'));
    std::vector<Lease<std::string>> leases;
    for (int count = 0; count < 50; ++count) leases.push_back(queue.get_lease());
    for (int count = 0; count < 25; ++count) leases[static_cast<std::size_t>(count)].acknowledge();
  }
  EXPECT_EQ(session.used_bytes(), before);
  session.verify();
}

}  // namespace
}  // namespace procyon
