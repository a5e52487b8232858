// map_async, starmap, imap_unordered, callbacks, and what get() gives away.
#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "pool/test_support.hpp"

namespace procyon {
namespace {

using namespace testing;

int power(int base, int exponent) {
  int result = 1;
  for (; exponent > 0; --exponent) result *= base;
  return result;
}
int odd_only(int number) {
  if (number % 2 == 0) throw std::runtime_error(std::to_string(number) + " is even");
  return number;
}
std::unique_ptr<int> boxed(int number) { return std::make_unique<int>(number); }
void nothing(int) {}
int killed(int) {
  ::raise(SIGKILL);
  return 0;
}
/// Number 0 waits.
int after(int number, const Event& go) {
  if (number == 0) go.wait();
  return number;
}
int after_event(const Event& go, int number) { return after(number, go); }

/// What a callback leaves for the test.
template <class T>
class Box {
 public:
  void put(T value) {
    const std::lock_guard guard(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  /// The first so many, once they are there.
  std::vector<T> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return values_.size() >= count; });
    return values_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
};

class PoolAsync : public ::testing::Test {
 protected:
  Pool pool{{.processes = 2}};
};

TEST_F(PoolAsync, MapAsyncReturnsTheValuesInOrder) {
  const std::vector<int> numbers = numbers_to(5000);
  AsyncResult<std::vector<int>> later = pool.map_async(square, numbers);
  const std::vector<int> squares = later.get(patience);
  ASSERT_EQ(squares.size(), numbers.size());
  for (const int number : numbers) EXPECT_EQ(squares[static_cast<std::size_t>(number)], number * number);
  EXPECT_EQ(later.get(), squares);
  EXPECT_TRUE(later.successful());
  EXPECT_TRUE(pool.map_async(square, std::vector<int>()).get().empty());
  EXPECT_EQ(pool.map_async({.chunksize = 2}, power, std::vector{2, 3, 4}, std::vector{1, 2}).get(),
            (std::vector{2, 9}));
}

TEST_F(PoolAsync, MapAsyncThrowsTheFirstErrorByOrder) {
  const AsyncResult<std::vector<int>> later =
      pool.map_async({.chunksize = 1}, odd_only, std::vector{1, 6, 3, 4});
  EXPECT_EQ(error_of([&] { return later.get(patience); }), "std::runtime_error: 6 is even");
  EXPECT_FALSE(later.successful());
}

TEST_F(PoolAsync, MapAsyncDoesNotWaitForWorkers) {
  Event go;
  std::vector<int> zeros(3000);
  const auto later = pool.map_async({.chunksize = 1}, after, zeros, std::vector<Event>(zeros.size(), go));
  EXPECT_FALSE(later.ready());
  go.set();
  EXPECT_EQ(later.get(patience), zeros);
}

TEST_F(PoolAsync, MapAsyncOfNothingReturned) {
  const AsyncResult<void> later = pool.map_async(nothing, numbers_to(10));
  later.get(patience);
  EXPECT_TRUE(later.ready());
}

TEST_F(PoolAsync, StarmapUnpacksTuplesAndPairs) {
  EXPECT_EQ(pool.starmap(power, std::vector<std::tuple<int, int>>{{2, 5}, {3, 2}}), (std::vector{32, 9}));
  EXPECT_EQ(pool.starmap({.chunksize = 1}, power, std::vector<std::pair<int, int>>{{2, 5}, {3, 2}}),
            (std::vector{32, 9}));
  EXPECT_EQ(pool.starmap_async(power, std::vector<std::tuple<int, int>>{{2, 3}}).get(), (std::vector{8}));
}

TEST_F(PoolAsync, UnorderedResultsComeAsTheyAre) {
  Event go;
  std::vector<int> seen;
  for (const int number : pool.imap_unordered(partial(after_event, go), numbers_to(100))) {
    seen.push_back(number);
    if (seen.size() == 5) go.set();
  }
  ASSERT_EQ(seen.size(), 100U);
  EXPECT_NE(seen[0], 0);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, numbers_to(100));
}

TEST_F(PoolAsync, UnorderedOutcomesGoOnPastFailures) {
  int good = 0;
  int bad = 0;
  for (const Outcome<int>& outcome :
       pool.imap_unordered_outcomes({.chunksize = 3}, odd_only, numbers_to(100)))
    ++(outcome ? good : bad);
  EXPECT_EQ(good, 50);
  EXPECT_EQ(bad, 50);
}

TEST_F(PoolAsync, ChunksOfNothingAreRefused) {
  const std::vector<int> numbers{1};
  for (const std::string& error :
       {error_of([&] { return pool.map({.chunksize = 0}, square, numbers); }),
        error_of([&] { return pool.map_async({.chunksize = 0}, square, numbers); }), error_of([&] {
          return pool.starmap({.chunksize = 0}, power, std::vector<std::pair<int, int>>{{1, 1}});
        }),
        error_of([&] { return pool.imap_unordered({.chunksize = 0}, square, numbers).size(); })})
    EXPECT_EQ(error,
              "std::invalid_argument: procyon: a chunk has at least one item; leave chunksize out for a good "
              "default");
}

TEST_F(PoolAsync, CallbacksTellHowItEnded) {
  Box<int> results;
  Box<std::string> errors;
  pool.apply_async({.callback = [&](int result) { results.put(result); },
                    .error_callback = [&](const Error& error) { errors.put(error.what()); }},
                   odd_only, 7);
  EXPECT_EQ(results.wait_for(1), std::vector{7});
  pool.apply_async({.callback = [&](int result) { results.put(result); },
                    .error_callback = [&](const Error& error) { errors.put(error.what()); }},
                   odd_only, 8);
  EXPECT_EQ(errors.wait_for(1), std::vector<std::string>{"8 is even"});
  EXPECT_EQ(results.wait_for(1).size(), 1U);
}

TEST_F(PoolAsync, ALostWorkerIsToldToTheErrorCallback) {
  Box<bool> lost;
  pool.apply_async({.error_callback = [&](const Error& error) { lost.put(error.is<WorkerLost>()); }}, killed,
                   1);
  EXPECT_EQ(lost.wait_for(1), std::vector{true});
}

TEST_F(PoolAsync, TheCallbackOfAMapGetsAllResults) {
  Box<std::vector<int>> results;
  const auto later = pool.map_async({.callback = [&](const std::vector<int>& list) { results.put(list); }},
                                    square, std::vector{1, 2, 3});
  EXPECT_EQ(results.wait_for(1).at(0), (std::vector{1, 4, 9}));
  EXPECT_EQ(later.get(), (std::vector{1, 4, 9}));
  Box<int> calls;
  const auto none =
      pool.map_async({.callback = [&](const auto& list) { calls.put(static_cast<int>(list.size())); }},
                     square, std::vector<int>());
  EXPECT_EQ(calls.wait_for(1), std::vector{0});
}

TEST_F(PoolAsync, ACallbackThatThrowsHarmsNothing) {
  Box<int> results;
  pool.apply_async({.callback = [](int) { throw std::runtime_error("in a callback"); }}, square, 1);
  pool.apply_async({.callback = [](int) { throw 42; }}, square, 1);  // NOLINT: callbacks may
  pool.apply_async({.callback = [&](int result) { results.put(result); }}, square, 3);
  EXPECT_EQ(results.wait_for(1), std::vector{9});
  EXPECT_EQ(pool.apply(square, 4), 16);
}

TEST_F(PoolAsync, ACallbackMayCallThePool) {
  Box<int> results;
  pool.apply_async({.callback =
                        [&](int result) {
                          results.put(pool.apply(square, result));
                          results.put(pool.map(square, std::vector{result})[0]);
                          pool.apply_async({.callback = [&](int last) { results.put(last); }}, square, 3);
                        }},
                   square, 2);
  EXPECT_EQ(results.wait_for(3), (std::vector{16, 16, 9}));
}

TEST_F(PoolAsync, ACallbackMayCloseJoinAndTerminateThePool) {
  Box<int> results;
  pool.apply_async({.callback =
                        [&](int result) {
                          pool.close();
                          pool.join();
                          pool.terminate();
                          results.put(result);
                        }},
                   square, 2);
  EXPECT_EQ(results.wait_for(1), std::vector{4});
  EXPECT_THROW(pool.apply(square, 1), std::logic_error);
}

TEST_F(PoolAsync, ACallbackMayDestroyThePool) {
  auto own = std::make_shared<std::unique_ptr<Pool>>(std::make_unique<Pool>(1));
  Box<int> results;
  (*own)->apply_async({.callback =
                           [own, &results](int result) {
                             own->reset();
                             results.put(result);
                           }},
                      square, 2);
  EXPECT_EQ(results.wait_for(1), std::vector{4});
}

TEST_F(PoolAsync, JoinWaitsForCallbacks) {
  Box<int> results;
  for (int number = 0; number < 50; ++number)
    pool.apply_async({.callback = [&](int result) { results.put(result); }}, square, number);
  pool.close();
  pool.join();
  EXPECT_EQ(results.wait_for(0).size(), 50U);
}

TEST_F(PoolAsync, TheEndOfAPoolTellsErrorCallbacks) {
  Box<bool> cancelled;
  Event begun;
  const Event never;
  {
    Pool doomed(1);
    doomed.apply_async({.error_callback = [&](const Error& error) { cancelled.put(error.is<Cancelled>()); }},
                       wait_for, begun, never);
    ASSERT_TRUE(begun.wait(patience));
  }
  EXPECT_EQ(cancelled.wait_for(0), std::vector{true});
}

TEST_F(PoolAsync, WhatCanOnlyBeMovedIsReadOnce) {
  const auto box = pool.apply_async(boxed, 3);
  EXPECT_EQ(*box.get(patience), 3);
  EXPECT_EQ(
      misuse([&] { static_cast<void>(box.get()); }),
      "procyon: this result was moved out already, by an earlier get() of a temporary or of a value that "
      "can only be moved, or to its callback; keep what the first get() returns");
  const auto boxes = pool.map_async(boxed, numbers_to(10)).get();
  EXPECT_EQ(*boxes.at(7), 7);
  auto text = pool.map_async(square, numbers_to(3));
  EXPECT_EQ(std::move(text).get(), (std::vector{0, 1, 4}));
  Box<int> received;
  pool.apply_async({.callback = [&](std::unique_ptr<int> mine) { received.put(*mine); }}, boxed, 5);
  EXPECT_EQ(received.wait_for(1), std::vector{5});
}

TEST_F(PoolAsync, AFailingInputIsToldAtOnce) {
  struct Failing {
    struct Iterator {
      using value_type = int;
      using difference_type = std::ptrdiff_t;
      using pointer = int*;
      using reference = int;
      using iterator_category = std::input_iterator_tag;
      int number = 0;
      int operator*() const {
        if (number == 100) throw std::runtime_error("no more input");
        return number;
      }
      Iterator& operator++() {
        ++number;
        return *this;
      }
      bool operator==(const Iterator&) const { return false; }
    };
    Iterator begin() const { return {}; }
    Iterator end() const { return {}; }
  };
  EXPECT_EQ(error_of([&] { return pool.map_async(square, Failing{}); }), "std::runtime_error: no more input");
  EXPECT_EQ(error_of([&] { return pool.map(square, Failing{}); }), "std::runtime_error: no more input");
  EXPECT_EQ(pool.apply(square, 5), 25);
}

TEST(PoolCallbacks, OneThatNeverReturnsHoldsUpNeitherJoinNorTheDestructor) {
  const Event go;
  Event returned;
  {
    Pool pool(1);
    pool.apply_async({.callback =
                          [&](int) {
                            go.wait();
                            returned.set();
                          }},
                     square, 1);
    pool.close();
    pool.join();
    EXPECT_FALSE(returned.is_set());
  }
  EXPECT_FALSE(returned.is_set());
  Event(go).set();
  EXPECT_TRUE(returned.wait(patience));
}

}  // namespace
}  // namespace procyon
