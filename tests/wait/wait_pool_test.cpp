// Results of a pool in wait(), beside others who wait for the same pool.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "procyon/event.hpp"
#include "procyon/pipe.hpp"
#include "procyon/pool.hpp"
#include "procyon/wait.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

int twice(int n) { return 2 * n; }
int when_set(Event go) {
  go.wait();
  return 1;
}
void die() { ::raise(SIGKILL); }

TEST(WaitPool, ResultsAreReadyAsTheyCome) {
  Pool pool({.processes = 2});
  Event first_go;
  Event second_go;
  auto first = pool.apply_async(when_set, first_go);
  auto second = pool.apply_async(when_set, second_go);
  EXPECT_TRUE(wait({first, second}, 1ms).empty());
  second_go.set();
  Ready ready = wait({first, second});
  EXPECT_EQ(ready.size(), 1u);
  EXPECT_TRUE(ready.contains(second));
  first_go.set();
  EXPECT_TRUE(wait({first}).contains(first));
  EXPECT_EQ(first.get(0s), 1);
}

TEST(WaitPool, ResultsBesideADescriptor) {
  Pool pool({.processes = 2});
  auto [parent, child] = Pipe();
  for (int i = 0; i < 100; ++i) {
    auto result = pool.apply_async(twice, i);
    EXPECT_TRUE(wait({parent, result}, 60s).contains(result));
    EXPECT_EQ(result.get(0s), 2 * i);
  }
}

TEST(WaitPool, ALostWorkersTaskIsReady) {
  Pool pool({.processes = 1});
  auto result = pool.apply_async(die);
  EXPECT_TRUE(wait({result}, 60s).contains(result));
  EXPECT_THROW(result.get(0s), WorkerLost);
}

TEST(WaitPool, ATerminatedPoolEndsTheWait) {
  Pool pool({.processes = 1});
  Event never;
  auto result = pool.apply_async(when_set, never);
  std::thread waiter([&] { EXPECT_TRUE(wait({result}, 60s).contains(result)); });
  pool.terminate();
  waiter.join();
  EXPECT_THROW(static_cast<void>(result.get(0s)), Cancelled);
}

TEST(WaitPool, OthersWhoWaitForThePoolAreNotDisturbed) {
  Pool pool({.processes = 2});
  std::vector<int> numbers(5'000);
  std::thread mapper([&] {
    for (int round = 0; round < 5; ++round) EXPECT_EQ(pool.map(twice, numbers).size(), numbers.size());
  });
  auto [parent, child] = Pipe();
  for (int i = 0; i < 200; ++i) {
    auto one = pool.apply_async(twice, i);
    auto other = pool.apply_async(twice, i);
    if (i % 2 == 0) {
      EXPECT_FALSE(wait({one, other}, 60s).empty());
    } else {
      EXPECT_FALSE(wait({parent, one, other}, 60s).empty());
    }
    EXPECT_EQ(one.get(60s), 2 * i);
    EXPECT_EQ(other.get(60s), 2 * i);
  }
  mapper.join();
}

void answer_through(Connection to, int n) { to.send(n + 1); }

TEST(WaitPool, ATaskAnswersThroughAConnection) {
  Pool pool({.processes = 1});
  auto [in, out] = Pipe(one_way);
  auto result = pool.apply_async(answer_through, out, 1);
  EXPECT_TRUE(wait({in}, 60s).contains(in));
  EXPECT_EQ(in.recv<int>(), 2);
  result.get(60s);
}

TEST(WaitPool, ManyResultsAreAllReadyInTheEnd) {
  Pool pool({.processes = 2});
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 500; ++i) results.push_back(pool.apply_async(twice, i));
  std::size_t taken = 0;
  while (!results.empty()) {
    const Ready ready = wait(results, 60s);
    ASSERT_FALSE(ready.empty());
    taken += ready.size();
    std::vector<AsyncResult<int>> rest;
    std::size_t next = 0;
    for (std::size_t index = 0; index < results.size(); ++index) {
      if (next < ready.size() && ready[next] == index)
        ++next;
      else
        rest.push_back(results[index]);
    }
    results.swap(rest);
  }
  EXPECT_EQ(taken, 500u);
}

}  // namespace
}  // namespace procyon
