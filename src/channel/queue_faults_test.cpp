// Faults that are no death inside the queue: exhausted memory, stopped holders of its locks, wrapped counters, forks of the
// user's beside running threads.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "arena/test_process.hpp"
#include "channel/queue_format.hpp"
#include "channel/queue_parts.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/errors.hpp"
#include "procyon/joinable_queue.hpp"
#include "procyon/queue.hpp"
#include "procyon/wait.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::Gate;
using arena::testing::TestProcess;

channel::QueueState& state_of(const auto& queue) {
  return queue.reference().template get<channel::QueueState>();
}

TEST(QueueFaults, ExhaustedMemoryIsToldByPutAndTheQueueGoesOn) {
  if (arena::Session::existing() != nullptr) GTEST_SKIP() << "needs a session of its own: run it alone";
  TestProcess process([] {
    ::setenv("PROCYON_ARENA_SIZE", "32M", 1);
    Queue<std::string> queue;
    const std::string megabyte(1 << 20, 'x');
    std::size_t put = 0;
    try {
      for (;; ++put) queue.put(megabyte);
    } catch (const SessionError& error) {
      if (std::string(error.what()).find("procyon: ") != 0) return 1;
    }
    if (put < 10 || queue.qsize() != put) return 2;
    for (std::size_t count = 0; count < put; ++count)
      if (queue.get_nowait() != megabyte) return 3;
    queue.put(megabyte);
    return queue.get_nowait() == megabyte && queue.empty() ? 0 : 4;
  });
  EXPECT_EQ(process.wait(), 0);
}

TEST(QueueFaults, PositionsAndSequencesMayWrapAround) {
  Queue<std::string> queue(3);
  channel::QueueState& state = state_of(queue);
  const channel::Mark late{UINT32_MAX - 100, UINT32_MAX - 50};
  state.inside.tail.store(late.bits());
  state.inside.head.store(late.bits());
  state.head_seen.store(late.position);
  for (auto* count : {&state.get_count_seen, &state.tail_seen}) count->store(late.sequence);
  state.put_count.store(late.sequence);
  state.get_count.store(late.sequence);
  for (int round = 0; round < 300; ++round) {
    const std::string text(static_cast<std::size_t>(round % 40), static_cast<char>('a' + round % 26));
    queue.put(text, 0s);
    queue.put(text + "2", 0s);
    EXPECT_EQ(queue.qsize(), 2u);
    queue.put(text + "3", 0s);
    EXPECT_THROW(queue.put_nowait("4"), Full);
    ASSERT_EQ(queue.get_nowait(), text);
    ASSERT_EQ(queue.get_nowait(), text + "2");
    ASSERT_EQ(queue.get_nowait(), text + "3");
    ASSERT_FALSE(queue.try_get());
  }
}

TEST(QueueFaults, AStoppedHolderOfALockDelaysOthersNoLongerThanTheirDeadline) {
  Queue<int> queue;
  queue.put(1);
  TestProcess holder([&] {
    const channel::QueueView view = channel::view_of(queue.reference(), state_of(queue));
    const channel::QueueLock consumers(view.state.get_lock, view, channel::recover_consumers,
                                       os::Deadline::never());
    const channel::QueueLock producers(view.state.put_lock, view, channel::recover_producers,
                                       os::Deadline::never());
    ::raise(SIGSTOP);
    return 0;
  });
  holder.wait_until_stopped();
  EXPECT_FALSE(queue.try_get(1ms));
  EXPECT_FALSE(queue.try_get());
  EXPECT_THROW(queue.put(2, 1ms), Full);
  holder.go_on();
  EXPECT_EQ(queue.get(60s), 1);
  EXPECT_EQ(holder.wait(), 0);
}

// A process that stops inside the producers' lock, and goes on when it is told to.
template <class Q>
std::unique_ptr<TestProcess> stopped_producer(const Q& queue) {
  auto process = std::make_unique<TestProcess>([&] {
    const channel::QueueView view = channel::view_of(queue.reference(), state_of(queue));
    const channel::QueueLock producers(view.state.put_lock, view, channel::recover_producers,
                                       os::Deadline::never());
    ::raise(SIGSTOP);
    return 0;
  });
  process->wait_until_stopped();
  return process;
}

