// Pool::map and map_outcomes.
#include <gtest/gtest.h>

#include <signal.h>

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <list>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pool/test_support.hpp"

namespace procyon {
namespace {

using namespace testing;

std::string shout(const std::string& text) { return text + "!"; }
std::vector<int> copies(int number, int count) {
  return std::vector<int>(static_cast<std::size_t>(count), number);
}
std::string a_mebibyte_of(char letter) { return std::string(1 << 20, letter); }
int fails_when_odd(int number) {
  if (number % 2 == 1) throw std::out_of_range("odd: " + std::to_string(number));
  return number;
}
void nothing(int) {}

/// Words of a text, one pass: the length is not known before the end.
struct Words {
  explicit Words(const std::string& words) : stream(words) {}
  std::istream_iterator<std::string> begin() { return std::istream_iterator<std::string>(stream); }
  static std::istream_iterator<std::string> end() { return {}; }
  std::istringstream stream;
};

class PoolMap : public ::testing::Test {
 protected:
  Pool pool{{.processes = 2}};
};

TEST_F(PoolMap, ReturnsTheResultsInTheOrderOfTheInput) {
  const std::vector<int> squares = pool.map(square, numbers_to(10'000));
  ASSERT_EQ(squares.size(), 10'000U);
  for (std::size_t i = 0; i < squares.size(); ++i) ASSERT_EQ(squares[i], static_cast<int>(i * i));
}

TEST_F(PoolMap, RunsInOtherProcesses) {
  for (const pid_t pid : pool.map(pid_of_worker_for, numbers_to(20))) EXPECT_NE(pid, ::getpid());
}

TEST_F(PoolMap, AnEmptyInputHasNoResults) {
  EXPECT_TRUE(pool.map(square, std::vector<int>{}).empty());
  EXPECT_TRUE(pool.map_outcomes(square, std::vector<int>{}).empty());
  EXPECT_TRUE(pool.map(shout, Words("")).empty());
}

TEST_F(PoolMap, TakesAnyRange) {
  int array[] = {1, 2, 3};
  EXPECT_EQ(pool.map(square, array), (std::vector{1, 4, 9}));
  EXPECT_EQ(pool.map(square, std::array{1, 2, 3}), (std::vector{1, 4, 9}));
  EXPECT_EQ(pool.map(square, std::list{1, 2, 3}), (std::vector{1, 4, 9}));
  EXPECT_EQ(pool.map(square, std::initializer_list<int>{1, 2, 3}), (std::vector{1, 4, 9}));
  const std::map<int, int> table{{1, 2}, {3, 4}};
  EXPECT_EQ(
      pool.map([](const std::pair<const int, int>& entry) { return entry.first * entry.second; }, table),
      (std::vector{2, 12}));
  std::vector<bool> flags{true, false, true};
  EXPECT_EQ(pool.map([](bool flag) { return !flag; }, flags), (std::vector<bool>{false, true, false}));
}

TEST_F(PoolMap, TakesARangeOfUnknownLengthThatCanBeReadOnce) {
  EXPECT_EQ(pool.map(shout, Words("to be or")), (std::vector<std::string>{"to!", "be!", "or!"}));
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += std::to_string(i) + " ";
  const std::vector<std::string> results = pool.map(shout, Words(text));
  ASSERT_EQ(results.size(), 5'000U);
  EXPECT_EQ(results[4'999], "4999!");
}

TEST_F(PoolMap, SeveralRangesEndWithTheShortest) {
  const std::vector<int> a{1, 2, 3, 4}, b{10, 20, 30}, c{100, 200, 300, 400, 500};
  const auto add = [](int x, int y, int z) { return x + y + z; };
  EXPECT_EQ(pool.map(add, a, b, c), (std::vector{111, 222, 333}));
  EXPECT_EQ(pool.map(add, c, a, b), (std::vector{111, 222, 333}));
  EXPECT_TRUE(pool.map(add, a, std::vector<int>{}, c).empty());
  const auto length = [](const std::string& text, int number) {
    return static_cast<int>(text.size()) * number;
  };
  EXPECT_EQ(pool.map(length, Words("a bb ccc"), numbers_to(100)), (std::vector{0, 2, 6}));
}

TEST_F(PoolMap, CarriesStringsAndContainers) {
  std::vector<std::string> texts;
  for (int i = 0; i < 1'000; ++i) texts.emplace_back(static_cast<std::size_t>(i), 'x');
  const std::vector<std::string> results = pool.map(shout, texts);
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(results[i], texts[i] + "!");
  EXPECT_EQ(pool.map(copies, std::vector{7, 8}, std::vector{2, 0}),
            (std::vector<std::vector<int>>{{7, 7}, {}}));
}

TEST_F(PoolMap, CarriesResultsOfManyMebibytes) {
  const auto results = pool.map(a_mebibyte_of, std::string("abcdefghij"));
  ASSERT_EQ(results.size(), 10U);
  for (std::size_t i = 0; i < results.size(); ++i)
    ASSERT_EQ(results[i], std::string(1 << 20, static_cast<char>('a' + i)));
  // and all in one chunk, whose result area grows with each
  const auto together = pool.map({.chunksize = 10}, a_mebibyte_of, std::string("abcdefghij"));
  EXPECT_EQ(together, results);
}

TEST_F(PoolMap, CarriesArgumentsOfManyMebibytes) {
  const std::vector<std::string> texts(5, std::string(3 << 20, 'x'));
  EXPECT_EQ(pool.map([](const std::string& text) { return text.size(); }, texts),
            (std::vector<std::size_t>(5, std::size_t{3} << 20)));
}

TEST_F(PoolMap, AChunkOfNoItemsIsRefused) {
  EXPECT_THROW(pool.map({.chunksize = 0}, square, std::vector{1}), std::invalid_argument);
  EXPECT_THROW(pool.map_outcomes({.chunksize = 0}, square, std::vector<int>{}), std::invalid_argument);
  EXPECT_EQ(pool.map(square, std::vector{3}), std::vector{9});
}

TEST_F(PoolMap, AnyChunkGivesTheSameResults) {
  const std::vector<int> numbers = numbers_to(1'000);
  const std::vector<int> expected = pool.map(square, numbers);
  for (const std::size_t chunksize : {1U, 2U, 3U, 7U, 999U, 1'000U, 5'000U})
    EXPECT_EQ(pool.map({.chunksize = chunksize}, square, numbers), expected) << "chunksize " << chunksize;
}

TEST_F(PoolMap, ItemsOfAChunkGoToOneWorkerTogether) {
  const std::vector<pid_t> pids = pool.map({.chunksize = 50}, pid_of_worker_for, numbers_to(100));
  for (std::size_t i = 1; i < 50; ++i) EXPECT_EQ(pids[i], pids[0]);
  for (std::size_t i = 51; i < 100; ++i) EXPECT_EQ(pids[i], pids[50]);
}

TEST_F(PoolMap, OfAFunctionWithoutResultWaitsForAll) {
  Value<int> sum(0);
  pool.map([](const Value<int>& total, int number) { total.with([&](int& value) { value += number; }); },
           std::vector(100, sum), numbers_to(100));
  EXPECT_EQ(sum.value(), 4'950);
  static_assert(std::is_void_v<decltype(pool.map(nothing, numbers_to(3)))>);
  EXPECT_EQ(pool.map_outcomes(nothing, numbers_to(3)).size(), 3U);
}

TEST_F(PoolMap, ThrowsTheFirstErrorByOrderWhenAllHaveEnded) {
  Value<int> runs(0);
  const auto task = [](const Value<int>& count, int number) {
    count.with([](int& value) { ++value; });
    return fails_when_odd(number);
  };
  try {
    pool.map({.chunksize = 1}, task, std::vector(50, runs), numbers_to(50));
    FAIL() << "nothing was thrown";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "odd: 1");
  }
  EXPECT_EQ(runs.value(), 50);
}

TEST_F(PoolMap, OutcomesSayWhatBecameOfEach) {
  const std::vector<Outcome<int>> outcomes = pool.map_outcomes(fails_when_odd, numbers_to(101));
  ASSERT_EQ(outcomes.size(), 101U);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    ASSERT_EQ(outcomes[i].has_value(), i % 2 == 0);
    if (outcomes[i]) {
      EXPECT_EQ(*outcomes[i], static_cast<int>(i));
    } else {
      EXPECT_TRUE(outcomes[i].error().is<std::out_of_range>());
      EXPECT_EQ(outcomes[i].error().what(), "odd: " + std::to_string(i));
    }
  }
}

TEST_F(PoolMap, ThrowsWhatReadingTheInputThrowsAndGoesOn) {
  struct Broken {
    struct Iterator {
      using value_type = int;
      using difference_type = std::ptrdiff_t;
      using reference = int;
      using pointer = const int*;
      using iterator_category = std::input_iterator_tag;
      int at;
      int operator*() const {
        if (at == 40) throw std::domain_error("the input is broken");
        return at;
      }
      Iterator& operator++() {
        ++at;
        return *this;
      }
      bool operator==(const Iterator&) const = default;
    };
    static Iterator begin() { return {0}; }
    static Iterator end() { return {100}; }
  };
  EXPECT_THROW(pool.map(square, Broken{}), std::domain_error);
  EXPECT_THROW(pool.map({.chunksize = 1}, square, Broken{}), std::domain_error);
  EXPECT_EQ(pool.map(square, std::vector{3}), std::vector{9});
}

TEST_F(PoolMap, ManyMapsInARow) {
  for (int round = 0; round < 300; ++round)
    ASSERT_EQ(pool.map(square, std::vector{round, 2}), (std::vector{round * round, 4}));
}

TEST_F(PoolMap, CallsPartialsLambdasAndFunctionObjects) {
  const auto linear = [](int factor, int summand, int x) { return factor * x + summand; };
  EXPECT_EQ(pool.map(partial(linear, 10, 1), std::vector{1, 2}), (std::vector{11, 21}));
  EXPECT_EQ(pool.map(partial(partial(linear, 10), 1), std::vector{1, 2}), (std::vector{11, 21}));
  EXPECT_EQ(pool.map(std::negate<int>(), std::vector{1, 2}), (std::vector{-1, -2}));
  const auto with_text = [](const std::string& text, int number) { return text + std::to_string(number); };
  EXPECT_EQ(pool.map(partial(with_text, "item "), std::vector{1, 2}),
            (std::vector<std::string>{"item 1", "item 2"}));
}

struct Account {
  int balance = 0;
  [[nodiscard]] int after(int payment) const { return balance + payment; }
};

TEST_F(PoolMap, CallsMemberFunctions) {
  EXPECT_EQ(pool.map(&Account::after, std::vector<Account>{{1}, {2}}, std::vector{10, 20}),
            (std::vector{11, 22}));
  EXPECT_EQ(pool.map(partial(&Account::after, Account{5}), std::vector{10, 20}), (std::vector{15, 25}));
}

// ---- chunks that follow the time of the items

/// Waits at least that long, and so is never a light item, be the machine as fast or as busy as it may.
int wait_for(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  return milliseconds;
}
/// Items [0, `light`) take no time, the others 5 ms.
int heavy_from(int light, int number) {
  if (number >= light) std::this_thread::sleep_for(5ms);
  return number;
}
std::string wait_by_name(const std::string& name) { return std::to_string(wait_for(5)) + name; }

class PoolChunks : public PoolMap {
 protected:
  std::uint64_t chunks_of_the_last() {
    const std::uint64_t all = pool.stats().total.chunks;
    return all - std::exchange(before_, all);
  }

 private:
  std::uint64_t before_ = 0;
};

TEST_F(PoolChunks, HeavyItemsAreGivenOutOneByOne) {
  const std::vector<int> times(40, 5);
  EXPECT_EQ(pool.map(wait_for, times), times);
  EXPECT_EQ(chunks_of_the_last(), 40U);
  EXPECT_EQ(pool.map(wait_for, std::list<int>(times.begin(), times.end())), times);
  EXPECT_EQ(chunks_of_the_last(), 40U);
  EXPECT_EQ(pool.map(wait_by_name, std::vector<std::string>(20, " ms")),
            std::vector<std::string>(20, "5 ms"));
  EXPECT_EQ(chunks_of_the_last(), 20U);
  EXPECT_EQ(pool.starmap(wait_for, std::vector<std::tuple<int>>(20, 5)), std::vector<int>(20, 5));
  EXPECT_EQ(chunks_of_the_last(), 20U);
}

TEST_F(PoolChunks, HeavyItemsOfMapAsyncToo) {
  const std::vector<int> times(40, 5);
  EXPECT_EQ(pool.map_async(wait_for, times).get(patience), times);
  EXPECT_EQ(chunks_of_the_last(), 40U);
  EXPECT_EQ(pool.map_async(wait_by_name, std::vector<std::string>(20, " ms")).get(patience),
            std::vector<std::string>(20, "5 ms"));
  EXPECT_EQ(chunks_of_the_last(), 20U);
}

TEST_F(PoolChunks, LightItemsGoTogether) {
  std::vector<int> numbers = numbers_to(200'000);
  for (int& number : numbers) number %= 40'000;  // their squares are ints
  const std::vector<int> squares = pool.map(square, numbers);
  EXPECT_LT(chunks_of_the_last(), 20'000U);
  EXPECT_EQ(pool.map_async(square, numbers).get(patience), squares);
  EXPECT_LT(chunks_of_the_last(), 20'000U);
  EXPECT_EQ(pool.map(square, std::list<int>(numbers.begin(), numbers.end())), squares);
  EXPECT_LT(chunks_of_the_last(), 20'000U);
}

TEST_F(PoolChunks, HeavyItemsAfterLightOnesAreNotOfOneChunk) {
  constexpr int light = 100;
  constexpr int heavy = 24;
  EXPECT_EQ(pool.map(partial(heavy_from, light), numbers_to(light + heavy)), numbers_to(light + heavy));
  // An even share is 16 of them; what is given out towards the end has few.
  EXPECT_GE(chunks_of_the_last(), 16U);
}

TEST_F(PoolChunks, AMapWithoutEndOfItsOwnDoesNotHoldUpOthers) {
  Event begun;
  const Event go;
  const auto long_one = pool.map_async(
      [](const Event& may_go, int number) {
        if (number == 0) may_go.wait();
        return number;
      },
      std::vector<Event>(100, go), numbers_to(100));
  EXPECT_EQ(pool.map_async(square, numbers_to(1000)).get(patience).size(), 1000U);
  Event may_go = go;
  may_go.set();
  EXPECT_EQ(long_one.get(patience), numbers_to(100));
}

TEST_F(PoolChunks, ItemsOfSeveralSizesAreCutRightly) {
  std::vector<std::string> texts;
  for (int number = 0; number < 3000; ++number)
    texts.emplace_back(static_cast<std::size_t>(number % 70), 'x');
  const std::vector<std::string> shouted = pool.map_async(shout, texts).get(patience);
  ASSERT_EQ(shouted.size(), texts.size());
  for (std::size_t index = 0; index < texts.size(); ++index) ASSERT_EQ(shouted[index], texts[index] + "!");
}

TEST_F(PoolChunks, WhatIsKeptIsCancelledWithTheRest) {
  const Value<int> runs(0);
  const auto later = pool.map_async(
      [](const Value<int>& count, int milliseconds) {
        count.with([](int& number) { ++number; });
        return wait_for(milliseconds);
      },
      std::vector<Value<int>>(1000, runs), std::vector<int>(1000, 20));
  EXPECT_TRUE(later.cancel());
  EXPECT_THROW(later.get(patience), Cancelled);
  const auto numbers = pool.map_async(wait_for, std::vector<int>(1000, 20));
  EXPECT_TRUE(numbers.cancel());
  EXPECT_THROW(numbers.get(patience), Cancelled);
  EXPECT_EQ(pool.map(square, std::vector{3}), std::vector{9});
  EXPECT_LT(runs.with([](int& number) { return number; }), 1000);
}

TEST_F(PoolChunks, AWorkerThatDiesInOneCostsOneItem) {
  const auto outcomes = pool.map_async(
      {.retries = 1},
      [](const Value<int>& deaths, int number) {
        if (number == 700 && deaths.with([](int& count) { return count++; }) == 0) ::raise(SIGKILL);
        return number;
      },
      std::vector<Value<int>>(1000, Value<int>(0)), numbers_to(1000));
  EXPECT_EQ(outcomes.get(patience), numbers_to(1000));
  const auto lost = pool.map_outcomes(
      [](int number) {
        if (number == 700) ::raise(SIGKILL);
        return number;
      },
      numbers_to(1000));
  for (int number = 0; number < 1000; ++number)
    ASSERT_EQ(lost[static_cast<std::size_t>(number)].has_value(), number != 700);
}

}  // namespace
}  // namespace procyon
