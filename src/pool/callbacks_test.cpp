// The thread for callbacks alone: order, its end, and what happens when a call does not return.
#include "pool/callbacks.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "pool/test_support.hpp"

namespace procyon::pool {
namespace {

using testing::eventually;
using testing::numbers_to;

TEST(Callbacks, AreCalledInOrderAndAllBeforeTheEnd) {
  std::vector<int> called;
  Callbacks callbacks;
  callbacks.start();
  for (int call = 0; call < 100; ++call) callbacks.post([&called, call] { called.push_back(call); });
  callbacks.wait_until_idle();
  EXPECT_EQ(called, numbers_to(100));
  callbacks.post([&called] { called.push_back(100); });
  callbacks.end();
  EXPECT_EQ(called, numbers_to(101));
}

TEST(Callbacks, OneThatDoesNotReturnIsWaitedForOnlySoLong) {
  Event go;
  std::atomic<int> after{0};
  std::atomic<bool> returned{false};
  {
    Callbacks callbacks(std::chrono::milliseconds(20));
    callbacks.start();
    callbacks.post([&] {
      go.wait();
      returned = true;
    });
    callbacks.post([&] { ++after; });
    callbacks.wait_until_idle();
    EXPECT_FALSE(returned);
    callbacks.wait_until_idle();
    callbacks.end();
  }
  EXPECT_FALSE(returned);
  go.set();
  EXPECT_TRUE(eventually([&] { return returned.load(); }));
  EXPECT_EQ(after, 0) << "what was to come after it was dropped";
}

TEST(Callbacks, ManyShortOnesMayLastLongerThanThePatience) {
  std::atomic<int> called{0};
  Callbacks callbacks(std::chrono::seconds(1));
  callbacks.start();
  for (int call = 0; call < 40; ++call)
    callbacks.post([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ++called;
    });
  callbacks.end();
  EXPECT_EQ(called, 40);
}

TEST(Callbacks, MayEndThemInOne) {
  std::atomic<int> called{0};
  {
    Callbacks callbacks;
    callbacks.start();
    callbacks.post([&] {
      callbacks.wait_until_idle();
      callbacks.end();
      ++called;
    });
    EXPECT_TRUE(eventually([&] { return called == 1; }));
  }
}

}  // namespace
}  // namespace procyon::pool
