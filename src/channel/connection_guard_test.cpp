#include "channel/connection_guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "arena/test_process.hpp"

namespace procyon::channel {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

os::Descriptor open_something() { return os::Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

TEST(GuardedDescriptor, IsClosedWithItsLastUse) {
  GuardedDescriptor descriptor(open_something());
  ASSERT_TRUE(descriptor.begin_use());
  ASSERT_TRUE(descriptor.begin_use());
  const int number = descriptor.number();
  descriptor.close();
  EXPECT_TRUE(descriptor.closed());
  EXPECT_FALSE(descriptor.begin_use());
  descriptor.end_use();
  EXPECT_TRUE(is_open(number));
  descriptor.end_use();
  EXPECT_FALSE(is_open(number));
  descriptor.close();
}

TEST(GuardedDescriptor, IsClosedAtOnceWithoutUses) {
  GuardedDescriptor descriptor(open_something());
  ASSERT_TRUE(descriptor.begin_use());
  const int number = descriptor.number();
  descriptor.end_use();
  descriptor.close();
  EXPECT_FALSE(is_open(number));
}

TEST(GuardedDescriptor, AForkedChildDoesNotWaitForUsesOfItsParent) {
  GuardedDescriptor descriptor(open_something());
  ASSERT_TRUE(descriptor.begin_use());
  const int number = descriptor.number();
  TestProcess closes([&] { return descriptor.close(), is_open(number) ? 1 : 0; });
  EXPECT_EQ(closes.wait(), 0);
  TestProcess uses([&] {
    if (!descriptor.begin_use()) return 1;
    descriptor.end_use();
    return descriptor.close(), is_open(number) ? 2 : 0;
  });
  EXPECT_EQ(uses.wait(), 0);
  descriptor.close();
  TestProcess closes_again([&] { return descriptor.close(), is_open(number) ? 1 : 0; });
  EXPECT_EQ(closes_again.wait(), 0);
  EXPECT_TRUE(is_open(number));
  descriptor.end_use();
  EXPECT_FALSE(is_open(number));
}

TEST(Turn, IsOneThreadsAtATime) {
  Turn turn;
  int counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5'000; ++round) {
        ASSERT_TRUE(turn.take(os::Deadline::never()));
        ++counter;
        turn.give();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 20'000);
}

TEST(Turn, IsNotHadInTimeWhileAnotherHasIt) {
  Turn turn;
  ASSERT_TRUE(turn.take(os::Deadline::now()));
  EXPECT_FALSE(turn.take(os::Deadline::now()));
  EXPECT_FALSE(turn.take(os::Deadline::after(1ms)));
  turn.give();
  EXPECT_TRUE(turn.take(os::Deadline::now()));
}

TEST(Turn, OfAParentsThreadIsNotAForkedChilds) {
  Turn turn;
  ASSERT_TRUE(turn.take(os::Deadline::now()));
  TestProcess child([&] {
    if (!turn.take(os::Deadline::now())) return 1;
    if (turn.take(os::Deadline::now())) return 2;
    turn.give();
    return turn.take(os::Deadline::now()) ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace procyon::channel
