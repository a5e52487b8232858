// Pool::imap and imap_outcomes.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/barrier.hpp"
#include "procyon/progress.hpp"

namespace procyon {
namespace {

using namespace testing;

/// Numbers without end; counts how many were read.
class Endless {
 public:
  explicit Endless(int& read) : read_(&read) {}
  class Iterator {
   public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using reference = int;
    using pointer = const int*;
    using iterator_category = std::input_iterator_tag;
    explicit Iterator(int* read) : read_(read) {}
    int operator*() const { return *read_; }
    Iterator& operator++() {
      ++*read_;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.read_ == b.read_; }

   private:
    int* read_;
  };
  Iterator begin() { return Iterator(read_); }
  static Iterator end() { return Iterator(nullptr); }

 private:
  int* read_;
};

int fails_at_five(int number) {
  if (number == 5) throw std::out_of_range("five");
  return number;
}
void nothing(int) {}

class PoolImap : public ::testing::Test {
 protected:
  Pool pool{{.processes = 2}};
};

TEST_F(PoolImap, GivesTheResultsInOrder) {
  const std::vector<int> numbers = numbers_to(1'000);
  int next = 0;
  for (const int result : pool.imap(square, numbers)) {
    ASSERT_EQ(result, next * next);
    ++next;
  }
  EXPECT_EQ(next, 1'000);
}

TEST_F(PoolImap, KeepsATemporaryInput) {
  int sum = 0;
  for (const int result : pool.imap(square, std::vector{1, 2, 3})) sum += result;
  EXPECT_EQ(sum, 14);
}

TEST_F(PoolImap, AnEmptyInputHasNoResults) {
  for ([[maybe_unused]] const int result : pool.imap(square, std::vector<int>{})) FAIL();
  for ([[maybe_unused]] auto& outcome : pool.imap_outcomes(square, std::vector<int>{})) FAIL();
}

TEST_F(PoolImap, ReadsAnEndlessInputOnlyALittleAhead) {
  int read = 0;
  int taken = 0;
  for (const int result : pool.imap(square, Endless(read))) {
    ASSERT_EQ(result, taken * taken);
    ++taken;
    ASSERT_LE(read, taken + 64) << "the input is read far ahead";
    if (taken == 500) break;
  }
  EXPECT_EQ(taken, 500);
}

TEST_F(PoolImap, AChunkWidensTheWindowAndNotMore) {
  int read = 0;
  int taken = 0;
  for (const int result : pool.imap({.chunksize = 10}, square, Endless(read))) {
    ASSERT_EQ(result, taken * taken);
    ASSERT_LE(read, ++taken + 640);
    if (taken == 1'000) break;
  }
}

TEST_F(PoolImap, LeavingTheLoopEarlyLeavesThePoolUsable) {
  for (int round = 0; round < 50; ++round) {
    int read = 0;
    for (const int result : pool.imap(square, Endless(read)))
      if (result == 4) break;
  }
  EXPECT_EQ(pool.map(square, std::vector{3}), std::vector{9});
  const auto never_looped_over = pool.imap(square, std::vector{1});
  pool.close();
  pool.join();
}

TEST_F(PoolImap, AResultIsThereBeforeLaterTasksEnd) {
  Event first_was_taken;
  const auto task = [](const Event& may_end, int number) {
    if (number == 1) may_end.wait();
    return number;
  };
  std::vector<int> results;
  for (const int result : pool.imap(task, std::vector(2, first_was_taken), numbers_to(2))) {
    results.push_back(result);
    first_was_taken.set();
  }
  EXPECT_EQ(results, numbers_to(2));
}

TEST_F(PoolImap, AnErrorIsThrownWhenItsTurnComes) {
  std::vector<int> results;
  try {
    for (const int result : pool.imap(fails_at_five, numbers_to(10))) results.push_back(result);
    FAIL() << "nothing was thrown";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "five");
  }
  EXPECT_EQ(results, numbers_to(5));
  EXPECT_EQ(pool.apply(square, 2), 4);
}

TEST_F(PoolImap, OutcomesGoOnPastAnError) {
  int next = 0;
  for (const Outcome<int>& outcome : pool.imap_outcomes(fails_at_five, numbers_to(10))) {
    EXPECT_EQ(outcome.has_value(), next != 5);
    if (outcome) {
      EXPECT_EQ(*outcome, next);
    } else {
      EXPECT_TRUE(outcome.error().is<std::out_of_range>());
    }
    ++next;
  }
  EXPECT_EQ(next, 10);
  int ended = 0;
  for (const Outcome<void>& outcome : pool.imap_outcomes(nothing, numbers_to(10))) ended += outcome ? 1 : 0;
  EXPECT_EQ(ended, 10);
}

TEST_F(PoolImap, SeveralRangesEndWithTheShortest) {
  int read = 0;
  std::vector<int> results;
  const auto add = [](int a, int b) { return a + b; };
  for (const int result : pool.imap(add, std::vector{10, 20, 30}, Endless(read))) results.push_back(result);
  EXPECT_EQ(results, (std::vector{10, 21, 32}));
}

TEST_F(PoolImap, AChunkOfNoItemsIsRefused) {
  EXPECT_THROW(static_cast<void>(pool.imap({.chunksize = 0}, square, numbers_to(3))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(pool.imap_outcomes({.chunksize = 0}, square, numbers_to(3))),
               std::invalid_argument);
}

TEST_F(PoolImap, TwoLoopsInOneAnother) {
  int sum = 0;
  for (const int outer : pool.imap(square, numbers_to(20)))
    for (const int inner : pool.imap(square, std::vector{outer})) sum += inner == outer * outer ? 1 : 0;
  EXPECT_EQ(sum, 20);
}

TEST_F(PoolImap, LargeResultsOneByOne) {
  int count = 0;
  for (const std::string& text :
       pool.imap([](int number) { return std::string(1 << 20, static_cast<char>('a' + number % 26)); },
                 numbers_to(50))) {
    ASSERT_EQ(text, std::string(1 << 20, static_cast<char>('a' + count % 26)));
    ++count;
  }
  EXPECT_EQ(count, 50);
}

TEST_F(PoolImap, GoesThroughAProgressBar) {
  int sum = 0;
  for (const int result : progress(pool.imap(square, numbers_to(10)))) sum += result;
  EXPECT_EQ(sum, 285);
  EXPECT_EQ(pool.imap(square, numbers_to(10)).size(), 10U);
}

TEST_F(PoolImap, WorksFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      int next = 0;
      for (const int result : pool.imap(square, numbers_to(300))) {
        if (result != next * next) ++wrong;
        ++next;
      }
      if (next != 300) ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// ---- the window

constexpr std::size_t mebibyte = 1 << 20;
std::string a_mebibyte(int) { return std::string(mebibyte, 'x'); }
TEST_F(PoolImap, LargeResultsThatAreNotTakenHoldUpTheWorkers) {
  int read = 0;
  int taken = 0;
  for (const std::string& result : pool.imap({.window_bytes = 3 * mebibyte}, a_mebibyte, Endless(read))) {
    EXPECT_EQ(result.size(), mebibyte);
    // Until the first result is there nobody knows that they are large. Then: three that wait or run, and this one.
    ++taken;
    EXPECT_LE(read, std::max(taken + 4, 8 + 1));
    if (taken == 30) break;
  }
  taken = 0;
  read = 0;
  for (const std::string& result :
       pool.imap_unordered({.window_bytes = 3 * mebibyte}, a_mebibyte, Endless(read))) {
    EXPECT_EQ(result.size(), mebibyte);
    ++taken;
    EXPECT_LE(read, std::max(taken + 4, 8 + 1));
    if (taken == 30) break;
  }
}

int meet(Barrier everybody, int number) {
  everybody.wait();
  return number;
}

TEST_F(PoolImap, ATightWindowStillKeepsAllWorkersBusy) {
  const Barrier both(2);
  int sum = 0;
  for (const int result : pool.imap({.window_bytes = 1}, partial(meet, both), numbers_to(20))) sum += result;
  EXPECT_EQ(sum, 190);
}

TEST_F(PoolImap, AWindowOfNothingIsRefusedAndSoIsOneOfMap) {
  EXPECT_NE(
      misuse([&] { pool.imap({.window_bytes = 0}, square, std::vector{1}); }).find("lets nothing through"),
      std::string::npos);
  EXPECT_NE(misuse([&] { pool.map({.window_bytes = 1000}, square, std::vector{1}); }).find("for imap"),
            std::string::npos);
}

TEST_F(PoolImap, LightItemsOfAnInputOfKnownSizeGoTogether) {
  int expected = 0;
  for (const int result : pool.imap(square, numbers_to(20'000))) {
    ASSERT_EQ(result, expected * expected);
    ++expected;
  }
  EXPECT_EQ(expected, 20'000);
  EXPECT_LT(pool.stats().total.chunks, 10'000U);
}

TEST_F(PoolImap, ThoseOfUnknownSizeGoOneByOne) {
  int read = 0;
  for (const int result : pool.imap(square, Endless(read)))
    if (result == 100 * 100) break;
  pool.close();
  pool.join();
  EXPECT_EQ(pool.stats().total.chunks, pool.stats().total.tasks);
}

}  // namespace
}  // namespace procyon
