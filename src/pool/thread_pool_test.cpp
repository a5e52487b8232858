// What every pool promises, be its workers processes, threads, or the caller; and what only threads, or the caller, do.
#include "procyon/thread_pool.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/progress.hpp"
#include "procyon/wait.hpp"

namespace procyon::testing {
namespace {

struct OfProcesses {
  Pool pool{{.processes = 2}};
};
struct OfThreads {
  ThreadPool pool{{.processes = 2}};
};
struct Inline {
  Pool pool{{.run_inline = true}};
};

template <class Made>
class AnyPool : public ::testing::Test {
 protected:
  Made made_;
  decltype(made_.pool)& pool_ = made_.pool;
};
using Kinds = ::testing::Types<OfProcesses, OfThreads, Inline>;
TYPED_TEST_SUITE(AnyPool, Kinds);

std::string greet(const std::string& name, int times) {
  std::string text;
  for (int each = 0; each < times; ++each) text += "hello " + name + "\n";
  return text;
}
int refuse_threes(int number) {
  if (number % 3 == 0) throw std::out_of_range("no threes");
  return number * 2;
}
void nothing() {}
int add(int a, int b, int c) { return a + b + c; }

TYPED_TEST(AnyPool, AppliesFunctionsToArguments) {
  EXPECT_EQ(this->pool_.apply(square, 7), 49);
  EXPECT_EQ(this->pool_.apply(greet, "you", 2), "hello you\nhello you\n");
  this->pool_.apply(nothing);
  EXPECT_EQ(this->pool_.apply(partial(add, 1, 2), 3), 6);
}

TYPED_TEST(AnyPool, AppliesMeanwhile) {
  const AsyncResult<int> later = this->pool_.apply_async(square, 9);
  EXPECT_EQ(later.get(patience), 81);
  EXPECT_TRUE(later.ready());
  EXPECT_TRUE(later.successful());
  std::vector<AsyncResult<int>> many;
  for (int number = 0; number < 3000; ++number) many.push_back(this->pool_.apply_async(square, number));
  for (int number = 0; number < 3000; ++number)
    EXPECT_EQ(many[static_cast<std::size_t>(number)].get(patience), number * number);
}

TYPED_TEST(AnyPool, ResultsCanBeWaitedForTogether) {
  const AsyncResult<int> a = this->pool_.apply_async(square, 2);
  EXPECT_FALSE(wait({a}, patience).empty());
}

TYPED_TEST(AnyPool, MapsInOrder) {
  const std::vector<int> numbers = numbers_to(10000);
  std::vector<int> expected;
  for (const int number : numbers) expected.push_back(number * number);
  EXPECT_EQ(this->pool_.map(square, numbers), expected);
  EXPECT_EQ(this->pool_.map({.chunksize = 3}, square, numbers), expected);
  EXPECT_EQ(this->pool_.map(square, std::list<int>(numbers.begin(), numbers.end())), expected);
  EXPECT_EQ(this->pool_.map(add, std::vector{1, 2, 3}, std::list{6, 7, 8}, std::vector{11, 12}),
            (std::vector{18, 21}));
  EXPECT_TRUE(this->pool_.map(square, std::vector<int>()).empty());
}

TYPED_TEST(AnyPool, MapThrowsTheFirstErrorByOrderOfTheInput) {
  EXPECT_EQ(error_of([&] {
              return this->pool_.map(refuse_threes, std::vector{1, 2, 3, 4, 6});
            }),
            "std::out_of_range: no threes");
}

TYPED_TEST(AnyPool, OutcomesGoOnPastWhatFailed) {
  const auto outcomes = this->pool_.map_outcomes(refuse_threes, numbers_to(100));
  ASSERT_EQ(outcomes.size(), 100U);
  for (int number = 0; number < 100; ++number) {
    const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(number)];
    ASSERT_EQ(outcome.has_value(), number % 3 != 0);
    if (outcome)
      EXPECT_EQ(*outcome, number * 2);
    else
      EXPECT_TRUE(outcome.error().template is<std::out_of_range>());
  }
}

TYPED_TEST(AnyPool, ImapYieldsInOrder) {
  int expected = 0;
  for (const int result : this->pool_.imap({.chunksize = 5}, square, numbers_to(1000))) {
    EXPECT_EQ(result, expected * expected);
    ++expected;
  }
  EXPECT_EQ(expected, 1000);
  int failed = 0;
  for (const auto& outcome : this->pool_.imap_outcomes(refuse_threes, numbers_to(100)))
    failed += outcome ? 0 : 1;
  EXPECT_EQ(failed, 34);
}

TYPED_TEST(AnyPool, ImapMayBeLeftEarly) {
  for (const int result : this->pool_.imap(square, numbers_to(100000)))
    if (result == 25) break;
  EXPECT_EQ(this->pool_.apply(square, 3), 9);
}

TYPED_TEST(AnyPool, MapsAndStarmapsMeanwhile) {
  EXPECT_EQ(this->pool_.map_async(square, std::vector{1, 2, 3}).get(), (std::vector{1, 4, 9}));
  const std::vector<std::tuple<int, int, int>> triples = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(this->pool_.starmap(add, triples), (std::vector{6, 15}));
  EXPECT_EQ(this->pool_.starmap_async({.chunksize = 1}, add, triples).get(), (std::vector{6, 15}));
}

TYPED_TEST(AnyPool, MapsManyMeanwhileInOrder) {
  std::vector<int> expected;
  for (const int number : numbers_to(20'000)) expected.push_back(number * number);
  EXPECT_EQ(this->pool_.map_async(square, numbers_to(20'000)).get(), expected);
  std::vector<std::string> names;
  for (const int number : numbers_to(3'000)) names.push_back(std::to_string(number));
  const auto lines = this->pool_.map_async(greet, names, std::vector<int>(names.size(), 1)).get();
  ASSERT_EQ(lines.size(), names.size());
  for (std::size_t line = 0; line < lines.size(); ++line)
    ASSERT_EQ(lines[line], "hello " + names[line] + "\n");
}

TYPED_TEST(AnyPool, ImapUnorderedYieldsEachOnce) {
  int sum = 0;
  for (const int result : this->pool_.imap_unordered(square, numbers_to(100))) sum += result;
  EXPECT_EQ(sum, 328350);
  int failed = 0;
  for (const auto& outcome : this->pool_.imap_unordered_outcomes(refuse_threes, numbers_to(100)))
    failed += outcome ? 0 : 1;
  EXPECT_EQ(failed, 34);
}

TYPED_TEST(AnyPool, CallsBack) {
  std::atomic<int> got{0};
  std::string failed;
  this->pool_.apply_async({.callback = [&](const int& value) { got = value; }}, square, 5).wait();
  this->pool_
      .apply_async({.error_callback = [&](const Error& error) { failed = error.what(); }}, refuse_threes, 3)
      .wait();
  this->pool_.close();
  this->pool_.join();
  EXPECT_EQ(got, 25);
  EXPECT_EQ(failed, "no threes");
}

TYPED_TEST(AnyPool, ABarCountsByCallbacks) {
  ProgressBar bar({.total = 2});
  this->pool_.apply_async({.callback = bar.on_success(), .error_callback = bar.on_failure()}, square, 5)
      .wait();
  this->pool_.close();
  this->pool_.join();
}

TYPED_TEST(AnyPool, SharedObjectsArriveInTasks) {
  const Value<int> value(0);
  this->pool_.map([](Value<int> shared, int by) { shared.with([by](int& n) { n += by; }); },
                  std::vector<Value<int>>(20, value), std::vector<int>(20, 2));
  EXPECT_EQ(value.value(), 40);
}

TYPED_TEST(AnyPool, AClosedPoolTakesNoMoreAndJoins) {
  const AsyncResult<int> before = this->pool_.apply_async(square, 4);
  EXPECT_EQ(
      error_of([&] { return this->pool_.join(), 0; }),
      "std::logic_error: procyon: this pool still takes tasks; close() or terminate() it before join()");
  this->pool_.close();
  EXPECT_NE(error_of([&] { return this->pool_.apply(square, 1); }).find("takes no more tasks"),
            std::string::npos);
  this->pool_.join();
  EXPECT_EQ(before.get(), 16);
}

TYPED_TEST(AnyPool, JoinMayHaveALimit) {
  const AsyncResult<int> before = this->pool_.apply_async(square, 4);
  EXPECT_THROW(this->pool_.join(0ms), std::logic_error);
  this->pool_.close();
  EXPECT_TRUE(this->pool_.join(patience));
  EXPECT_EQ(before.get(0ms), 16);
  EXPECT_TRUE(this->pool_.join(0ms));
}

TYPED_TEST(AnyPool, JoinWaitsForCallbacksNoLongerThanItIsTold) {
  Event begun, go;
  this->pool_
      .apply_async({.callback =
                        [&](const int&) {
                          begun.set();
                          go.wait();
                        }},
                   square, 4)
      .wait();
  this->pool_.close();
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_FALSE(this->pool_.join(5ms));
  go.set();
  EXPECT_TRUE(this->pool_.join(patience));
}

TEST(ThreadPool, JoinWaitsForATaskThatHasItsOutcomeAndRunsOn) {
  Event go;
  ThreadPool pool({.processes = 1});
  const auto late = pool.apply_async({.timeout = 1ms}, [&](const std::stop_token&) { go.wait(); });
  EXPECT_THROW(late.get(patience), TimeoutError);
  pool.close();
  EXPECT_FALSE(pool.join(5ms));
  go.set();
  EXPECT_TRUE(pool.join(patience));
}

TYPED_TEST(AnyPool, ATerminatedPoolTakesNoMore) {
  this->pool_.terminate();
  this->pool_.join();
  EXPECT_NE(error_of([&] { return this->pool_.apply(square, 1); }).find("takes no more tasks"),
            std::string::npos);
}

TYPED_TEST(AnyPool, RefusesEmptyChunks) {
  const std::string sentence =
      "std::invalid_argument: procyon: a chunk has at least one item; leave chunksize out for a good default";
  const std::vector<int> one(1);
  EXPECT_EQ(error_of([&] { return this->pool_.map({.chunksize = 0}, square, one); }), sentence);
  EXPECT_EQ(error_of([&] { return this->pool_.map_async({.chunksize = 0}, square, one); }), sentence);
  EXPECT_EQ(error_of([&] { return this->pool_.imap({.chunksize = 0}, square, one).size(); }), sentence);
}

TYPED_TEST(AnyPool, IsUsedByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int number = 0; number < 200; ++number)
        if (this->pool_.apply(square, number) != number * number) ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// ---- threads alone

TEST(ThreadPool, RunsInThisProcessOnOtherThreads) {
  ThreadPool pool({.processes = 3});
  EXPECT_EQ(pool.apply(pid_of_worker), ::getpid());
  EXPECT_NE(pool.apply([] { return std::this_thread::get_id(); }), std::this_thread::get_id());
}

TEST(ThreadPool, RunsAsManyTasksSideBySideAsItHasThreads) {
  ThreadPool pool({.processes = 3});
  std::atomic<int> arrived{0};
  const auto meet = [&arrived](int) {
    ++arrived;
    return eventually([&] { return arrived == 3; });
  };
  EXPECT_EQ(pool.map({.chunksize = 1}, meet, numbers_to(3)), (std::vector<bool>{true, true, true}));
}

TEST(ThreadPool, CallablesMayHaveCaptures) {
  ThreadPool pool({.processes = 2});
  std::atomic<int> sum{0};
  pool.map([&sum](int number) { sum += number; }, numbers_to(1000));
  EXPECT_EQ(sum, 499500);
  const std::string prefix = "x";
  EXPECT_EQ(pool.apply([=](const std::string& text) { return prefix + text; }, "y"), "xy");
  int changed = 0;
  pool.apply([](int& target) { target = 5; }, std::ref(changed));
  EXPECT_EQ(changed, 5);
}

TEST(ThreadPool, ResultsOfAnyTypeAreMovedNotCopied) {
  ThreadPool pool({.processes = 2});
  const auto results =
      pool.map_outcomes([](int number) { return std::make_unique<int>(number); }, numbers_to(50));
  for (int number = 0; number < 50; ++number) EXPECT_EQ(**results[static_cast<std::size_t>(number)], number);
  const std::unique_ptr<std::ostringstream> one =
      pool.apply([] { return std::make_unique<std::ostringstream>(); });
  EXPECT_NE(one, nullptr);
  const auto* const pointer = pool.apply([&one] { return one.get(); });
  EXPECT_EQ(pointer, one.get());
  int expected = 0;
  for (const auto& each : pool.imap([](int number) { return std::make_unique<int>(number); }, numbers_to(40)))
    EXPECT_EQ(*each, expected++);
}

TEST(ThreadPool, ErrorsAreTheVeryObjectsThatWereThrown) {
  struct Local {
    int number;
  };
  ThreadPool pool({.processes = 1});
  try {
    pool.apply([]() -> int { throw Local{7}; });
    FAIL() << "it did not throw";
  } catch (const Local& thrown) {
    EXPECT_EQ(thrown.number, 7);
  }
}

TEST(ThreadPool, ACallableThatChangesIsCopiedForEachChunk) {
  ThreadPool pool({.processes = 2});
  const auto counts = pool.map(
      {.chunksize = 4}, [count = 0](int) mutable { return ++count; }, numbers_to(8));
  EXPECT_EQ(counts, (std::vector{1, 2, 3, 4, 1, 2, 3, 4}));
}

TEST(ThreadPool, ACallableThatChangesIsNeverSharedByTwoThreads) {
  ThreadPool pool({.processes = 2});
  const auto counts = pool.map_async([count = 0](int) mutable { return ++count; }, numbers_to(1000)).get();
  for (std::size_t item = 1; item < counts.size(); ++item)
    EXPECT_TRUE(counts[item] == 1 || counts[item] == counts[item - 1] + 1) << "item " << item;
}

TEST(ThreadPool, AForkedChildCannotUseIt) {
  auto pool = std::make_unique<ThreadPool>(2);
  const AsyncResult<int> result = pool->apply_async(square, 3);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool is_refused =
        error_of([&] { return pool->apply(square, 2); }).find("made it") != std::string::npos &&
        error_of([&] { return result.get(); }).find("made it") != std::string::npos;
    pool.reset();
    ::_exit(is_refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(result.get(patience), 9);
  EXPECT_EQ(pool->apply(square, 4), 16);
}

// ---- cancel, stop tokens and time-outs of threads

class ThreadPoolCancel : public ::testing::Test {
 protected:
  /// Occupies the one thread until `go_`; true when it has begun.
  AsyncResult<int> occupy() {
    auto first = pool_.apply_async([this] {
      begun_ = true;
      EXPECT_TRUE(eventually([this] { return go_.load(); }));
      return 1;
    });
    EXPECT_TRUE(eventually([this] { return begun_.load(); }));
    return first;
  }
  /// A task that ends when it is asked to.
  int until_stopped(const std::stop_token& token) {
    begun_ = true;
    EXPECT_TRUE(eventually([&] { return token.stop_requested(); }));
    ++stopped_;
    return 1;
  }

  // Before the pool: its tasks use them until it is gone.
  std::atomic<bool> begun_{false};
  std::atomic<bool> go_{false};
  std::atomic<int> runs_{0};
  std::atomic<int> stopped_{0};
  ThreadPool pool_{{.processes = 1}};
};

TEST_F(ThreadPoolCancel, AQueuedTaskNeverStarts) {
  const auto first = occupy();
  std::vector<AsyncResult<int>> queued;
  for (int task = 0; task < 2000; ++task) queued.push_back(pool_.apply_async([this] { return ++runs_; }));
  for (const auto& each : queued) {
    EXPECT_TRUE(each.cancel());
    EXPECT_TRUE(each.ready());
    EXPECT_FALSE(each.cancel());
  }
  go_ = true;
  EXPECT_EQ(first.get(patience), 1);
  for (const auto& each : queued) EXPECT_THROW(each.get(patience), Cancelled);
  EXPECT_EQ(pool_.apply(square, 3), 9);
  EXPECT_EQ(runs_, 0);
}

TEST_F(ThreadPoolCancel, ARunningTaskIsAskedToStopAndIsCancelled) {
  const auto running =
      pool_.apply_async([this](const std::stop_token& token) { return until_stopped(token); });
  ASSERT_TRUE(eventually([this] { return begun_.load(); }));
  EXPECT_TRUE(running.cancel());
  EXPECT_TRUE(running.ready());
  EXPECT_THROW(running.get(patience), Cancelled);
  EXPECT_FALSE(running.cancel());
  EXPECT_EQ(pool_.apply(square, 3), 9) << "the thread goes on";
  EXPECT_EQ(stopped_, 1);
}

TEST_F(ThreadPoolCancel, ARunningTaskThatTakesNoTokenGoesOn) {
  const auto running = occupy();
  EXPECT_FALSE(running.cancel());
  go_ = true;
  EXPECT_EQ(running.get(patience), 1);
}

TEST_F(ThreadPoolCancel, AnEndedTaskCannotBeCancelled) {
  const auto result = pool_.apply_async(square, 3);
  result.wait();
  EXPECT_FALSE(result.cancel());
  EXPECT_EQ(result.get(), 9);
}

TEST_F(ThreadPoolCancel, OfAChunkWhatHasNotBegunNeverBegins) {
  const auto later = pool_.map_async(
      {.chunksize = 10},
      [this](int number) {
        ++runs_;
        begun_ = true;
        EXPECT_TRUE(eventually([this] { return go_.load(); }));
        return number;
      },
      numbers_to(100));
  ASSERT_TRUE(eventually([this] { return begun_.load(); }));
  EXPECT_TRUE(later.cancel());
  go_ = true;
  EXPECT_THROW(later.get(patience), Cancelled);
  EXPECT_EQ(pool_.apply(square, 3), 9);
  EXPECT_EQ(runs_, 1);
}

TEST_F(ThreadPoolCancel, AChunkOfListenersGoesNoFurther) {
  const auto later = pool_.map_async(
      {.chunksize = 10}, [this](const std::stop_token& token, int) { return until_stopped(token); },
      numbers_to(100));
  ASSERT_TRUE(eventually([this] { return begun_.load(); }));
  EXPECT_TRUE(later.cancel());
  EXPECT_THROW(later.get(patience), Cancelled);
  EXPECT_EQ(pool_.apply(square, 3), 9);
  EXPECT_EQ(stopped_, 1);
}

TEST_F(ThreadPoolCancel, ATimeoutAsksToStop) {
  EXPECT_EQ(
      error_of([&] {
        return pool_.apply({.timeout = std::chrono::milliseconds(20)},
                           [this](const std::stop_token& token) { return until_stopped(token); });
      }),
      "procyon::TimeoutError: procyon: the task of apply ran longer than its time-out of 20 ms; it was asked "
      "to stop");
  EXPECT_EQ(pool_.apply(square, 3), 9);
  EXPECT_EQ(stopped_, 1);
  EXPECT_EQ(pool_.apply({.timeout = std::chrono::hours(1)},
                        [](const std::stop_token& token) { return token.stop_requested(); }),
            false);
}

TEST_F(ThreadPoolCancel, OnlyTheItemThatOverranIsStopped) {
  const auto outcomes = pool_.map_outcomes(
      {.chunksize = 6, .timeout = std::chrono::milliseconds(50)},
      [this](const std::stop_token& token, int number) {
        return number == 2 ? until_stopped(token) : number;
      },
      numbers_to(6));
  for (std::size_t item = 0; item < 6; ++item) {
    if (item == 2) {
      EXPECT_TRUE(outcomes[item].error().is<TimeoutError>()) << outcomes[item].error();
    } else if (outcomes[item]) {  // on a machine that is busy enough any may overrun
      EXPECT_EQ(outcomes[item].value(), static_cast<int>(item));
    }
  }
  EXPECT_EQ(stopped_, 1);
}

TEST_F(ThreadPoolCancel, ATimeoutWithoutATokenIsRefused) {
  EXPECT_NE(error_of([&] {
              return pool_.apply({.timeout = std::chrono::seconds(1)}, square, 1);
            }).find("a thread cannot be ended from outside"),
            std::string::npos);
  EXPECT_THROW(pool_.map({.timeout = std::chrono::seconds(1)}, square, std::vector{1}),
               std::invalid_argument);
}

TEST_F(ThreadPoolCancel, ATimeoutOfTheWholeCallEndsWhatHasNotBegun) {
  const auto first = occupy();
  const auto later = pool_.map_async(
      {.total_timeout = std::chrono::milliseconds(20)}, [this](int) { return ++runs_; }, numbers_to(100));
  EXPECT_THROW(later.get(patience), TimeoutError);
  go_ = true;
  EXPECT_EQ(first.get(patience), 1);
  EXPECT_EQ(pool_.apply(square, 3), 9);
  EXPECT_EQ(runs_, 0);
}

TEST_F(ThreadPoolCancel, AStopCallbackMayCallThePool) {
  std::optional<AsyncResult<int>> from_callback;
  const auto running = pool_.apply_async([&](const std::stop_token& token) {
    const std::stop_callback call(token, [&] { from_callback = pool_.apply_async(square, 4); });
    return until_stopped(token);
  });
  ASSERT_TRUE(eventually([this] { return begun_.load(); }));
  EXPECT_TRUE(running.cancel());
  ASSERT_TRUE(from_callback.has_value());
  EXPECT_EQ(from_callback->get(patience), 16);
}

TEST_F(ThreadPoolCancel, TerminateAsksAllToStop) {
  const auto running =
      pool_.apply_async([this](const std::stop_token& token) { return until_stopped(token); });
  ASSERT_TRUE(eventually([this] { return begun_.load(); }));
  pool_.terminate();
  EXPECT_EQ(stopped_, 1);
  EXPECT_TRUE(running.ready());
}

TEST_F(ThreadPoolCancel, AtAnyMomentEachTaskHasOneOutcome) {
  ThreadPool pair(2);
  std::minstd_rand random(7);
  for (int round = 0; round < 500; ++round) {
    const auto plain = pair.apply_async(square, round);
    const auto listener =
        pair.apply_async([](const std::stop_token& token) { return token.stop_requested(); });
    const auto chunk = pair.map_async({.chunksize = 3}, square, numbers_to(8));
    const auto neighbour = pair.map_async(square, numbers_to(50));
    for (std::uint_fast32_t spins = random() % 20'000; spins > 0; --spins) os::spin_pause();
    const bool plain_cancelled = plain.cancel();
    const bool listener_cancelled = listener.cancel();
    const bool chunk_cancelled = chunk.cancel();
    EXPECT_EQ(error_of([&] { return plain.get(patience); }).empty(), !plain_cancelled);
    EXPECT_EQ(error_of([&] { return listener.get(patience); }).empty(), !listener_cancelled);
    EXPECT_EQ(error_of([&] { return chunk.get(patience); }).empty(), !chunk_cancelled);
    EXPECT_EQ(neighbour.get(patience).size(), 50U);
  }
}

TEST(ThreadPool, EachThreadRunsTheInitializer) {
  std::atomic<int> initialized{0};
  {
    ThreadPool pool({.processes = 3, .initializer = [&] { ++initialized; }});
    EXPECT_TRUE(eventually([&] { return initialized == 3; }));
  }
  EXPECT_EQ(initialized, 3);
}

TEST(ThreadPool, IsBrokenIfTheInitializerThrows) {
  ThreadPool pool({.processes = 2, .initializer = [] { throw std::runtime_error("no database"); }});
  EXPECT_NE(error_of([&] { return pool.apply(square, 1); })
                .find("the initializer of this pool failed in a thread, so it has none to work with: "
                      "std::runtime_error: no database"),
            std::string::npos);
}

TEST(ThreadPool, TerminateWaitsForWhatRunsAndCancelsTheRest) {
  ThreadPool pool({.processes = 1});
  std::atomic<bool> begun{false};
  std::atomic<bool> go{false};
  const auto first = pool.apply_async([&] {
    begun = true;
    return eventually([&] { return go.load(); });
  });
  const auto second = pool.apply_async([] { return 2; });
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  std::thread other([&] { pool.terminate(); });
  EXPECT_TRUE(
      eventually([&] { return error_of([&] { return pool.apply_async(square, 1).ready(); }) != ""; }));
  go = true;
  other.join();
  EXPECT_THROW(second.get(), Cancelled);
  EXPECT_TRUE(first.ready());
}

TEST(ThreadPool, ATaskMayGiveOutMore) {
  ThreadPool pool({.processes = 3});
  EXPECT_EQ(pool.apply([&pool] {
    return pool.apply(square, 5) + pool.map(square, std::vector{1, 2})[1];
  }),
            29);
}

TEST(ThreadPool, EndingItInATaskIsRefused) {
  ThreadPool pool({.processes = 1});
  EXPECT_THROW(pool.apply([&pool] { pool.terminate(); }), std::logic_error);
  pool.close();
  pool.join();
}

TEST(ThreadPool, AChildThatATaskForkedEndsWithTheTask) {
  ThreadPool pool({.processes = 2});
  const pid_t child = pool.apply([] { return ::fork(); });
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(ThreadPool, RefusesNumbersBelowOne) {
  EXPECT_THROW(ThreadPool(0), std::invalid_argument);
  EXPECT_THROW(ThreadPool(-3), std::invalid_argument);
}

// ---- the caller as the worker

int global = 0;
int set_global(int to) { return std::exchange(global, to); }

TEST(InlinePool, RunsTasksInTheCallerBeforeTheCallReturns) {
  Pool pool({.run_inline = true});
  global = 1;
  const AsyncResult<int> result = pool.apply_async(set_global, 2);
  EXPECT_EQ(global, 2);
  EXPECT_TRUE(result.ready());
  EXPECT_EQ(result.get(), 1);
  EXPECT_EQ(pool.apply(pid_of_worker), ::getpid());
}

TEST(InlinePool, OneProcessIsAProcessUnlessAsked) {
  Pool pool({.processes = 1});
  EXPECT_NE(pool.apply(pid_of_worker), ::getpid());
}

TEST(InlinePool, RunsTheInitializerInTheCaller) {
  global = 0;
  Pool pool({.initializer = partial(set_global, 3), .run_inline = true});
  EXPECT_EQ(global, 3);
}

int fail_to_initialize() { throw std::runtime_error("no database"); }

TEST(InlinePool, IsBrokenIfTheInitializerThrows) {
  Pool pool({.initializer = fail_to_initialize, .run_inline = true});
  EXPECT_THROW(pool.apply(square, 1), BrokenPool);
}

Pool* the_pool = nullptr;
int nested(int number) { return the_pool->apply(square, number) + 1; }
int terminate_it() {
  the_pool->terminate();
  return 0;
}

TEST(InlinePool, ATaskMayGiveOutMore) {
  Pool pool({.run_inline = true});
  the_pool = &pool;
  EXPECT_EQ(pool.map(nested, std::vector{1, 2, 3}), (std::vector{2, 5, 10}));
}

TEST(InlinePool, EndingItInATaskIsRefused) {
  Pool pool({.run_inline = true});
  the_pool = &pool;
  EXPECT_THROW(pool.apply(terminate_it), std::logic_error);
}

TEST(InlinePool, LooksAtNoTimeouts) {
  Pool pool({.run_inline = true});
  EXPECT_EQ(pool.apply({.timeout = std::chrono::nanoseconds(1)}, square, 2), 4);
}

}  // namespace
}  // namespace procyon::testing
