// The life of a pool: options, start methods, initializer, replacement, close, terminate, join, destruction, fork.
#include "procyon/pool.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pool/test_support.hpp"

namespace procyon {
namespace {

using namespace testing;

// ---- the same under every start method

class PoolUnder : public UnderEachStartMethod {
 protected:
  PoolOptions options(int processes) { return {.processes = processes, .start_method = GetParam()}; }
};
INSTANTIATE_TEST_SUITE_P(Method, PoolUnder, all_start_methods, name_of_start_method);

int configured = 0;
void configure(int value, const std::string& text) { configured = value + static_cast<int>(text.size()); }
int configuration() { return configured; }

TEST_P(PoolUnder, MapsAndApplies) {
  Pool pool(options(2));
  EXPECT_EQ(pool.map(square, numbers_to(4)), (std::vector{0, 1, 4, 9}));
  EXPECT_EQ(pool.apply(square, 7), 49);
  EXPECT_EQ(pool.apply_async([](const std::string& text) { return text.size(); }, "four").get(), 4U);
  int sum = 0;
  for (const int result : pool.imap(square, numbers_to(4))) sum += result;
  EXPECT_EQ(sum, 14);
}

TEST_P(PoolUnder, SharesObjects) {
  Pool pool(options(2));
  Value<int> value(1);
  Queue<int> queue = pool.apply(
      [](const Value<int>& number) {
        number.with([](int& n) { n += 41; });
        Queue<int> mine;
        mine.put(7);
        return mine;
      },
      value);
  EXPECT_EQ(value.value(), 42);
  EXPECT_EQ(queue.get(patience), 7);
}

TEST_P(PoolUnder, InitialisesEachWorker) {
  PoolOptions with_initializer = options(3);
  with_initializer.initializer = partial(configure, 40, "xx");
  Pool pool(with_initializer);
  EXPECT_EQ(pool.map(
                {.chunksize = 1}, [](int) { return configuration(); }, numbers_to(20)),
            std::vector(20, 42));
  EXPECT_EQ(configured, 0);
}

TEST_P(PoolUnder, AKilledWorkerCostsItsTaskAndIsReplaced) {
  Pool pool(options(2));
  const auto task = [](int number) {
    if (number == 3) ::kill(::getpid(), SIGKILL);
    return number;
  };
  const std::vector<Outcome<int>> outcomes = pool.map_outcomes(task, numbers_to(20));
  for (int i = 0; i < 20; ++i) {
    const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(i)];
    ASSERT_EQ(outcome.has_value(), i != 3) << i;
    if (!outcome) {
      EXPECT_TRUE(outcome.error().is<WorkerLost>());
    }
  }
  EXPECT_EQ(pids_of(pool, 2).size(), 2U);
}

TEST_P(PoolUnder, EndsWithAllItsWorkers) {
  std::vector<pid_t> pids;
  {
    Pool pool(options(3));
    pids = pids_of(pool, 3);
    for (const pid_t pid : pids) EXPECT_TRUE(is_running(pid));
  }
  for (const pid_t pid : pids) EXPECT_FALSE(exists(pid));
}

// ---- options

TEST(PoolOptionsTest, NumbersBelowOneAreRefused) {
  EXPECT_THROW(Pool(0), std::invalid_argument);
  EXPECT_THROW(Pool(-3), std::invalid_argument);
  EXPECT_THROW(Pool({.processes = -1}), std::invalid_argument);
  EXPECT_THROW(Pool({.maxtasksperchild = -1}), std::invalid_argument);
  EXPECT_THROW(Pool(1'000'000), std::invalid_argument);
}

TEST(PoolOptionsTest, TheDefaultIsAWorkerForEachProcessor) {
  Pool pool;
  const std::vector<pid_t> pids = pids_of(pool, cpu_count());
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), static_cast<std::size_t>(cpu_count()));
}

TEST(PoolOptionsTest, WorkersAreDaemonicAndHaveNames) {
  Pool pool({.processes = 1});
  EXPECT_TRUE(pool.apply([] { return current_process().daemon(); }));
  EXPECT_EQ(pool.apply([] { return current_process().name().substr(0, 11); }), "PoolWorker-");
}

