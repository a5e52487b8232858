// Coroutines, as_completed, descriptors of results, and per-worker state.
#include <gtest/gtest.h>

#include <poll.h>
#include <signal.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/as_completed.hpp"
#include "procyon/task.hpp"
#include "procyon/with_state.hpp"

namespace procyon {
namespace {

using namespace testing;

int throws(int number) { throw std::runtime_error("no " + std::to_string(number)); }
std::unique_ptr<int> boxed(int number) { return std::make_unique<int>(number); }
int after(Event go, int number) {
  go.wait();
  return number;
}
bool readable(int descriptor, int milliseconds) {
  pollfd entry{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, milliseconds) == 1 && (entry.revents & POLLIN) != 0;
}

class PoolComfort : public ::testing::Test {
 protected:
  Pool pool{{.processes = 2}};
};

// ---- coroutines

Task<int> sum_of(Pool& pool, int count) {
  std::vector<AsyncResult<int>> results;
  for (int number = 0; number < count; ++number) results.push_back(pool.apply_async(square, number));
  int sum = 0;
  for (const AsyncResult<int>& result : results) sum += co_await result;
  co_return sum;
}
Task<> failing(Pool& pool) { co_await pool.apply_async(throws, 3); }
Task<std::string> nested(Pool& pool) {
  const int first = co_await sum_of(pool, 3);
  const std::vector<int> numbers(1, first);  // g++ 12 takes no list in braces in what is awaited
  const std::vector<int> squares = co_await pool.map_async(square, numbers);
  try {
    co_await failing(pool);
  } catch (const std::runtime_error& error) {
    co_return std::to_string(squares.at(0)) + " " + error.what();
  }
  co_return "";
}

TEST_F(PoolComfort, ACoroutineAwaitsResults) {
  EXPECT_EQ(sync_wait(sum_of(pool, 100)), 328'350);
  EXPECT_EQ(sync_wait(nested(pool)), "25 no 3");
  EXPECT_THROW(sync_wait(failing(pool)), std::runtime_error);
}

TEST_F(PoolComfort, WhatHasEndedIsNotWaitedFor) {
  const auto result = pool.apply_async(square, 3);
  result.wait();
  const auto here = std::this_thread::get_id();
  const auto where = [](AsyncResult<int> awaited) -> Task<std::thread::id> {
    EXPECT_EQ(co_await awaited, 9);
    co_return std::this_thread::get_id();
  };
  EXPECT_EQ(sync_wait(where(result)), here);
}

TEST_F(PoolComfort, ItIsResumedInTheThreadForCallbacks) {
  Event go;
  std::thread::id callbacks;
  const auto known =
      pool.apply_async({.callback = [&](int) { callbacks = std::this_thread::get_id(); }}, after, go, 1);
  const auto where = [](AsyncResult<int> awaited, Event let_go) -> Task<std::thread::id> {
    let_go.set();
    co_await awaited;
    co_return std::this_thread::get_id();
  };
  const std::thread::id resumed = sync_wait(where(known, go));
  if (resumed != std::this_thread::get_id()) {
    EXPECT_EQ(resumed, callbacks);
  }
  pool.close();
  pool.join();  // if this thread was faster, the callback is still to come
}

TEST_F(PoolComfort, AwaitedValuesAreMoved) {
  const auto task = [](Pool& own) -> Task<std::unique_ptr<int>> {
    co_return co_await own.apply_async(boxed, 7);
  };
  EXPECT_EQ(*sync_wait(task(pool)), 7);
}

TEST_F(PoolComfort, ACoroutineSeesCancelAndTheEndOfThePool) {
  Event go;
  const auto waits = [](AsyncResult<int> awaited) -> Task<int> { co_return co_await awaited; };
  const auto cancelled = pool.apply_async(after, go, 1);
  std::thread canceller([&] { cancelled.cancel(); });
  EXPECT_THROW(sync_wait(waits(cancelled)), Cancelled);
  canceller.join();
  const auto running = pool.apply_async(after, go, 1);
  std::thread terminator([&] { pool.terminate(); });
  EXPECT_THROW(sync_wait(waits(running)), Cancelled);
  terminator.join();
}

TEST_F(PoolComfort, ATaskThatIsNotAwaitedNeverRuns) {
  bool has_run = false;
  {
    const auto task = [](bool* run) -> Task<> {
      *run = true;
      co_return;
    };
    const Task<> never = task(&has_run);
  }
  EXPECT_FALSE(has_run);
}

// ---- as_completed

TEST_F(PoolComfort, ResultsComeAsTheyEnd) {
  Event go;
  std::vector<AsyncResult<int>> results{pool.apply_async(after, go, 0)};
  for (int number = 1; number < 20; ++number) results.push_back(pool.apply_async(square, number));
  std::vector<int> seen;
  for (const AsyncResult<int>& result : as_completed(results)) {
    EXPECT_TRUE(result.ready());
    seen.push_back(result.get());
    if (seen.size() == 19) go.set();
  }
  ASSERT_EQ(seen.size(), 20U);
  EXPECT_EQ(seen.back(), 0);
  for (const AsyncResult<int>& again : as_completed(results)) EXPECT_TRUE(again.ready());
  for (const AsyncResult<int>& none : as_completed(std::vector<AsyncResult<int>>())) FAIL() << none.get();
}

TEST_F(PoolComfort, ResultsOfSeveralPoolsAndFailures) {
  Pool other(1);
  Event go;
  const std::vector<AsyncResult<int>> results{pool.apply_async(after, go, 0), other.apply_async(throws, 1),
                                              pool.apply_async(throws, 2), other.apply_async(after, go, 3)};
  int good = 0;
  int bad = 0;
  for (const AsyncResult<int>& result : as_completed(results)) {
    ++(result.successful() ? good : bad);
    if (bad == 2) go.set();
  }
  EXPECT_EQ(good, 2);
  EXPECT_EQ(bad, 2);
}

TEST_F(PoolComfort, AsCompletedHasATimeout) {
  Event go;
  const std::vector<AsyncResult<int>> results{pool.apply_async(after, go, 0)};
  EXPECT_EQ(error_of([&] {
              for (const auto& result : as_completed(results, 20ms)) static_cast<void>(result);
              return 0;
            }),
            "procyon::TimeoutError: procyon: 1 of 1 results have not ended in time; their tasks go on");
  go.set();
  EXPECT_EQ(results[0].get(patience), 0);
}

// ---- descriptors

TEST_F(PoolComfort, ADescriptorBecomesReadableAtTheEnd) {
  Event go;
  const auto result = pool.apply_async(after, go, 5);
  const int descriptor = result.fileno();
  EXPECT_FALSE(readable(descriptor, 0));
  EXPECT_EQ(result.fileno(), descriptor);
  go.set();
  EXPECT_TRUE(readable(descriptor, 60'000));
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(readable(descriptor, 0));  // and stays so
  EXPECT_TRUE(readable(pool.apply_async(square, 2).fileno(), 60'000));
  const auto lost = pool.apply_async([](int signal) { return ::raise(signal); }, SIGKILL);
  EXPECT_TRUE(readable(lost.fileno(), 60'000));
}

// ---- state

struct Counter {
  explicit Counter(int begin) : number(begin) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  int number;
};
Counter counter() { return Counter(100); }
Counter counter_from(int begin) { return Counter(begin); }
int next(Counter& state, int by) { return state.number += by; }

TEST(PoolState, IsBuiltOncePerWorkerAndKept) {
  Pool pool(1);
  EXPECT_EQ(pool.map(with_state(counter, next), std::vector{1, 1, 1}), (std::vector{101, 102, 103}));
  EXPECT_EQ(pool.apply(with_state(counter, next), 1), 104);
  EXPECT_EQ(pool.map({.chunksize = 1}, with_state(partial(counter_from, 7), next), std::vector{1, 1}),
            (std::vector{8, 9}));
  EXPECT_EQ(pool.apply(with_state(partial(counter_from, 8), next), 1), 9);
  EXPECT_EQ(pool.apply(with_state(partial(counter_from, 7), next), 1), 10);
  EXPECT_EQ(pool.apply(with_state([] { return Counter(1); }, [](Counter& state) { return ++state.number; })),
            2);
}

TEST(PoolState, EachWorkerHasItsOwn) {
  Pool pool(2);
  Event go;
  const auto wait = [](Counter& state, Event begun, const Event& let_go) {
    begun.set();
    let_go.wait();
    return ++state.number;
  };
  Event first;
  Event second;
  const auto one = pool.apply_async(with_state(counter, wait), first, go);
  const auto two = pool.apply_async(with_state(counter, wait), second, go);
  ASSERT_TRUE(first.wait(patience));
  ASSERT_TRUE(second.wait(patience));
  go.set();
  EXPECT_EQ(one.get(patience), 101);
  EXPECT_EQ(two.get(patience), 101);
}

TEST(PoolState, AMakerThatThrowsIsTheTasksError) {
  Pool pool(1);
  EXPECT_EQ(error_of([&] {
              return pool.apply(with_state([]() -> int { throw std::runtime_error("no state"); },
                                           [](int& state) { return state; }));
            }),
            "std::runtime_error: no state");
  EXPECT_EQ(pool.apply(square, 3), 9);
}

/// Tells when it is destroyed.
class Noted {
 public:
  Noted(Queue<std::string> queue, std::string name) : queue_(std::move(queue)), name_(std::move(name)) {}
  Noted(const Noted&) = delete;
  Noted& operator=(const Noted&) = delete;
  ~Noted() { queue_.put(name_); }

 private:
  Queue<std::string> queue_;
  std::string name_;
};

TEST(PoolState, IsTornDownInOrderWhenAWorkerEnds) {
  Queue<std::string> names;
  const auto make = [](const std::string& name, const Queue<std::string>& queue) {
    return std::make_unique<Noted>(queue, name);
  };
  Pool pool(1);
  const auto touch = [](std::unique_ptr<Noted>& state) { return state != nullptr; };
  EXPECT_TRUE(pool.apply(with_state(partial(make, "first", names), touch)));
  EXPECT_TRUE(pool.apply(with_state(partial(make, "second", names), touch)));
  EXPECT_TRUE(pool.apply(with_state(partial(make, "first", names), touch)));
  pool.close();
  pool.join();
  EXPECT_EQ(names.get(patience), "second");
  EXPECT_EQ(names.get(patience), "first");
}

}  // namespace
}  // namespace procyon