TEST(QueueFaults, AStoppedProducerDelaysThoseWhoAskForTheEndNoLongerThanTheirDeadline) {
  Queue<int> queue(QueueOptions{.end_with_producers = true});
  TestProcess first([&] {
    queue.put(1);
    return 0;
  });
  EXPECT_EQ(queue.get(60s), 1);
  const auto stopped = stopped_producer(queue);
  EXPECT_EQ(first.wait(), 0);
  // The first one is gone, and the stopped one has not put anything yet.
  EXPECT_THROW(static_cast<void>(queue.try_get()), PeerGone);
  EXPECT_THROW(static_cast<void>(queue.get(60s)), PeerGone);
  EXPECT_FALSE(wait({queue}, 60s).empty());
  stopped->go_on();
  queue.put(2);
  EXPECT_EQ(queue.get(60s), 2);
  EXPECT_FALSE(queue.try_get());
  const auto again = stopped_producer(queue);
  EXPECT_FALSE(queue.try_get(1ms));
  EXPECT_TRUE(wait({queue}, 1ms).empty());
}

TEST(QueueFaults, AStoppedProducerDelaysJoinNoLongerThanItsDeadline) {
  JoinableQueue<int> queue;
  const auto stopped = stopped_producer(queue);
  EXPECT_FALSE(queue.join(1ms));
  stopped->go_on();
  EXPECT_TRUE(queue.join(60s));
}

// The one comes before the other goes, all the time: whoever looks at their entries one after the other must not
// find both places empty.
TEST(QueueFaults, ProducersThatTakeTurnsAreNeverGone) {
  Queue<int> queue(QueueOptions{.end_with_producers = true});
  TestProcess consumer([&] {
    while (queue.get(60s) >= 0) {
    }
    EXPECT_THROW(static_cast<void>(queue.get(60s)), PeerGone);
    return testing::Test::HasFailure() ? 1 : 0;
  });
  std::unique_ptr<TestProcess> current;
  for (int number = 0; number < 100; ++number) {
    Gate has_put;
    auto next = std::make_unique<TestProcess>([&] {
      queue.put(number);
      has_put.open();
      ::pause();
      return 0;
    });
    has_put.pass();
    current = std::move(next);
  }
  queue.put(-1);
  queue.close();
  current.reset();
  EXPECT_EQ(consumer.wait(), 0);
}

TEST(QueueFaults, TheUsersForkBesideAThreadInsideTheQueueHarmsNeither) {
  Queue<int> queue;
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::thread busy([&] {
    while (!stop) {
      queue.put(1);
      static_cast<void>(queue.get());
      ++rounds;
    }
  });
  while (rounds < 100) std::this_thread::yield();
  for (int number = 0; number < 30; ++number) {
    TestProcess child([&] {
      queue.put(2);
      return queue.try_get(60s) ? 0 : 1;
    });
    ASSERT_EQ(child.wait(), 0);
  }
  stop = true;
  busy.join();
  EXPECT_TRUE(queue.empty());
}

TEST(QueueFaults, CloseInOneThreadLetsAnotherThatWaitsGoOn) {
  Queue<int> queue;
  Queue<int> other = queue;
  std::atomic<bool> begun{false};
  int got = 0;
  std::thread waits([&] {
    begun = true;
    got = queue.get(60s);
  });
  while (!begun || state_of(queue).get_sleepers.load() == 0) std::this_thread::yield();
  queue.close();
  other.put(7);
  waits.join();
  EXPECT_EQ(got, 7);
  EXPECT_THROW(queue.put(1), std::logic_error);
}

TEST(QueueFaults, ProducersAndConsumersOfABoundOfOneAreKilledInTurn) {
  Queue<int> queue(1);
  for (int round = 0; round < 40; ++round) {
    Gate running;
    const auto produce = [&] {
      for (int number = 0;; ++number) {
        queue.put(number);
        if (number == 5) running.open();
      }
      return 0;
    };
    const auto consume = [&] {
      for (;;) static_cast<void>(queue.get());
      return 0;
    };
    TestProcess producer(produce);
    TestProcess consumer(consume);
    running.pass();
    (round % 2 == 0 ? producer : consumer).kill();
    (round % 2 == 0 ? consumer : producer).kill();
    static_cast<void>(queue.try_get(0s));
    queue.put(-1, 20s);
    EXPECT_TRUE(queue.full());
    EXPECT_EQ(queue.get(20s), -1);
    EXPECT_TRUE(queue.empty());
  }
}

}  // namespace
}  // namespace procyon