TEST(PoolOptionsTest, APoolInsideAWorkerIsRefusedWithASentence) {
  Pool pool({.processes = 1});
  const std::string error = error_of([&] {
    return pool.apply([] {
      Pool inner({.processes = 1});
      return inner.apply(square, 2);
    });
  });
  EXPECT_NE(error.find("std::logic_error"), std::string::npos) << error;
  EXPECT_NE(error.find("daemonic processes may not have children"), std::string::npos) << error;
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// ---- initializer

void count_in(const Value<int>& count) {
  count.with([](int& value) { ++value; });
}
void fail_with(const std::string& text) { throw std::runtime_error(text); }

TEST(PoolInitializer, RunsOnceInEachWorker) {
  Value<int> runs(0);
  Pool pool({.processes = 3, .initializer = partial(count_in, runs)});
  pids_of(pool, 3);
  pool.map({.chunksize = 1}, square, numbers_to(100));
  EXPECT_EQ(runs.value(), 3);
}

TEST(PoolInitializer, RunsInReplacementsToo) {
  Value<int> runs(0);
  Pool pool({.processes = 1, .initializer = partial(count_in, runs), .maxtasksperchild = 1});
  for (int i = 0; i < 3; ++i) pool.apply(square, i);
  EXPECT_TRUE(eventually([&] { return runs.value() >= 3; }));
}

TEST(PoolInitializer, ThatThrowsBreaksThePoolWithItsCause) {
  Value<int> runs(0);
  const auto initialise = [](const Value<int>& count) {
    count_in(count);
    fail_with("no such model");
  };
  Pool pool({.processes = 2, .initializer = partial(initialise, runs)});
  const std::string error = error_of([&] { return pool.apply(square, 2); });
  EXPECT_NE(error.find("BrokenPool"), std::string::npos) << error;
  EXPECT_NE(error.find("std::runtime_error"), std::string::npos) << error;
  EXPECT_NE(error.find("no such model"), std::string::npos) << error;
  // and for ever after, without more workers
  EXPECT_THROW(pool.map(square, numbers_to(3)), BrokenPool);
  EXPECT_THROW(pool.apply_async(square, 1), BrokenPool);
  EXPECT_THROW(pool.map_outcomes(square, numbers_to(1'000)), BrokenPool);
  EXPECT_LE(runs.value(), 2);
  pool.close();
  pool.join();
}

TEST(PoolInitializer, ThatThrowsEndsWhatWasSubmittedBefore) {
  Event may_fail;
  const auto initialise = [](const Event& gate) {
    gate.wait();
    throw std::runtime_error("no such model");
  };
  Pool pool({.processes = 2, .initializer = partial(initialise, may_fail)});
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 1'000; ++i) results.push_back(pool.apply_async(square, i));
  may_fail.set();
  for (const AsyncResult<int>& result : results) {
    ASSERT_TRUE(result.wait(patience));
    EXPECT_THROW(result.get(), BrokenPool);
  }
}

TEST(PoolInitializer, ThatEndsItsWorkerBreaksThePool) {
  Value<int> runs(0);
  const auto initialise = [](const Value<int>& count) {
    count_in(count);
    ::_exit(1);
  };
  Pool pool({.processes = 2, .initializer = partial(initialise, runs)});
  const std::string error = error_of([&] { return pool.apply(square, 2); });
  EXPECT_NE(error.find("BrokenPool"), std::string::npos) << error;
  EXPECT_NE(error.find("exit code 1"), std::string::npos) << error;
  EXPECT_LE(runs.value(), 40) << "a storm of workers";
}

// ---- maxtasksperchild

TEST(PoolMaxTasksPerChild, ReplacesWorkersAndLosesNothing) {
  Pool pool({.processes = 2, .maxtasksperchild = 5});
  const std::vector<pid_t> pids = pool.map({.chunksize = 1}, pid_of_worker_for, numbers_to(100));
  std::map<pid_t, int> tasks;
  for (const pid_t pid : pids) ++tasks[pid];
  for (const auto& [pid, count] : tasks) EXPECT_LE(count, 5);
  EXPECT_GE(tasks.size(), 20U);
}

TEST(PoolMaxTasksPerChild, OfOneGivesEachTaskAProcess) {
  Pool pool({.processes = 2, .maxtasksperchild = 1});
  std::vector<AsyncResult<pid_t>> results;
  for (int i = 0; i < 50; ++i) results.push_back(pool.apply_async(pid_of_worker));
  std::set<pid_t> pids;
  for (const AsyncResult<pid_t>& result : results) pids.insert(result.get(patience));
  EXPECT_EQ(pids.size(), 50U);
}

// ---- close, terminate, join

TEST(PoolEnd, CloseLetsWhatWasGivenRunOnAndTakesNoMore) {
  Pool pool({.processes = 2});
  Event begun, go;
  const AsyncResult<pid_t> running = pool.apply_async(wait_for, begun, go);
  std::vector<AsyncResult<int>> queued;
  for (int i = 0; i < 500; ++i) queued.push_back(pool.apply_async(square, i));
  pool.close();
  pool.close();
  EXPECT_NE(misuse([&] { pool.apply_async(square, 1); }).find("takes no more tasks"), std::string::npos);
  EXPECT_THROW(pool.map(square, numbers_to(3)), std::logic_error);
  EXPECT_THROW(pool.apply(square, 3), std::logic_error);
  go.set();
  pool.join();
  EXPECT_TRUE(running.ready());
  for (int i = 0; i < 500; ++i) EXPECT_EQ(queued[static_cast<std::size_t>(i)].get(0ms), i * i);
  pool.join();
}

TEST(PoolEnd, JoinBeforeCloseIsRefused) {
  Pool pool({.processes = 1});
  EXPECT_NE(misuse([&] { pool.join(); }).find("close() or terminate()"), std::string::npos);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(PoolEnd, JoinWaitsForTheWorkersToo) {
  Pool pool({.processes = 2});
  const std::vector<pid_t> pids = pids_of(pool, 2);
  pool.close();
  pool.join();
  for (const pid_t pid : pids) EXPECT_FALSE(exists(pid));
}

TEST(PoolEnd, JoinWaitsNoLongerThanItIsTold) {
  Pool pool({.processes = 2});
  Event begun, go;
  EXPECT_THROW(pool.join(0ms), std::logic_error);
  const AsyncResult<pid_t> running = pool.apply_async(wait_for, begun, go);
  const std::vector<pid_t> pids{pool.apply(pid_of_worker)};
  ASSERT_TRUE(begun.wait(patience));
  pool.close();
  EXPECT_FALSE(pool.join(0ms));
  EXPECT_FALSE(pool.join(-1s));
  EXPECT_FALSE(pool.join(5ms));
  EXPECT_FALSE(running.ready());
  go.set();
  EXPECT_TRUE(pool.join(patience));
  EXPECT_TRUE(running.ready());
  for (const pid_t pid : pids) EXPECT_FALSE(exists(pid));
  EXPECT_TRUE(pool.join(0ms));
}

TEST(PoolEnd, AfterAJoinThatWasTooShortItMayBeTerminated) {
  Pool pool({.processes = 1});
  Event begun, never;
  const AsyncResult<pid_t> running = pool.apply_async(wait_for, begun, never);
  ASSERT_TRUE(begun.wait(patience));
  pool.close();
  EXPECT_FALSE(pool.join(1ms));
  pool.terminate();
  EXPECT_TRUE(pool.join(0ms));
  EXPECT_THROW(running.get(), Cancelled);
}

TEST(PoolEnd, AWorkerThatDoesNotEndMakesJoinSaySo) {
  Pool pool({.processes = 1});
  const pid_t worker = pool.apply(pid_of_worker);
  ::kill(worker, SIGSTOP);
  pool.close();
  EXPECT_FALSE(pool.join(5ms));
  ::kill(worker, SIGCONT);
  EXPECT_TRUE(pool.join(patience));
  EXPECT_FALSE(exists(worker));
}

TEST(PoolEnd, TerminateCancelsWhatHasNotEnded) {
  Pool pool({.processes = 2});
  Event begun, never;
  const AsyncResult<int> done = pool.apply_async(square, 3);
  done.wait();
  const AsyncResult<pid_t> running = pool.apply_async(wait_for, begun, never);
  ASSERT_TRUE(begun.wait(patience));
  const std::vector<pid_t> pids{pool.apply(pid_of_worker)};
  std::vector<AsyncResult<pid_t>> queued;
  for (int i = 0; i < 300; ++i) queued.push_back(pool.apply_async(wait_for, begun, never));
  pool.terminate();
  EXPECT_EQ(done.get(), 9);
  EXPECT_THROW(running.get(), Cancelled);
  for (const AsyncResult<pid_t>& result : queued) {
    EXPECT_TRUE(result.ready());
    EXPECT_FALSE(result.successful());
    EXPECT_THROW(result.get(), Cancelled);
  }
  for (const pid_t pid : pids) EXPECT_FALSE(exists(pid));
  EXPECT_THROW(pool.apply(square, 3), std::logic_error);
  pool.terminate();
  pool.close();
  pool.join();
}

TEST(PoolEnd, TerminateEndsWhatIgnoresSigterm) {
  Pool pool({.processes = 1});
  Event begun, never;
  const AsyncResult<pid_t> stubborn = pool.apply_async(
      [](Event running, const Event& gate) {
        ::signal(SIGTERM, SIG_IGN);
        return wait_for(running, gate);
      },
      begun, never);
  ASSERT_TRUE(begun.wait(patience));
  pool.terminate();
  EXPECT_THROW(stubborn.get(), Cancelled);
}

TEST(PoolEnd, TerminateReleasesThreadsThatWait) {
  auto pool = std::make_unique<Pool>(PoolOptions{.processes = 2});
  Event begun, never;
  std::vector<std::thread> threads;
  std::atomic<int> cancelled{0};
  for (int thread = 0; thread < 6; ++thread) {
    const AsyncResult<pid_t> result = pool->apply_async(wait_for, begun, never);
    threads.emplace_back([&, result] {
      try {
        result.get();
      } catch (const Cancelled&) {
        ++cancelled;
      }
    });
  }
  threads.emplace_back([&] {
    // A map that waits for room: what has not been given out cannot be any more.
    try {
      pool->map(
          {.chunksize = 1}, [](const Event& gate) { gate.wait(); }, std::vector(1'000, never));
    } catch (const Cancelled&) {
      ++cancelled;
    } catch (const std::logic_error&) {
      ++cancelled;
    }
  });
  ASSERT_TRUE(begun.wait(patience));
  pool->terminate();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cancelled, 7);
}

TEST(PoolEnd, DestructionWhileBusyIsTerminate) {
  std::vector<AsyncResult<pid_t>> results;
  Event begun, never;
  {
    Pool pool({.processes = 2});
    for (int i = 0; i < 200; ++i) results.push_back(pool.apply_async(wait_for, begun, never));
    ASSERT_TRUE(begun.wait(patience));
  }
  for (const AsyncResult<pid_t>& result : results) EXPECT_THROW(result.get(), Cancelled);
}

TEST(PoolEnd, DestructionAtAnyMomentOfItsLife) {
  for (int round = 0; round < (sanitized ? 5 : 50); ++round) {
    Pool pool({.processes = 2});
    std::vector<AsyncResult<int>> results;
    for (int i = 0; i < round * 3; ++i) results.push_back(pool.apply_async(square, i));
    if (round % 3 == 0 && !results.empty()) results.back().wait();
    if (round % 3 == 1) pool.close();
  }
}

TEST(PoolEnd, ThreadsMayEndItAtOnce) {
  for (int round = 0; round < 20; ++round) {
    Pool pool({.processes = 2});
    std::vector<AsyncResult<int>> results;
    for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async(square, i));
    std::vector<std::thread> threads;
    threads.reserve(6);
    for (int thread = 0; thread < 6; ++thread)
      threads.emplace_back([&, thread] {
        if (thread % 3 == 0) pool.terminate();
        if (thread % 3 == 1) pool.close();
        if (thread % 3 == 2) {
          pool.close();
          pool.join();
        }
      });
    for (std::thread& thread : threads) thread.join();
    pool.join();
    for (const AsyncResult<int>& result : results) EXPECT_TRUE(result.ready());
  }
}

// ---- a user's own fork

TEST(PoolFork, AForkedChildCannotUseThePoolAndHarmsNobody) {
  auto pool = std::make_unique<Pool>(PoolOptions{.processes = 2});
  Event begun, go;
  const AsyncResult<pid_t> running = pool->apply_async(wait_for, begun, go);
  const AsyncResult<int> done = pool->apply_async(square, 3);
  ASSERT_TRUE(begun.wait(patience));
  const std::vector<std::function<void()>> uses{
      [&] { pool->apply(square, 2); },
      [&] { pool->apply_async(square, 2); },
      [&] { pool->map(square, numbers_to(3)); },
      [&] {
        for ([[maybe_unused]] int result : pool->imap(square, numbers_to(3))) {
        }
      },
      [&] { running.get(1ms); },
      [&] { static_cast<void>(running.ready()); },
      [&] { pool->close(); },
      [&] { pool->join(); },
      [&] { pool->terminate(); },
  };
  const pid_t child = ::fork();
  if (child == 0) {
    int number = 1;
    for (const auto& use : uses) {
      check(error_of([&] { return use(), 0; }).find("made it") != std::string::npos, number++);
    }
    pool.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the number of the use that was not refused";
  go.set();
  EXPECT_GT(running.get(patience), 0);
  EXPECT_EQ(done.get(patience), 9);
  EXPECT_EQ(pool->map(square, numbers_to(3)), (std::vector{0, 1, 4}));
}

TEST(PoolFork, AForkedChildMayHaveAPoolOfItsOwn) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer ends a child of a program with threads when it starts one of its own "
                  "(dup thread)";
#endif
  Pool pool({.processes = 2});
  EXPECT_EQ(pool.apply(square, 2), 4);
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    {
      Pool own({.processes = 2});
      code = own.map(square, numbers_to(3)) == std::vector{0, 1, 4} ? 0 : 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

}  // namespace
}  // namespace procyon
