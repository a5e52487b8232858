// Pool::apply, apply_async and AsyncResult.
#include <gtest/gtest.h>

#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <typeinfo>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/lock.hpp"

namespace procyon {
namespace {

using namespace testing;

struct Point {
  int x = 0;
  double y = 0;
  std::string name;
};

std::string describe(int number, const std::string& text, double fraction, const std::vector<int>& list) {
  return std::to_string(number) + " " + text + " " + std::to_string(static_cast<int>(fraction * 10)) + " " +
         std::to_string(list.size());
}
void nothing() {}
int throws(const std::string& what) {
  if (what == "runtime_error") throw std::runtime_error("no such file");
  if (what == "invalid_argument") throw std::invalid_argument("no such argument");
  if (what == "bad_alloc") throw std::bad_alloc();
  if (what == "system_error") throw std::system_error(ENOENT, std::generic_category(), "opening");
  if (what == "timeout") throw TimeoutError("too late");
  if (what == "int") throw 42;  // NOLINT: tasks may
  if (what == "text") throw "a text";
  if (what == "nested") {
    try {
      throw std::logic_error("inner");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  }
  return 0;
}

class PoolApply : public ::testing::Test {
 protected:
  Pool pool{{.processes = 2}};
};

TEST_F(PoolApply, ReturnsTheValue) {
  EXPECT_EQ(pool.apply(square, 7), 49);
  EXPECT_NE(pool.apply(pid_of_worker), ::getpid());
  pool.apply(nothing);
}

TEST_F(PoolApply, TakesArgumentsOfManyTypes) {
  EXPECT_EQ(pool.apply(describe, 1, "literal", 2.5, std::vector{1, 2, 3}), "1 literal 25 3");
  const char* pointer = "pointer";
  char array[] = "array";
  EXPECT_EQ(pool.apply(describe, short{1}, pointer, 2.5F, std::vector<int>{}), "1 pointer 25 0");
  EXPECT_EQ(pool.apply(describe, 'A', array, 1, std::vector<int>{}), "65 array 10 0");
  EXPECT_EQ(pool.apply(
                    [](Point point) {
                      point.x *= 2;
                      return point;
                    },
                    Point{21, 1.5, "p"})
                .x,
            42);
  EXPECT_EQ(pool.apply(
                [](std::optional<int> maybe, const std::tuple<int, std::string>& both) {
                  return maybe.value_or(5) + std::get<0>(both);
                },
                std::optional<int>(), std::tuple(1, std::string("text"))),
            6);
  EXPECT_EQ(pool.apply([](std::chrono::milliseconds time) { return time * 2; }, 21ms), 42ms);
}

TEST_F(PoolApply, RunsMeanwhile) {
  Event begun, go;
  AsyncResult<pid_t> result = pool.apply_async(wait_for, begun, go);
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_FALSE(result.ready());
  EXPECT_FALSE(result.wait(0ms));
  EXPECT_THROW(result.get(1ms), TimeoutError);
  EXPECT_NE(misuse([&] { static_cast<void>(result.successful()); }).find("has not ended"), std::string::npos);
  go.set();
  EXPECT_TRUE(result.wait(patience));
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  EXPECT_GT(result.get(), 0);
  EXPECT_EQ(result.get(), result.get());
}

TEST_F(PoolApply, ExceptionsComeBackAsThemselves) {
  EXPECT_EQ(error_of([&] { return pool.apply(throws, "runtime_error"); }),
            "std::runtime_error: no such file");
  EXPECT_THROW(pool.apply(throws, "invalid_argument"), std::invalid_argument);
  EXPECT_THROW(pool.apply(throws, "bad_alloc"), std::bad_alloc);
  EXPECT_THROW(pool.apply(throws, "timeout"), TimeoutError);
  try {
    pool.apply(throws, "system_error");
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
}

TEST_F(PoolApply, WhatIsNoStandardExceptionComesBackDescribed) {
  try {
    pool.apply(throws, "int");
    FAIL();
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.type(), "int");
    EXPECT_EQ(error.text(), "42");
  }
  EXPECT_NE(error_of([&] { return pool.apply(throws, "text"); }).find("a text"), std::string::npos);
  const std::string nested = error_of([&] { return pool.apply(throws, "nested"); });
  EXPECT_NE(nested.find("outer"), std::string::npos);
  EXPECT_NE(nested.find("inner"), std::string::npos);
}

TEST_F(PoolApply, AFailedTaskIsReadyAndNotSuccessful) {
  const AsyncResult<int> result = pool.apply_async(throws, "runtime_error");
  result.wait();
  EXPECT_TRUE(result.ready());
  EXPECT_FALSE(result.successful());
  EXPECT_THROW(result.get(), std::runtime_error);
  EXPECT_THROW(result.get(), std::runtime_error);
}

TEST_F(PoolApply, ManyMoreTasksThanThereIsRoomForRunInTheEnd) {
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 5'000; ++i) results.push_back(pool.apply_async(square, i));
  for (int i = 4'999; i >= 0; --i) ASSERT_EQ(results[static_cast<std::size_t>(i)].get(patience), i * i);
}

TEST_F(PoolApply, TasksThatNobodyWaitsForRunToo) {
  Value<int> count(0);
  Event all_done;
  for (int i = 0; i < 2'000; ++i) {
    pool.apply_async(
        [](const Value<int>& counter, Event done) {
          if (counter.with([](int& value) { return ++value; }) == 2'000) done.set();
        },
        count, all_done);
  }
  EXPECT_TRUE(all_done.wait(patience));
  EXPECT_EQ(count.value(), 2'000);
}

TEST_F(PoolApply, TasksRunOnWhenWhoWaitedHasGivenUp) {
  Event begun, go, all_done;
  Value<int> count(0);
  std::vector<AsyncResult<pid_t>> busy;
  for (int i = 0; i < 2; ++i) busy.push_back(pool.apply_async(wait_for, begun, go));
  for (int i = 0; i < 2'000; ++i) {
    pool.apply_async(
        [](const Value<int>& counter, Event done) {
          if (counter.with([](int& value) { return ++value; }) == 2'000) done.set();
        },
        count, all_done);
  }
  EXPECT_FALSE(busy[0].wait(20ms));
  go.set();
  EXPECT_TRUE(all_done.wait(patience)) << count.value();
}

TEST_F(PoolApply, AResultOutlivesThePool) {
  std::optional<Pool> own(std::in_place, PoolOptions{.processes = 1});
  const AsyncResult<int> done = own->apply_async(square, 3);
  done.wait();
  Event begun, never;
  const AsyncResult<pid_t> unfinished = own->apply_async(wait_for, begun, never);
  const AsyncResult<int> queued = own->apply_async(square, 4);
  ASSERT_TRUE(begun.wait(patience));
  own.reset();
  EXPECT_EQ(done.get(), 9);
  EXPECT_TRUE(unfinished.ready());
  EXPECT_THROW(unfinished.get(), Cancelled);
  EXPECT_THROW(queued.get(), Cancelled);
}

TEST_F(PoolApply, SharedObjectsAreArguments) {
  Lock lock;
  Value<int> value(1);
  Queue<std::string> queue;
  Event event;
  pool.apply(
      [](Lock mutex, const Value<int>& number, Queue<std::string> texts, Event flag) {
        const std::scoped_lock guard(mutex);
        number.value() = 42;
        texts.put("from the worker");
        flag.set();
      },
      lock, value, queue, event);
  EXPECT_TRUE(event.is_set());
  EXPECT_EQ(value.value(), 42);
  EXPECT_EQ(queue.get(patience), "from the worker");
}

TEST_F(PoolApply, ASharedObjectIsAResult) {
  Queue<int> queue = pool.apply(
      [](int number) {
        Queue<int> mine;
        mine.put(number);
        mine.put(number + 1);
        return mine;
      },
      5);
  EXPECT_EQ(queue.get(patience), 5);
  EXPECT_EQ(queue.get(patience), 6);
  queue.put(7);
  EXPECT_EQ(pool.apply([](Queue<int> same) { return same.get(); }, queue), 7);
  // Several in one task's results.
  auto queues = pool.map(
      {.chunksize = 30},
      [](int number) {
        Queue<int> mine;
        mine.put(number);
        return mine;
      },
      numbers_to(30));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(queues[static_cast<std::size_t>(i)].get(patience), i);
}

TEST_F(PoolApply, AnArgumentLivesThoughItsOwnerDroppedIt) {
  Event begun, go;
  std::vector<AsyncResult<pid_t>> busy;
  for (int i = 0; i < 2; ++i) busy.push_back(pool.apply_async(wait_for, begun, go));
  AsyncResult<int> result = [&] {
    Value<int> value(42);
    return pool.apply_async([](const Value<int>& number) { return number.value(); }, value);
  }();
  go.set();
  EXPECT_EQ(result.get(patience), 42);
}

TEST_F(PoolApply, ManyThreadsSubmitAndWaitAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < (sanitized ? 20 : 100); ++round) {
        if (pool.apply(square, thread * 1'000 + round) != (thread * 1'000 + round) * (thread * 1'000 + round))
          ++wrong;
        AsyncResult<int> later = pool.apply_async(square, round);
        if (pool.map({.chunksize = 3}, square, std::vector{round, 1, 2, 3}) !=
            std::vector{round * round, 1, 4, 9})
          ++wrong;
        while (!later.ready()) later.wait(1ms);
        if (later.get() != round * round) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(PoolApply, ManyThreadsWaitForOneResult) {
  for (int round = 0; round < 20; ++round) {
    Event begun, go;
    const AsyncResult<pid_t> result = pool.apply_async(wait_for, begun, go);
    std::vector<std::thread> threads;
    std::atomic<int> got{0};
    for (int thread = 0; thread < 6; ++thread)
      threads.emplace_back([&] {
        if (result.get(patience) > 0) ++got;
      });
    ASSERT_TRUE(begun.wait(patience));
    go.set();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(got, 6);
  }
}

TEST_F(PoolApply, TwoPoolsAtOnce) {
  Pool other({.processes = 2});
  const std::vector<AsyncResult<int>> results{pool.apply_async(square, 1), other.apply_async(square, 2),
                                              pool.apply_async(square, 3), other.apply_async(square, 4)};
  EXPECT_EQ(results[3].get(), 16);
  EXPECT_EQ(results[0].get(), 1);
  EXPECT_EQ(results[1].get(), 4);
  EXPECT_EQ(results[2].get(), 9);
}

}  // namespace
}  // namespace procyon
