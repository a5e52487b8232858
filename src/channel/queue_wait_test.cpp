// A queue in wait(), and its fileno() in event loops.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "channel/queue_format.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/sync/doorbell.hpp"
#include "procyon/joinable_queue.hpp"
#include "procyon/pipe.hpp"
#include "procyon/queue.hpp"
#include "procyon/simple_queue.hpp"
#include "procyon/wait.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

template <class T>
bool has_watcher(const Queue<T>& queue) {
  return (queue.reference().template get<channel::QueueState>().get_sleepers.load() & sync::bell_bits) != 0;
}

template <class T>
void wait_for_watcher(const Queue<T>& queue) {
  while (!has_watcher(queue)) std::this_thread::yield();
}

bool readable(int descriptor, int timeout = 0) {
  pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, timeout) == 1;
}

template <class T>
std::size_t drain(Queue<T>& queue) {
  std::size_t count = 0;
  while (queue.try_get()) ++count;
  return count;
}

TEST(QueueWait, AQueueIsReadyWhileItHasAMessage) {
  Queue<int> queue;
  EXPECT_TRUE(wait({queue}, 0s).empty());
  queue.put(1);
  EXPECT_TRUE(wait({queue}).contains(queue));
  EXPECT_EQ(queue.get(), 1);
  EXPECT_TRUE(wait({queue}, 1ms).empty());
}

TEST(QueueWait, AQueueThatHasGrownIsReadyWhileItHasAMessage) {
  Queue<std::string> queue;
  const std::string large(10'000, 'x');
  for (int i = 0; i < 100; ++i) queue.put(large);
  for (int i = 0; i < 100; ++i) {
    ASSERT_FALSE(wait({queue}, 0s).empty()) << i;
    static_cast<void>(queue.get());
  }
  EXPECT_TRUE(wait({queue}, 0s).empty());
  EXPECT_FALSE(queue.try_get());
  EXPECT_TRUE(wait({queue}, 0s).empty());
}

TEST(QueueWait, QueuesAndConnectionsTogether) {
  Queue<int> queue;
  Queue<std::string> words;
  auto [parent, child] = Pipe();
  TestProcess other([&queue, &words, &child = child] {
    wait_for_watcher(queue);
    queue.put(1);
    while (!queue.empty()) std::this_thread::yield();
    wait_for_watcher(words);
    words.put("two");
    while (!words.empty()) std::this_thread::yield();
    wait_for_watcher(words);
    child.send(3);
    return 0;
  });
  EXPECT_TRUE(wait({parent, queue, words}).contains(queue));
  EXPECT_EQ(queue.get_nowait(), 1);
  EXPECT_TRUE(wait({parent, queue, words}).contains(words));
  EXPECT_EQ(words.get_nowait(), "two");
  EXPECT_TRUE(wait({parent, queue, words}).contains(parent));
  EXPECT_EQ(parent.recv<int>(0s), 3);
  EXPECT_EQ(other.wait(), 0);
}

TEST(QueueWait, TheEndOfFileOfAConnectionIsReady) {
  auto [parent, child] = Pipe();
  EXPECT_TRUE(wait({parent}, 0s).empty());
  child.close();
  EXPECT_TRUE(wait({parent}).contains(parent));
}

TEST(QueueWait, AConnectionThatCannotReceiveIsRefused) {
  auto [in, out] = Pipe(one_way);
  EXPECT_THROW(static_cast<void>(wait({out}, 0s)), std::logic_error);
  in.close();
  EXPECT_THROW(static_cast<void>(wait({in}, 0s)), std::logic_error);
}

TEST(QueueWait, ClosingAConnectionEndsTheWait) {
  auto [parent, child] = Pipe();
  Queue<int> queue;
  std::thread waiter([&queue, &child = child] {
    EXPECT_THROW(static_cast<void>(wait({child, queue})), std::logic_error);
  });
  wait_for_watcher(queue);
  child.close();
  waiter.join();
}

TEST(QueueWait, ThePutterPaysNothingWhileNobodyWaits) {
  Queue<int> queue;
  const std::uint32_t bell = sync::own_bell_word().load();
  for (int i = 0; i < 100; ++i) queue.put(i);
  EXPECT_EQ(sync::own_bell_word().load(), bell);
  drain(queue);
  EXPECT_TRUE(wait({queue}, 1ms).empty());
  for (int i = 0; i < 100; ++i) queue.put(i);
  EXPECT_EQ(sync::own_bell_word().load(), bell + 1);
}

TEST(QueueWait, AMessageThatIsGivenBackIsReady) {
  Queue<int> queue;
  queue.put(1);
  auto lease = std::make_optional(queue.get_lease());
  EXPECT_TRUE(wait({queue}, 1ms).empty());
  std::thread giver([&] {
    wait_for_watcher(queue);
    lease.reset();
  });
  EXPECT_TRUE(wait({queue}).contains(queue));
  EXPECT_EQ(queue.get_nowait(), 1);
  giver.join();
}

TEST(QueueWait, AMessageWhoseHolderWasKilledIsReady) {
  Queue<int> queue;
  Queue<int> held;
  queue.put(1);
  TestProcess holder([&] {
    const auto lease = queue.get_lease();
    held.put(1);
    for (;;) ::pause();
    return 0;
  });
  static_cast<void>(held.get(60s));
  EXPECT_TRUE(wait({queue}, 1ms).empty());
  holder.kill();
  EXPECT_TRUE(wait({queue}, 60s).contains(queue));
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST(QueueWait, AQueueIsReadyWhenNobodyIsLeftToPutAnything) {
  Queue<int> queue(QueueOptions{.end_with_producers = true});
  const auto [parent, child] = Pipe();
  EXPECT_TRUE(wait({queue, parent}, 1ms).empty());
  TestProcess producer([&] {
    queue.put(1);
    for (;;) ::pause();
    return 0;
  });
  EXPECT_EQ(queue.get(60s), 1);
  EXPECT_TRUE(wait({queue, parent}, 1ms).empty());
  producer.kill();
  EXPECT_TRUE(wait({queue, parent}, 60s).contains(queue));
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), PeerGone);
}

