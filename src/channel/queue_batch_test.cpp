// Batches, bounds in bytes, views, and queues that end with their producers.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/event.hpp"
#include "procyon/lock.hpp"
#include "procyon/queue.hpp"
#include "procyon/simple_queue.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

std::vector<int> first_numbers(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(QueueBatch, WhatIsPutTogetherComesInOrder) {
  Queue<int> queue;
  queue.put_many(first_numbers(20'000));
  EXPECT_EQ(queue.qsize(), 20'000u);
  std::vector<int> got;
  while (got.size() < 20'000) {
    const std::vector<int> some = queue.get_many(3000);
    ASSERT_FALSE(some.empty());
    ASSERT_LE(some.size(), 3000u);
    got.insert(got.end(), some.begin(), some.end());
  }
  EXPECT_EQ(got, first_numbers(20'000));
  EXPECT_TRUE(queue.empty());
}

TEST(QueueBatch, SmallAndLargeMessagesKeepTheirOrder) {
  Queue<std::string> queue;
  std::vector<std::string> texts;
  for (std::size_t size : {3, 100'000, 5, 5000, 20'000, 0, 7}) texts.emplace_back(size, 'a');
  for (std::size_t index = 0; index < texts.size(); ++index) texts[index] += std::to_string(index);
  queue.put_many(texts);
  EXPECT_EQ(queue.get_many(100), texts);
}

TEST(QueueBatch, SharedObjectsTravelInIt) {
  Queue<Lock> queue;
  std::vector<Lock> locks(3);
  locks[1].acquire();
  queue.put_many(locks);
  std::vector<Lock> arrived = queue.get_many(10);
  ASSERT_EQ(arrived.size(), 3u);
  EXPECT_TRUE(arrived[1].locked());
  arrived[1].release();
}

TEST(QueueBatch, TakesWhatIsThereAndWaitsForTheFirstOnly) {
  Queue<int> queue;
  EXPECT_TRUE(queue.get_many(5, 0s).empty());
  queue.put(1);
  queue.put(2);
  EXPECT_EQ(queue.get_many(5), (std::vector<int>{1, 2}));
  EXPECT_TRUE(queue.get_many(0).empty());
}

TEST(QueueBatch, ABoundIsKeptAndSaysHowManyWereInTime) {
  Queue<int> queue(3);
  EXPECT_EQ(queue.put_many(first_numbers(10), 1ms), 3u);
  EXPECT_EQ(queue.get_many(10), first_numbers(3));
}

TEST(QueueBatch, WaitsForRoomAsPutDoes) {
  Queue<int> queue(3);
  TestProcess producer([&] { return queue.put_many(first_numbers(1000)), 0; });
  std::vector<int> got;
  while (got.size() < 1000) {
    const std::vector<int> some = queue.get_many(7, 60s);
    ASSERT_FALSE(some.empty());
    got.insert(got.end(), some.begin(), some.end());
  }
  EXPECT_EQ(got, first_numbers(1000));
  EXPECT_EQ(producer.wait(), 0);
}

TEST(QueueBytes, ABoundInBytesHolds) {
  Queue<std::string> queue({.max_bytes = 1000});
  queue.put(std::string(492, 'a'));  // and 8 for its length
  EXPECT_FALSE(queue.full());
  queue.put(std::string(492, 'b'), 0s);
  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait(""), Full);
  EXPECT_EQ(queue.get().front(), 'a');
  queue.put(std::string(100, 'c'), 0s);
  EXPECT_THROW(queue.put_nowait(std::string(400, 'd')), Full);
  EXPECT_EQ(queue.get().front(), 'b');
  queue.put(std::string(400, 'd'), 0s);
  EXPECT_EQ(queue.get().front(), 'c');
  EXPECT_EQ(queue.get().front(), 'd');
  EXPECT_TRUE(queue.empty());
}

TEST(QueueBytes, AMessageThatCanNeverFitIsRefused) {
  Queue<std::string> queue({.max_bytes = 100});
  EXPECT_THROW(queue.put(std::string(101, 'x')), std::length_error);
  queue.put(std::string(92, 'x'), 0s);
  EXPECT_EQ(queue.get().size(), 92u);
}

TEST(QueueBytes, LargeMessagesCountAsWhatTheyAre) {
  Queue<std::string> queue({.max_bytes = 1 << 20});
  queue.put(std::string(600'000, 'x'));
  EXPECT_THROW(queue.put_nowait(std::string(600'000, 'y')), Full);
  TestProcess producer([&] { return queue.put(std::string(600'000, 'y'), 60s), 0; });
  EXPECT_EQ(queue.get(60s).front(), 'x');
  EXPECT_EQ(queue.get(60s).front(), 'y');
  EXPECT_EQ(producer.wait(), 0);
}

TEST(QueueBytes, BatchesKeepTheSum) {
  Queue<int> queue({.max_bytes = 4 * 100});
  EXPECT_EQ(queue.put_many(first_numbers(200), 1ms), 100u);
  EXPECT_EQ(queue.get_many(30).size(), 30u);
  EXPECT_EQ(queue.put_many(first_numbers(200), 1ms), 30u);
}

TEST(QueueView, ALargeMessageIsReadWhereItLies) {
  Queue<std::vector<double>> queue;
  std::vector<double> numbers(100'000, 1.5);
  queue.put(numbers);
  const MessageView<std::vector<double>> view = queue.get_view();
  EXPECT_EQ(view->size(), numbers.size());
  EXPECT_TRUE(std::equal(view->begin(), view->end(), numbers.begin()));
  const arena::Session& session = arena::Session::current();
  const auto* address = reinterpret_cast<const std::byte*>(view->data());
  EXPECT_GE(address, session.base());
  EXPECT_LT(address, session.base() + session.reserved_bytes());
}

TEST(QueueView, ItsMemoryGoesBackWithIt) {
  arena::Session& session = arena::Session::current();
  Queue<std::string> queue;
  const std::size_t before = session.used_bytes();
  queue.put(std::string(1 << 20, 'x'));
  {
    const auto view = queue.try_get_view(0s);
    ASSERT_TRUE(view);
    EXPECT_EQ((*view)->substr(0, 3), "xxx");
    EXPECT_GT(session.used_bytes(), before);
  }
  EXPECT_EQ(session.used_bytes(), before);
}

TEST(QueueView, SmallOnesAndPlainTypesToo) {
  struct Point {
    double x, y;
  };
  Queue<Point> points;
  points.put({1, 2});
  EXPECT_EQ(points.get_view()->y, 2);
  Queue<std::string> texts;
  texts.put("");
  EXPECT_EQ(*texts.get_view(), "");
  EXPECT_FALSE(texts.try_get_view(0s));
}

// The largest header that a message needs, and more than 32 bits of bytes hold.
TEST(Queue, CarriesMoreThanTwoGibibytes) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer takes minutes and many times the memory for this";
#endif
  constexpr std::size_t size = (std::size_t{1} << 31) + 12'345;
  const auto available = static_cast<std::size_t>(::sysconf(_SC_AVPHYS_PAGES)) *
                         static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (available < 3 * size) GTEST_SKIP() << "needs 6 GiB of free memory, there are " << (available >> 30);
  Queue<std::vector<char>> queue;
  {
    std::vector<char> message(size);
    for (std::size_t at = 0; at < size; at += 4096) message[at] = static_cast<char>(at >> 12);
    message.back() = 'z';
    queue.put(message);
  }
  const auto view = queue.get_view();
  ASSERT_EQ(view->size(), size);
  EXPECT_EQ(view->back(), 'z');
  std::size_t wrong = 0;
  for (std::size_t at = 0; at < size - 1; at += 4096) wrong += (*view)[at] != static_cast<char>(at >> 12);
  EXPECT_EQ(wrong, 0u);
}

TEST(QueueProducers, TheirEndIsTold) {
  Queue<int> queue({.end_with_producers = true});
  EXPECT_THROW(static_cast<void>(queue.get(1ms)), Empty) << "there has been no producer yet";
  TestProcess producer([&] { return queue.put(1), queue.put(2), 0; });
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.get(), 2);
  EXPECT_THROW(static_cast<void>(queue.get()), PeerGone);
  EXPECT_THROW(static_cast<void>(queue.get_many(3)), PeerGone);
  EXPECT_EQ(producer.wait(), 0);
}

TEST(QueueProducers, AKilledOneIsNoMoreAndAnotherGoesOn) {
  Queue<int> queue({.end_with_producers = true});
  Event go;
  TestProcess victim([&] {
    queue.put(1);
    for (;;) ::pause();
    return 0;
  });
  TestProcess other([&] {
    queue.put(2);
    go.wait();
    return queue.put(3), 0;
  });
  EXPECT_EQ(queue.get(60s) + queue.get(60s), 3);
  victim.kill();
  EXPECT_THROW(static_cast<void>(queue.get(1ms)), Empty) << "the other lives";
  go.set();
  EXPECT_EQ(queue.get(60s), 3);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_THROW(static_cast<void>(queue.get()), PeerGone);
}

TEST(QueueProducers, CloseLeaves) {
  Queue<int> queue({.end_with_producers = true});
  Queue<int> mine = queue;
  mine.put(1);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), Empty);
  mine.close();
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), PeerGone);
}

TEST(Queue, GetNowaitDoesNotTakeAnothersTakingForEmptiness) {
  Queue<int> queue;
  constexpr int count = 20'000;
  queue.put_many(first_numbers(2 * count));
  const auto take = [&] {
    for (int number = 0; number < count; ++number)
      if (!queue.try_get()) return 1;
    return 0;
  };
  TestProcess one(take);
  TestProcess two(take);
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(two.wait(), 0);
}

TEST(SimpleQueue, PutsAndGets) {
  SimpleQueue<std::string> queue;
  EXPECT_TRUE(queue.empty());
  TestProcess child([&] { return queue.put("from the child"), 0; });
  EXPECT_EQ(queue.get(), "from the child");
  EXPECT_EQ(child.wait(), 0);
  Queue<SimpleQueue<std::string>> carrier;
  carrier.put(queue);
  carrier.get().put("through a queue");
  EXPECT_EQ(queue.get(), "through a queue");
  queue.close();
  EXPECT_THROW(queue.put("x"), std::logic_error);
}

TEST(Queue, AMillionMessagesLeaveTheSessionAsItWas) {
  arena::Session& session = arena::Session::current();
  Queue<std::uint64_t> queue;
  queue.put(0);
  static_cast<void>(queue.get());
  const std::size_t before = session.used_bytes();
  for (std::uint64_t number = 0; number < 1'000'000; ++number) {
    queue.put(number);
    ASSERT_EQ(queue.get(), number);
  }
  EXPECT_EQ(session.used_bytes(), before);
}

}  // namespace
}  // namespace procyon
