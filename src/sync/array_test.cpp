#include "procyon/array.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <list>
#include <mutex>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/errors.hpp"
#include "procyon/value.hpp"

namespace procyon {
namespace {

using arena::testing::Gate;
using arena::testing::TestProcess;

template <class A>
std::vector<typename A::value_type> content_of(const A& array) {
  return {array.begin(), array.end()};
}

/// A range that can be read once and does not know its length.
class ReadOnce {
 public:
  explicit ReadOnce(const std::string& text) : text_(text) {}
  std::istream_iterator<int> begin() { return std::istream_iterator<int>(text_); }
  static std::istream_iterator<int> end() { return {}; }

 private:
  std::istringstream text_;
};

// Both kinds, where they promise the same.
template <class A>
class AnyArray : public ::testing::Test {};
using Arrays = ::testing::Types<Array<int>, RawArray<int>>;
TYPED_TEST_SUITE(AnyArray, Arrays);

TYPED_TEST(AnyArray, OfACountIsZeroed) {
  for (int round = 0; round < 3; ++round) {  // in memory that has been used before, too
    const TypeParam array(1000);
    EXPECT_EQ(array.size(), 1000u);
    EXPECT_TRUE(std::ranges::all_of(array, [](int item) { return item == 0; }));
    std::ranges::fill(array, -1);
  }
}

TYPED_TEST(AnyArray, OfNothingIsEmpty) {
  const TypeParam array(0);
  EXPECT_TRUE(array.empty());
  EXPECT_EQ(array.begin(), array.end());
  EXPECT_THROW(static_cast<void>(array.at(0)), std::out_of_range);
}

TYPED_TEST(AnyArray, TakesItsItemsFromAListOrAnyRange) {
  const std::vector<int> expected{2, 3, 5, 7};
  EXPECT_EQ(content_of(TypeParam{2, 3, 5, 7}), expected);
  EXPECT_EQ(content_of(TypeParam(expected)), expected);
  EXPECT_EQ(content_of(TypeParam(std::list<short>{2, 3, 5, 7})), expected);
  EXPECT_EQ(content_of(TypeParam(ReadOnce("2 3 5 7"))), expected);
}

struct Hostile {
  int number;
  operator int() const { return number < 3 ? number : throw std::runtime_error("no third"); }
};

TYPED_TEST(AnyArray, OfARangeThatThrowsLeavesNothing) {
  const std::vector<Hostile> numbers{{1}, {2}, {3}};
  EXPECT_THROW(TypeParam{numbers}, std::runtime_error);
}

TYPED_TEST(AnyArray, ACopyIsTheSameArrayAndAnotherKindIsACopy) {
  TypeParam array{1, 2, 3};
  TypeParam same(array);
  same[1] = 20;
  EXPECT_EQ(content_of(array), (std::vector<int>{1, 20, 3}));
  RawArray<long> other(array);
  other[0] = 10;
  EXPECT_EQ(array[0], 1);
  EXPECT_EQ(other[1], 20);
}

TYPED_TEST(AnyArray, IsReadAsASpan) {
  const TypeParam array{3, 1, 2};
  const std::span<int> span(array);
  EXPECT_EQ(span.data(), array.data());
  std::ranges::sort(array);
  EXPECT_EQ(content_of(array), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(array.items().back(), 3);
  array.at(2) = 4;
  EXPECT_EQ(array[2], 4);
}

TYPED_TEST(AnyArray, SaysWhichItemDoesNotExist) {
  const TypeParam array(3);
  try {
    array.at(3) = 1;
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "procyon: this Array has 3 items, so there is none at 3; the first is at 0");
  }
}

TYPED_TEST(AnyArray, OfANegativeLengthIsRefused) {
  const int length = -1;
  EXPECT_THROW(TypeParam(static_cast<std::size_t>(length)), std::length_error);
}

TYPED_TEST(AnyArray, LargerThanTheSessionIsRefused) { EXPECT_THROW(TypeParam(1ull << 45), SessionError); }

TYPED_TEST(AnyArray, IsSharedBetweenProcesses) {
  const TypeParam array(100'000);
  TestProcess child([&] {
    std::iota(array.begin(), array.end(), 1);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(array[99'999], 100'000);
}

TYPED_TEST(AnyArray, AtomicAccessLosesNoIncrement) {
  const TypeParam array(2);
  constexpr int rounds = 10'000;
  const auto work = [&] {
    for (int round = 0; round < rounds; ++round) array.atomic(1).fetch_add(1);
    return 0;
  };
  TestProcess child(work);
  work();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(array[1], 2 * rounds);
  EXPECT_THROW(static_cast<void>(array.atomic(2)), std::out_of_range);
}

TYPED_TEST(AnyArray, IsRefusedWhereAnotherTypeArrives) {
  const Array<double> doubles(1);
  const RawArray<double> raw_doubles(1);
  const Value<int> value(1);
  EXPECT_THROW(TypeParam(doubles.reference()), std::logic_error);
  EXPECT_THROW(TypeParam(raw_doubles.reference()), std::logic_error);
  EXPECT_THROW(TypeParam(value.reference()), std::logic_error);
}

TEST(Array, ItemsBeginOnACacheLine) {
  struct alignas(64) Line {
    int number;
  };
  const Array<Line> lines(3);
  const RawArray<char> letters(1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.data()) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(letters.data()) % 64, 0u);
}

TEST(Array, WithLosesNoChangeAndReturnsWhatItsFunctionReturns) {
  const Array<int> counters(3);
  constexpr int rounds = 5'000;
  const auto work = [&] {
    for (int round = 0; round < rounds; ++round)
      counters.with([](std::span<int> all) {
        for (int& counter : all) ++counter;
      });
    return 0;
  };
  TestProcess child(work);
  work();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(counters.with([](std::span<int> all) { return std::accumulate(all.begin(), all.end(), 0); }),
            6 * rounds);
}

TEST(Array, WithMayBeUsedInsideItsLock) {
  const Array<int> array{1, 2};
  const std::scoped_lock guard(array.get_lock());
  array.with([](std::span<int> all) { all[0] = 5; });
  EXPECT_TRUE(array.get_lock().locked());
  EXPECT_EQ(array[0], 5);
}

TEST(Array, ADeathInsideWithIsToldToTheNext) {
  const Array<int> array{1, 2};
  Gate inside;
  TestProcess child([&] {
    array.with([&](std::span<int> all) {
      all[0] = 100;
      inside.open();
      ::pause();
    });
    return 0;
  });
  inside.pass();
  child.kill();
  try {
    array.with([](std::span<int>) {});
    FAIL() << "not told";
  } catch (OwnerDied& died) {
    EXPECT_EQ(array[0], 100);
    array[0] = 1;
    died.recover();
  }
  array.with([](std::span<int> all) { EXPECT_EQ(all[0], 1); });
}

}  // namespace
}  // namespace procyon