TEST(QueueWait, EveryKindOfQueue) {
  JoinableQueue<int> joinable;
  SimpleQueue<int> simple;
  EXPECT_TRUE(wait({joinable, simple}, 1ms).empty());
  simple.put(1);
  EXPECT_TRUE(wait({joinable, simple}).contains(simple));
  joinable.put(1);
  EXPECT_EQ(wait({joinable, simple}).size(), 2u);
  EXPECT_TRUE(readable(simple.fileno(), 60'000));
  EXPECT_TRUE(readable(joinable.fileno(), 60'000));
}

TEST(QueueFileno, IsReadableWhileThereMayBeMessages) {
  Queue<int> queue;
  const int descriptor = queue.fileno();
  EXPECT_FALSE(readable(descriptor));
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), FD_CLOEXEC);
  for (int round = 0; round < 20; ++round) {
    queue.put(round);
    EXPECT_TRUE(readable(descriptor, 60'000));
    queue.put(round);
    EXPECT_EQ(drain(queue), 2u);
    EXPECT_FALSE(readable(descriptor));
  }
}

TEST(QueueFileno, SaysWhatWasThereBefore) {
  Queue<int> queue;
  queue.put(1);
  EXPECT_TRUE(readable(queue.fileno()));
}

TEST(QueueFileno, IsOneForAllCopiesOfAProcess) {
  Queue<int> queue;
  Queue<int> before = queue;
  const int descriptor = queue.fileno();
  Queue<int> after = queue;
  EXPECT_EQ(before.fileno(), descriptor);
  EXPECT_EQ(after.fileno(), descriptor);
  after.put(1);
  EXPECT_TRUE(readable(descriptor, 60'000));
  EXPECT_EQ(drain(before), 1u);
  EXPECT_FALSE(readable(descriptor));
}

TEST(QueueFileno, EndsWithTheLastCopyAndKeepsNoQueueAlive) {
  { const Queue<int> first; }
  arena::Session& session = arena::Session::current();
  int descriptor = -1;
  std::size_t used = 0;
  {
    Queue<int> warm;
    static_cast<void>(warm.fileno());
  }
  used = session.used_bytes();
  {
    const Queue<int> queue;
    descriptor = queue.fileno();
    const std::array copies{queue, queue};
  }
  EXPECT_EQ(session.used_bytes(), used);
  for (int attempt = 0; attempt < 60'000 && ::fcntl(descriptor, F_GETFD) != -1; ++attempt)
    std::this_thread::sleep_for(1ms);  // the watching thread may be looking at it
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
}

TEST(QueueFileno, AMessageOfAnotherProcessIsTold) {
  Queue<int> queue;
  const int descriptor = queue.fileno();
  constexpr int count = 2000;
  TestProcess producer([&queue] {
    for (int i = 0; i < count; ++i) queue.put(i);
    return 0;
  });
  std::size_t taken = 0;
  while (taken < count) {
    ASSERT_TRUE(readable(descriptor, 60'000));
    taken += drain(queue);
  }
  EXPECT_FALSE(readable(descriptor));
  EXPECT_EQ(producer.wait(), 0);
}

TEST(QueueFileno, WorksWithAnEdgeTriggeredEpoll) {
  Queue<int> queue;
  const os::Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, queue.fileno(), &event), 0);
  constexpr int count = 2000;
  TestProcess producer([&queue] {
    for (int i = 0; i < count; ++i) {
      queue.put(i);
      if (i % 50 == 0) std::this_thread::yield();
    }
    return 0;
  });
  std::size_t taken = 0;
  while (taken < count) {
    epoll_event arrived{};
    ASSERT_EQ(::epoll_wait(epoll.get(), &arrived, 1, 60'000), 1);
    taken += drain(queue);
  }
  EXPECT_EQ(producer.wait(), 0);
}

TEST(QueueFileno, SeveralProcessesWatchOneQueue) {
  Queue<int> queue;
  static_cast<void>(queue.fileno());
  constexpr int count = 1000;
  Queue<std::size_t> shares;
  std::vector<std::unique_ptr<TestProcess>> consumers;
  for (int i = 0; i < 3; ++i) {
    consumers.push_back(std::make_unique<TestProcess>([&] {
      const int descriptor = queue.fileno();  // its own
      std::size_t taken = 0;
      for (;;) {
        if (!readable(descriptor, 60'000)) return 1;
        while (auto number = queue.try_get()) {
          if (*number < 0) {
            shares.put(taken);
            return 0;
          }
          ++taken;
        }
      }
    }));
  }
  for (int i = 0; i < count; ++i) queue.put(i);
  for (int i = 0; i < 3; ++i) queue.put(-1);
  std::size_t sum = 0;
  for (int i = 0; i < 3; ++i) sum += shares.get(60s);
  EXPECT_EQ(sum, static_cast<std::size_t>(count));
  for (auto& consumer : consumers) EXPECT_EQ(consumer->wait(), 0);
}

TEST(QueueFileno, OfAForkedChildIsItsOwn) {
  Queue<int> queue;
  const int descriptor = queue.fileno();
  queue.put(1);
  EXPECT_TRUE(readable(descriptor, 60'000));
  TestProcess child([&] {
    const int own = queue.fileno();
    if (own == descriptor || !readable(own)) return 1;
    return queue.get_nowait() == 1 && !queue.try_get() && !readable(own) ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(queue.try_get());
  EXPECT_FALSE(readable(descriptor));
}

TEST(QueueFileno, AKilledProducerKeepsNobodyWaiting) {
  Queue<int> queue;
  const int descriptor = queue.fileno();
  TestProcess producer([&queue] {
    for (int i = 0;; ++i) queue.put(i);
    return 0;
  });
  EXPECT_TRUE(readable(descriptor, 60'000));
  producer.kill();
  drain(queue);
  EXPECT_FALSE(readable(descriptor));
  queue.put(1);
  EXPECT_TRUE(readable(descriptor, 60'000));
}

}  // namespace
}  // namespace procyon
