#include "procyon/value.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "arena/test_process.hpp"

namespace procyon {
namespace {

using arena::testing::Gate;
using arena::testing::TestProcess;

struct Point {
  double x;
  double y;
};

TEST(Value, IsSharedBetweenProcesses) {
  Value<Point> point({1, 2});
  TestProcess child([&] {
    point.value().y = 5;
    return point.value().x == 1 ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(point.value().y, 5);
}

TEST(Value, BeginsAsItsTypeDoes) {
  EXPECT_EQ(Value<int>().value(), 0);
  EXPECT_EQ(Value<int>(7).value(), 7);
}

TEST(Value, WithLosesNoIncrement) {
  Value<int> counter(0);
  constexpr int rounds = 10'000;
  const auto work = [&] {
    for (int round = 0; round < rounds; ++round) counter.with([](int& n) { ++n; });
    return 0;
  };
  TestProcess child(work);
  work();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(counter.value(), 2 * rounds);
}

TEST(Value, WithMayBeUsedInsideItsLockAndReturnsWhatItsFunctionReturns) {
  Value<int> counter(1);
  std::scoped_lock guard(counter.get_lock());
  counter.value() += 1;
  EXPECT_EQ(counter.with([](int& n) { return n * 10; }), 20);
}

TEST(Value, AnExceptionInsideWithFreesTheLock) {
  Value<int> counter(0);
  EXPECT_THROW(counter.with([](int&) -> void { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_FALSE(counter.get_lock().locked());
}

TEST(Value, ADeathInsideWithIsToldToTheNext) {
  Value<int> counter(0);
  Gate inside;
  TestProcess child([&] {
    counter.with([&](int& n) {
      n = 1;
      inside.open();
      ::pause();
    });
    return 0;
  });
  inside.pass();
  child.kill();
  try {
    counter.with([](int& n) { n = 2; });
    FAIL() << "not told";
  } catch (OwnerDied& died) {
    EXPECT_EQ(counter.value(), 1);
    counter.value() = 0;
    died.recover();
  }
  counter.with([](int& n) { EXPECT_EQ(n, 0); });
}

TEST(Value, IsRefusedWhereAnotherTypeArrives) {
  Value<int> number(0);
  EXPECT_THROW(Value<double>(number.reference()), std::logic_error);
}

}  // namespace
}  // namespace procyon
