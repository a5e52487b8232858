#include "procyon/queue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/event.hpp"
#include "procyon/lock.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

TEST(Queue, GivesBackWhatWasPutInOrder) {
  Queue<std::string> queue;
  EXPECT_TRUE(queue.empty());
  queue.put("one");
  queue.put("two");
  EXPECT_EQ(queue.qsize(), 2u);
  EXPECT_EQ(queue.get(), "one");
  EXPECT_EQ(queue.get_nowait(), "two");
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, AnEmptyOneIsToldInTime) {
  Queue<int> queue;
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), Empty);
  EXPECT_THROW(static_cast<void>(queue.get(1ms)), Empty);
  EXPECT_THROW(static_cast<void>(queue.get(-1s)), Empty);
  EXPECT_EQ(queue.try_get(), std::nullopt);
}

TEST(Queue, ABoundedOneTakesNoMoreThanItsBound) {
  Queue<int> queue(2);
  queue.put(1);
  EXPECT_FALSE(queue.full());
  queue.put_nowait(2);
  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait(3), Full);
  EXPECT_THROW(queue.put(3, 1ms), Full);
  EXPECT_EQ(queue.get(), 1);
  queue.put(3, 0s);
  EXPECT_EQ(queue.get(), 2);
  EXPECT_EQ(queue.get(), 3);
}

TEST(Queue, AWaitingProducerGoesOnWhenThereIsRoom) {
  Queue<int> queue(1);
  queue.put(1);
  TestProcess producer([&] { return queue.put(2, 60s), 0; });
  EXPECT_EQ(queue.get(60s), 1);
  EXPECT_EQ(queue.get(60s), 2);
  EXPECT_EQ(producer.wait(), 0);
}

TEST(Queue, ItsObjectIsSerialisedWhenItIsPut) {
  Queue<std::vector<int>> queue;
  std::vector<int> numbers{1, 2, 3};
  queue.put(numbers);
  numbers[0] = 9;
  EXPECT_EQ(queue.get(), (std::vector<int>{1, 2, 3}));
}

TEST(Queue, MessagesOfAnySizeArriveWhole) {
  Queue<std::string> queue;
  std::vector<std::size_t> sizes{
      0, 1, 7, 8, 200, 504, 505, 2040, 2048, 4096, 16 << 10, (16 << 10) + 1, 70'000, 3 << 20};
  for (std::size_t size : sizes) queue.put(std::string(size, static_cast<char>('a' + size % 26)));
  EXPECT_EQ(queue.qsize(), sizes.size());
  for (std::size_t size : sizes)
    EXPECT_EQ(queue.get(), std::string(size, static_cast<char>('a' + size % 26)));
}

TEST(Queue, TheEndOfTheRingIsCrossedAtEveryOffset) {
  Queue<std::string> queue;
  for (std::size_t round = 0; round < 5000; ++round) {
    const std::string message(round % 61, static_cast<char>('a' + round % 26));
    queue.put(message);
    ASSERT_EQ(queue.get(), message);
  }
}

TEST(Queue, GrowsWithWhatLiesInItAndKeepsTheOrder) {
  Queue<std::uint64_t> queue;
  constexpr std::uint64_t count = 300'000;
  for (std::uint64_t number = 0; number < count; ++number) queue.put(number);
  EXPECT_EQ(queue.qsize(), count);
  for (std::uint64_t number = 0; number < count; ++number) ASSERT_EQ(queue.get(), number);
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, LeavesNothingInTheSessionWhenItGoes) {
  arena::Session& session = arena::Session::current();
  session.recover_everybody();
  const std::size_t before = session.used_bytes();
  {
    Queue<std::string> queue;
    for (int count = 0; count < 10'000; ++count) queue.put(std::string(300, 'x'));
    queue.put(std::string(1 << 20, 'y'));
    EXPECT_GT(session.used_bytes(), before);
  }
  EXPECT_EQ(session.used_bytes(), before);
  session.verify();
}

TEST(Queue, AnEmptyOneTakesFourKibibytes) {
  arena::Session& session = arena::Session::current();
  const std::size_t before = session.used_bytes();
  const Queue<int> queue;
  EXPECT_LE(session.used_bytes() - before, 4096u);
}

TEST(Queue, CarriesSharedObjectsAndKeepsThemAliveOnTheWay) {
  Queue<Lock> locks;
  {
    Lock lock;
    lock.acquire();
    locks.put(lock);
  }
  Lock arrived = locks.get();
  EXPECT_TRUE(arrived.locked());
  arrived.release();
}

TEST(Queue, CarriesAQueueInsideAMessage) {
  Queue<std::pair<int, Queue<std::string>>> requests;
  TestProcess server([&] {
    auto [number, answers] = requests.get(60s);
    answers.put("answer " + std::to_string(number));
    return 0;
  });
  Queue<std::string> answers;
  requests.put({7, answers});
  EXPECT_EQ(answers.get(60s), "answer 7");
  EXPECT_EQ(server.wait(), 0);
}

TEST(Queue, AfterCloseThisObjectRefuses) {
  Queue<int> queue;
  Queue<int> other = queue;
  queue.close();
  EXPECT_THROW(queue.put(1), std::logic_error);
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), std::logic_error);
  other.put(1);
  EXPECT_EQ(other.get(), 1);
}

TEST(Queue, NothingIsLostOrDoubledAmongManyProducersAndConsumers) {
  constexpr int workers = 3;
  constexpr std::uint32_t each = 20'000;
  Queue<std::pair<std::uint32_t, std::uint32_t>> queue(1000);
  Queue<std::uint64_t> sums;
  std::vector<std::unique_ptr<TestProcess>> processes;
  for (std::uint32_t producer = 0; producer < workers; ++producer)
    processes.push_back(std::make_unique<TestProcess>([&, producer] {
      for (std::uint32_t number = 0; number < each; ++number) queue.put({producer, number});
      return 0;
    }));
  for (int consumer = 0; consumer < workers; ++consumer)
    processes.push_back(std::make_unique<TestProcess>([&] {
      std::uint64_t sum = 0;
      std::map<std::uint32_t, std::int64_t> last{{0, -1}, {1, -1}, {2, -1}};
      for (std::uint32_t count = 0; count < each; ++count) {
        const auto [producer, number] = queue.get(60s);
        if (last.at(producer) >= number) return 1;  // first in, first out for each producer
        last.at(producer) = number;
        sum += number;
      }
      sums.put(sum);
      return 0;
    }));
  for (auto& process : processes) EXPECT_EQ(process->wait(), 0);
  std::uint64_t total = 0;
  for (int consumer = 0; consumer < workers; ++consumer) total += sums.get_nowait();
  EXPECT_EQ(total, std::uint64_t{workers} * each * (each - 1) / 2);
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, AConsumerKilledWhileItWaitsCostsTheOthersNothing) {
  Queue<int> queue;
  Event waiting;
  TestProcess victim([&] {
    waiting.set();
    return queue.get();
  });
  TestProcess other([&] { return queue.get(60s); });
  waiting.wait();
  victim.kill();
  queue.put(5);
  EXPECT_EQ(other.wait(), 5);
}

}  // namespace
}  // namespace procyon
