// Puts and gets of a manager's queues that are begun: orders, waits, and that no message is lost with a result.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "manager/test_stopped.hpp"
#include "manager/test_transports.hpp"
#include "pool/test_support.hpp"
#include "procyon/lock.hpp"
#include "procyon/manager.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using manager::test::Stopped;
using testing::error_of;
using testing::eventually;

class AsyncQueue : public manager::test::OverEitherTransport {};
INSTANTIATE_TEST_SUITE_P(Over, AsyncQueue, manager::test::transports, manager::test::name_of_transport);

TEST_P(AsyncQueue, PutsAndGetsInOrder) {
  const auto queue = manager.Queue<int>();
  std::vector<ManagerResult<int>> got;
  std::vector<ManagerResult<void>> put;
  for (int number = 0; number < 50; ++number) got.push_back(queue.async().get());
  for (int number = 0; number < 100; ++number) put.push_back(queue.async().put(number));
  for (int number = 0; number < 50; ++number) got.push_back(queue.async().get());
  for (int number = 0; number < 100; ++number) EXPECT_EQ(got[static_cast<std::size_t>(number)].get(), number);
  for (ManagerResult<void>& each : put) each.get();
  EXPECT_TRUE(queue.async().empty().get());
  EXPECT_TRUE(queue.empty());
}

TEST_P(AsyncQueue, PutsAndGetsOfAQueueMayWait) {
  const auto queue = manager.Queue<int>(1);
  auto first = queue.async().get();
  EXPECT_THROW(queue.async().get(0s).get(), Empty);
  EXPECT_FALSE(first.ready());
  queue.put(1);
  EXPECT_EQ(first.get(), 1);
  queue.put(2);
  EXPECT_THROW(queue.async().put_nowait(3).get(), Full);
  auto waiting = queue.async().put(3);
  EXPECT_TRUE(queue.async().full().get());
  EXPECT_FALSE(waiting.ready());
  EXPECT_EQ(queue.get(), 2);
  waiting.get();
  EXPECT_EQ(queue.async().qsize().get(), 1u);
  EXPECT_EQ(queue.async().get_many(10).get(), std::vector{3});
}

TEST_P(AsyncQueue, ADroppedGetThatWaitsTakesNothing) {
  const auto queue = manager.Queue<int>();
  static_cast<void>(queue.async().get());
  static_cast<void>(queue.async().get_many(3));
  queue.put(1);
  EXPECT_EQ(queue.get(testing::patience), 1);
}

TEST_P(AsyncQueue, ADroppedGetLeavesWhatItsAnswerHas) {
  const auto queue = manager.Queue<int>();
  for (const int number : {1, 2}) queue.put(number);
  {
    auto both = queue.async().get_many(2);
    EXPECT_TRUE(eventually([&] { return both.ready(); }));
    EXPECT_EQ(queue.try_get(), std::nullopt);  // they are on loan
  }
  EXPECT_EQ((std::set{queue.get(testing::patience), queue.get(testing::patience)}), (std::set{1, 2}));
}

TEST_P(AsyncQueue, ADroppedGetLeavesWhatIsOnItsWay) {
  const auto queue = manager.Queue<int>();
  queue.put(1);
  {
    const Stopped stopped(manager);
    static_cast<void>(queue.async().get());
  }
  static_cast<void>(queue.async().qsize().get());  // the server has seen to what came before
  EXPECT_EQ(queue.get(testing::patience), 1);
}

TEST_P(AsyncQueue, NothingIsLostOrTwiceAmongGetsThatAreDropped) {
  constexpr int count = 400;
  const auto queue = manager.Queue<int>(8);
  std::thread producer([&] {
    for (int number = 0; number < count; ++number) queue.put(number);
  });
  std::mutex mutex;
  std::multiset<int> seen;
  const auto consume = [&](int mine) {
    for (int turn = mine;; ++turn) {
      auto next = queue.async().get();
      if (turn % 3 == 0) continue;  // dropped at any moment
      try {
        const int number = next.get(10ms);
        const std::lock_guard lock(mutex);
        seen.insert(number);
      } catch (const TimeoutError&) {
        const std::lock_guard lock(mutex);
        if (seen.size() == count) return;
      }
    }
  };
  std::vector<std::thread> crew;
  for (int mine = 0; mine < 3; ++mine) crew.emplace_back(consume, mine);
  producer.join();
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(std::vector<int>(seen.begin(), seen.end()), testing::numbers_to(count));
}

TEST_P(AsyncQueue, WhatAKilledClientHadNotTakenComesToOthers) {
  const auto queue = manager.Queue<int>();
  for (int number = 0; number < 20; ++number) queue.put(number);
  Process child(
      [](const QueueProxy<int>& mine) {
        std::vector<ManagerResult<int>> got;
        for (int turn = 0; turn < 30; ++turn) got.push_back(mine.async().get());
        while (!got[19].ready()) std::this_thread::yield();
        ::raise(SIGKILL);
      },
      queue);
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  std::set<int> seen;
  for (int turn = 0; turn < 20; ++turn) seen.insert(queue.get(testing::patience));
  EXPECT_EQ(seen.size(), 20u);
}

TEST_P(AsyncQueue, PutsIntoAJoinableQueue) {
  const auto jobs = manager.JoinableQueue<int>();
  jobs.async().put(1).get();
  EXPECT_EQ(jobs.get(), 1);
  EXPECT_FALSE(jobs.join(0s));
  jobs.task_done();
  jobs.join();
}

TEST_P(AsyncQueue, ABatchPutsIntoQueues) {
  const auto queue = manager.Queue<std::string>(2);
  const auto ages = manager.dict<std::string, int>();
  Batch batch;
  batch.on(ages).set("Ada", 36);
  batch.on(queue).put("a text");
  batch.on(queue).put("another");
  const auto full = batch.on(queue).put_nowait("one too many");
  const auto size = batch.on(queue).qsize();
  batch.run();
  EXPECT_TRUE(batch.outcome(full).error().is<Full>());
  EXPECT_EQ(*batch.outcome(size), 2u);
  EXPECT_EQ(queue.get(), "a text");
}

TEST_P(AsyncQueue, MessagesOfBegunCallsHaveNoSharedObjectsInThem) {
  const auto queue = manager.Queue<Lock>();
  EXPECT_NE(error_of([&] { return queue.async().put(Lock()).get(), 0; }), "");
  queue.put(Lock());
  EXPECT_NE(error_of([&] { return queue.async().get().get(), 0; }).find("it stays in the queue"),
            std::string::npos);
  static_cast<void>(queue.get());
}

}  // namespace
}  // namespace procyon
