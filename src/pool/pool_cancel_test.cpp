// cancel(), time-outs of whole calls, std::stop_token and retries.
#include <gtest/gtest.h>

#include <signal.h>

#include <random>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "pool/test_support.hpp"

namespace procyon {
namespace {

/// Kills whoever decodes it.
struct Poison {
  int operator()(int number) const { return number; }
};

}  // namespace

template <>
struct wire::Codec<Poison> {
  using Parts = TypeList<>;
  static void write(Writer& writer, const Poison&) { writer.put(1); }
  static Poison read(Reader&) {
    ::raise(SIGKILL);
    return {};
  }
};

namespace {

using namespace testing;

void count_up(const Value<int>& count) {
  count.with([](int& number) { ++number; });
}
int count_of(const Value<int>& count) {
  return count.with([](int& number) { return number; });
}
int counted(const Value<int>& count, int number) {
  count_up(count);
  return number;
}
int slow_at(const Event& begun, int which, int number) {
  if (number != which) return number;
  Event copy = begun;
  copy.set();
  for (;;) ::pause();
}
int stubborn(Event begun) {
  ::signal(SIGTERM, SIG_IGN);
  begun.set();
  for (;;) ::pause();
}
/// Dies in its first runs.
int dies(const Value<int>& runs, int deaths, int number) {
  const int run = runs.with([](int& count) { return ++count; });
  if (run <= deaths) ::raise(SIGKILL);
  return number;
}
int throws(const Value<int>& runs) {
  count_up(runs);
  throw std::runtime_error("an error");
}
pid_t until_stopped(const std::stop_token& token, Event begun, const Value<int>& stopped) {
  begun.set();
  while (!token.stop_requested()) std::this_thread::sleep_for(1ms);
  count_up(stopped);
  return ::getpid();
}
int deaf(const std::stop_token&, Event begun) {
  begun.set();
  for (;;) ::pause();
}
int stops_at_two(const std::stop_token& token, int number) {
  while (number == 2 && !token.stop_requested()) std::this_thread::sleep_for(1ms);
  return number;
}
bool was_asked(const std::stop_token& token, int) { return token.stop_requested(); }

template <class R>
bool is_cancelled(const AsyncResult<R>& result) {
  try {
    result.get(patience);
  } catch (const Cancelled&) {
    return true;
  }
  return false;
}

class PoolCancel : public ::testing::Test {
 protected:
  void expect_whole() {
    EXPECT_EQ(pool.map({.chunksize = 1}, square, std::vector{1, 2, 3}), (std::vector{1, 4, 9}));
  }
  Pool pool{{.processes = 1}};
  Event begun;
  Event go;
};

TEST_F(PoolCancel, AQueuedTaskNeverStarts) {
  const Value<int> runs(0);
  const auto first = pool.apply_async(wait_for, begun, go);
  const auto queued = pool.apply_async(counted, runs, 1);
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_TRUE(queued.cancel());
  EXPECT_TRUE(queued.ready());
  EXPECT_FALSE(queued.successful());
  EXPECT_TRUE(is_cancelled(queued));
  EXPECT_FALSE(queued.cancel());
  go.set();
  EXPECT_EQ(pool.apply(pid_of_worker), first.get(patience));
  EXPECT_EQ(count_of(runs), 0);
}

TEST_F(PoolCancel, SoDoThoseThatWaitForASlot) {
  const Value<int> runs(0);
  const auto first = pool.apply_async(wait_for, begun, go);
  std::vector<AsyncResult<int>> queued;
  for (int number = 0; number < 2000; ++number) queued.push_back(pool.apply_async(counted, runs, number));
  ASSERT_TRUE(begun.wait(patience));
  for (std::size_t index = 0; index < queued.size(); index += 2) EXPECT_TRUE(queued[index].cancel());
  go.set();
  for (std::size_t index = 0; index < queued.size(); ++index) {
    if (index % 2 == 0)
      EXPECT_TRUE(is_cancelled(queued[index]));
    else
      EXPECT_EQ(queued[index].get(patience), static_cast<int>(index));
  }
  EXPECT_EQ(count_of(runs), 1000);
}

TEST_F(PoolCancel, ARunningTaskEndsWithItsWorkerAndTheNextTasksAreNotLost) {
  const pid_t before = pool.apply(pid_of_worker);
  const auto running = pool.apply_async(wait_for, begun, go);
  std::vector<AsyncResult<int>> next;
  for (int number = 0; number < 50; ++number) next.push_back(pool.apply_async(square, number));
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_TRUE(running.cancel());
  EXPECT_TRUE(running.ready());
  EXPECT_TRUE(is_cancelled(running));
  EXPECT_FALSE(running.cancel());
  for (int number = 0; number < 50; ++number)
    EXPECT_EQ(next[static_cast<std::size_t>(number)].get(patience), number * number);
  EXPECT_NE(pool.apply(pid_of_worker), before);
  EXPECT_FALSE(is_running(before));
}

TEST_F(PoolCancel, ATaskThatIgnoresSigtermIsKilled) {
  const auto running = pool.apply_async(stubborn, begun);
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_TRUE(running.cancel());
  EXPECT_TRUE(is_cancelled(running));
  expect_whole();
}

TEST_F(PoolCancel, AFinishedTaskCannotBeCancelled) {
  const auto result = pool.apply_async(square, 3);
  result.wait();
  EXPECT_FALSE(result.cancel());
  EXPECT_EQ(result.get(), 9);
}

TEST_F(PoolCancel, FromACallback) {
  Event done;
  const auto queued = std::make_shared<std::optional<AsyncResult<int>>>();
  const auto running = pool.apply_async(
      {.callback = [&, queued](pid_t) { EXPECT_TRUE((*queued)->cancel()); }}, wait_for, begun, go);
  ASSERT_TRUE(begun.wait(patience));
  Event other_begun;
  Event never;
  *queued = pool.apply_async({.error_callback =
                                  [&, queued](const Error& error) {
                                    EXPECT_TRUE(error.is<Cancelled>());
                                    EXPECT_FALSE((*queued)->cancel());
                                    done.set();
                                  }},
                             slow_at, never, 1, 1);
  go.set();
  EXPECT_TRUE(done.wait(patience));
  queued->reset();
  expect_whole();
}

TEST_F(PoolCancel, AMapIsCancelledAsAWhole) {
  const auto later = pool.map_async({.chunksize = 4}, partial(slow_at, begun, 5), numbers_to(100));
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_TRUE(later.cancel());
  EXPECT_TRUE(is_cancelled(later));
  EXPECT_FALSE(later.cancel());
  expect_whole();
}

TEST_F(PoolCancel, AtAnyMomentEachTaskHasOneOutcome) {
  Pool pair(2);
  std::minstd_rand random(7);
  int cancelled = 0;
  for (int round = 0; round < 300; ++round) {
    const auto result = pair.apply_async(square, round);
    const auto neighbour = pair.map_async({.chunksize = 2}, square, numbers_to(8));
    for (std::uint_fast32_t spins = random() % 20'000; spins > 0; --spins) os::spin_pause();
    const bool was_cancelled = result.cancel();
    cancelled += was_cancelled ? 1 : 0;
    EXPECT_EQ(is_cancelled(result), was_cancelled);
    EXPECT_EQ(neighbour.get(patience).size(), 8U);
  }
  EXPECT_EQ(pair.map(square, numbers_to(1000)).size(), 1000U);
  RecordProperty("cancelled", cancelled);
}

// ---- the whole call

TEST_F(PoolCancel, AMapThatTakesTooLongEndsWithTimeoutError) {
  const Value<int> runs(0);
  EXPECT_THROW(
      pool.map({.chunksize = 1, .total_timeout = 100ms}, partial(slow_at, begun, 0), numbers_to(1000)),
      TimeoutError);
  const auto later =
      pool.map_async({.chunksize = 1, .total_timeout = 100ms}, partial(slow_at, begun, 0), numbers_to(10));
  EXPECT_NE(
      error_of([&] { return later.get(patience); }).find("ran longer than its time-out of 100 ms for the"),
      std::string::npos);
  expect_whole();
}

TEST_F(PoolCancel, WhatHadEndedInTimeKeepsItsValue) {
  const auto outcomes =
      pool.map_outcomes({.chunksize = 2, .total_timeout = 500ms}, partial(slow_at, begun, 3), numbers_to(8));
  ASSERT_EQ(outcomes.size(), 8U);
  for (int item = 0; item < 3; ++item) EXPECT_EQ(outcomes[static_cast<std::size_t>(item)].value(), item);
  for (std::size_t item = 3; item < 8; ++item) EXPECT_TRUE(outcomes[item].error().is<TimeoutError>());
  EXPECT_EQ(pool.map({.total_timeout = 60s}, square, std::vector{2}), std::vector{4});
}

TEST_F(PoolCancel, ImapHasNoTimeoutForTheWholeCall) {
  EXPECT_NE(misuse([&] { pool.imap({.total_timeout = 1s}, square, std::vector{1}); }).find("leave the loop"),
            std::string::npos);
}

// ---- std::stop_token

TEST_F(PoolCancel, ATaskThatStopsByItselfKeepsItsWorker) {
  const pid_t before = pool.apply(pid_of_worker);
  const Value<int> stopped(0);
  const auto running = pool.apply_async(until_stopped, begun, stopped);
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_TRUE(running.cancel());
  EXPECT_TRUE(is_cancelled(running));
  EXPECT_EQ(pool.apply(pid_of_worker), before);
  EXPECT_EQ(count_of(stopped), 1);
}

TEST_F(PoolCancel, ATimeoutAsksToStopToo) {
  const pid_t before = pool.apply(pid_of_worker);
  const Value<int> stopped(0);
  EXPECT_NE(error_of([&] {
              return pool.apply({.timeout = 50ms}, until_stopped, begun, stopped);
            }).find("ran longer than its time-out of 50 ms; it was asked to stop"),
            std::string::npos);
  EXPECT_EQ(pool.apply(pid_of_worker), before);
  EXPECT_EQ(count_of(stopped), 1);
}

TEST_F(PoolCancel, ATaskThatDoesNotListenIsEnded) {
  const pid_t before = pool.apply(pid_of_worker);
  const auto running = pool.apply_async(deaf, begun);
  ASSERT_TRUE(begun.wait(patience));
  const auto next = pool.apply_async(pid_of_worker);
  EXPECT_TRUE(running.cancel());
  EXPECT_TRUE(is_cancelled(running));
  EXPECT_NE(next.get(patience), before);
  Event again;
  EXPECT_THROW(pool.apply({.timeout = 20ms}, deaf, again), TimeoutError);
  expect_whole();
}

TEST_F(PoolCancel, OnlyTheItemThatOverranIsStopped) {
  const auto outcomes = pool.map_outcomes({.chunksize = 6, .timeout = 100ms}, stops_at_two, numbers_to(6));
  for (std::size_t item = 0; item < 6; ++item) {
    if (item == 2)
      EXPECT_TRUE(outcomes[item].error().is<TimeoutError>()) << outcomes[item].error();
    else
      EXPECT_EQ(outcomes[item].value(), static_cast<int>(item));
  }
}

TEST_F(PoolCancel, ACancelledChunkOfListenersGoesNoFurther) {
  const pid_t before = pool.apply(pid_of_worker);
  const auto later = pool.map_async({.chunksize = 6}, stops_at_two, numbers_to(6));
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(later.cancel());
  EXPECT_TRUE(is_cancelled(later));
  EXPECT_EQ(pool.apply(pid_of_worker), before);
}

TEST_F(PoolCancel, NobodyIsAskedWithoutCause) {
  EXPECT_EQ(pool.map(was_asked, numbers_to(5)), std::vector<bool>(5, false));
  EXPECT_FALSE(pool.apply_async(was_asked, 1).get(patience));
  EXPECT_FALSE(pool.apply({.timeout = 60s}, was_asked, 1));
}

TEST_F(PoolCancel, ListenersCancelledAtAnyMoment) {
  std::minstd_rand random(3);
  const pid_t before = pool.apply(pid_of_worker);
  const Value<int> stopped(0);
  for (int round = 0; round < 100; ++round) {
    const auto result = pool.apply_async(until_stopped, begun, stopped);
    const auto next = pool.apply_async(square, round);
    for (std::uint_fast32_t spins = random() % 50'000; spins > 0; --spins) os::spin_pause();
    EXPECT_TRUE(result.cancel());
    EXPECT_TRUE(is_cancelled(result));
    EXPECT_EQ(next.get(patience), round * round);
  }
  EXPECT_EQ(pool.apply(pid_of_worker), before);
}

// ---- retries

TEST_F(PoolCancel, ALostTaskRunsAgainIfAskedFor) {
  const Value<int> runs(0);
  EXPECT_EQ(pool.apply({.retries = 2}, dies, runs, 2, 7), 7);
  EXPECT_EQ(count_of(runs), 3);
}

TEST_F(PoolCancel, RetriesHaveALimit) {
  const Value<int> runs(0);
  const auto result = pool.apply_async({.retries = 2}, dies, runs, 100, 7);
  EXPECT_NE(error_of([&] { return result.get(patience); }).find("(run 3 times)"), std::string::npos);
  EXPECT_EQ(count_of(runs), 3);
  expect_whole();
}

TEST_F(PoolCancel, ATaskThatKillsEveryWorkerEndsWithItsRetriesAndCostsNoMoreProcesses) {
  const Value<int> runs(0);
  Pool pair({.processes = 2});
  const auto killer = pair.apply_async({.retries = 12}, dies, runs, 1000, 7);
  const auto others = pair.map_async({.retries = 12}, square, numbers_to(1000));
  EXPECT_NE(error_of([&] { return killer.get(patience); }).find("(run 13 times)"), std::string::npos);
  EXPECT_EQ(others.get(patience).size(), 1000U);
  EXPECT_EQ(count_of(runs), 13);
  EXPECT_EQ(pair.stats().total.deaths, 13U);
  EXPECT_EQ(pair.map(square, numbers_to(10)).size(), 10U);
}

TEST_F(PoolCancel, ATaskWithRetriesWithoutEndCanBeCancelled) {
  const Value<int> runs(0);
  const auto killer = pool.apply_async({.retries = 1'000'000'000}, dies, runs, 1'000'000'000, 7);
  ASSERT_TRUE(eventually([&] { return count_of(runs) > 10; }));
  EXPECT_TRUE(killer.cancel());
  EXPECT_TRUE(is_cancelled(killer));
  expect_whole();
}

TEST_F(PoolCancel, WithoutRetriesABodyRunsOnce) {
  const Value<int> runs(0);
  EXPECT_THROW(pool.apply(dies, runs, 1, 7), WorkerLost);
  EXPECT_THROW(pool.apply({.retries = 5, .retry_when = RetryWhen::not_started}, dies, runs, 100, 7),
               WorkerLost);
  EXPECT_EQ(count_of(runs), 2);
}

TEST_F(PoolCancel, AnErrorIsAnOutcomeAndNotTriedAgain) {
  const Value<int> runs(0);
  EXPECT_THROW(pool.apply({.retries = 5}, throws, runs), std::runtime_error);
  EXPECT_EQ(count_of(runs), 1);
}

TEST_F(PoolCancel, InAChunkOnlyTheLostItemRunsAgain) {
  const Value<int> runs(0);
  EXPECT_EQ(pool.map({.chunksize = 10, .retries = 1}, partial(dies, runs, 1), numbers_to(10)),
            numbers_to(10));
  EXPECT_EQ(count_of(runs), 11);
  int seen = 0;
  for (const int number : pool.imap({.chunksize = 3, .retries = 1}, partial(dies, runs, 12), numbers_to(10)))
    EXPECT_EQ(number, seen++);
  EXPECT_EQ(count_of(runs), 22);
}

TEST_F(PoolCancel, NegativeRetriesAreRefused) {
  EXPECT_NE(misuse([&] { pool.apply({.retries = -1}, square, 1); }).find("at least 0"), std::string::npos);
}

TEST_F(PoolCancel, AFunctionThatKillsWhoeverDecodesItIsLostAfterSomeAttempts) {
  EXPECT_THROW(pool.apply(Poison{}, 1), WorkerLost);
  const auto result = pool.apply_async({.retries = 1, .retry_when = RetryWhen::not_started}, Poison{}, 1);
  EXPECT_NE(error_of([&] { return result.get(patience); }).find("(run 2 times)"), std::string::npos);
  expect_whole();
}

}  // namespace
}  // namespace procyon
