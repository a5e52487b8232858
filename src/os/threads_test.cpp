#include "os/threads.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <latch>
#include <thread>

namespace procyon::os {
namespace {

TEST(Threads, AreCounted) {
  std::thread([] {}).join();  // the thread sanitizer starts one of its own with the first
  const int before = thread_count();
  ASSERT_GE(before, 1);
  std::latch started(1);
  std::latch finish(1);
  std::thread other([&] {
    started.count_down();
    finish.wait();
  });
  started.wait();
  EXPECT_EQ(thread_count(), before + 1);
  finish.count_down();
  other.join();
}

TEST(Processors, FollowTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(usable_processors(), 1);
  EXPECT_LE(usable_processors(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_processors(), 1);
  ::sched_setaffinity(0, sizeof(before), &before);
}

}  // namespace
}  // namespace procyon::os
