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

TEST(Value, AtomicAccessLosesNoIncrement) {
  Value<int> counter(0);
  RawValue<double> sum(0);
  constexpr int rounds = 10'000;
  const auto work = [&] {
    for (int round = 0; round < rounds; ++round) {
      counter.atomic().fetch_add(1);
      sum.atomic().fetch_add(0.5);
    }
    return 0;
  };
  TestProcess child(work);
  work();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(counter.value(), 2 * rounds);
  EXPECT_EQ(sum.value(), rounds);
}

TEST(Value, AtomicAccessToAnAggregateChangesItAsAWhole) {
  struct Range {  // needs less alignment than atomic access to it does
    int low;
    int high;
  };
  for (int round = 0; round < 10; ++round) {
    const Value<Range> range({1, 2});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&range.value()) % sizeof(Range), 0u);
    Range expected{1, 2};
    EXPECT_TRUE(range.atomic().compare_exchange_strong(expected, {3, 4}));
    EXPECT_EQ(range.value().high, 4);
  }
}

TEST(RawValue, IsSharedBetweenProcesses) {
  RawValue<Point> point({1, 2});
  TestProcess child([&] {
    point.value().y = 5;
    return point.value().x == 1 ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(point.value().y, 5);
  EXPECT_EQ(RawValue<int>().value(), 0);
}

TEST(RawValue, IsRefusedWhereAnotherTypeArrives) {
  Value<int> number(0);
  RawValue<long> other(0);
  EXPECT_THROW(RawValue<int>(number.reference()), std::logic_error);
  EXPECT_THROW(RawValue<int>(other.reference()), std::logic_error);
}

}  // namespace
}  // namespace procyon
