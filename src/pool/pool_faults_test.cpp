// What kills, blocks or confuses a worker costs the task that it ran, and nothing else.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool/test_support.hpp"

namespace procyon {
namespace {

using namespace testing;

void kill_all(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) ::kill(pid, SIGKILL);
}
void kill_me() { ::kill(::getpid(), SIGKILL); }
/// By a signal that would dump a core, as if nobody had installed a handler for it.
void die_of(int signal) {
  ::prctl(PR_SET_DUMPABLE, 0);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}
template <class R>
WorkerLost loss_of(const Outcome<R>& outcome) {
  try {
    outcome.value();
  } catch (const WorkerLost& lost) {
    return lost;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "not a WorkerLost: " << other.what();
  }
  ADD_FAILURE() << "no error";
  return WorkerLost(WorkerEnd{});
}
template <class R>
WorkerLost loss_of(const AsyncResult<R>& result) {
  try {
    result.get(patience);
  } catch (...) {
    return loss_of(Outcome<int>(std::current_exception()));
  }
  return loss_of(Outcome<int>(0));
}

class PoolFaults : public ::testing::Test {
 protected:
  void expect_works() {
    EXPECT_EQ(pool.map({.chunksize = 1}, square, numbers_to(20)).back(), 19 * 19);
    EXPECT_EQ(pids_of(pool, 2).size(), 2U);
  }
  Pool pool{{.processes = 2}};
};

// ---- deaths

TEST_F(PoolFaults, AnIdleWorkerThatIsKilledIsReplacedAndNobodyIsTold) {
  const std::vector<pid_t> before = pids_of(pool, 2);
  ::kill(before[0], SIGKILL);
  EXPECT_EQ(pool.map({.chunksize = 1}, square, numbers_to(100)).size(), 100U);
  ASSERT_TRUE(eventually([&] { return !exists(before[0]); }));
  const std::vector<pid_t> after = pids_of(pool, 2);
  EXPECT_EQ(std::set<pid_t>(after.begin(), after.end()).count(before[0]), 0U);
}

TEST_F(PoolFaults, IdleWorkersMayBeKilledAnyNumberOfTimes) {
  std::vector<pid_t> pids = pids_of(pool, 2);
  Queue<pid_t> started;
  Pool watched(
      {.processes = 1, .initializer = partial([](Queue<pid_t> out) { out.put(::getpid()); }, started)});
  for (int round = 0; round < 40; ++round) {
    const pid_t pid = started.get(patience);
    // Ready a moment after its initializer; whether it is killed before or after that, the pool goes on.
    if (round % 2 == 0) {
      EXPECT_EQ(watched.apply(pid_of_worker), pid);
    }
    ::kill(pid, SIGKILL);
  }
  EXPECT_EQ(watched.apply(square, 3), 9);
}

TEST_F(PoolFaults, ABusyWorkerThatIsKilledCostsExactlyItsTask) {
  Event begun, go;
  Value<pid_t> victim(0);
  const AsyncResult<pid_t> doomed = pool.apply_async(
      [](const Value<pid_t>& pid, const Event& running, const Event& gate) {
        pid.value() = ::getpid();
        return wait_for(running, gate);
      },
      victim, begun, go);
  std::vector<AsyncResult<int>> others;
  for (int i = 0; i < 500; ++i) others.push_back(pool.apply_async(square, i));
  ASSERT_TRUE(begun.wait(patience));
  ::kill(victim.value(), SIGKILL);
  const WorkerLost lost = loss_of(doomed);
  EXPECT_EQ(lost.pid(), victim.value());
  EXPECT_EQ(lost.signal(), SIGKILL);
  EXPECT_EQ(lost.signal_name(), "SIGKILL");
  EXPECT_FALSE(lost.exit_code());
  EXPECT_EQ(lost.task(), "the task of apply_async");
  for (int i = 0; i < 500; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(patience), i * i);
  expect_works();
}

TEST_F(PoolFaults, ALostItemOfAMapIsNamed) {
  for (const std::size_t chunksize : {1U, 4U, 100U}) {
    const auto task = [](int number) {
      if (number % 10 == 7) kill_me();
      return number;
    };
    const std::vector<Outcome<int>> outcomes =
        pool.map_outcomes({.chunksize = chunksize}, task, numbers_to(50));
    for (int i = 0; i < 50; ++i) {
      const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(i)];
      ASSERT_EQ(outcome.has_value(), i % 10 != 7) << i;
      if (outcome) {
        EXPECT_EQ(*outcome, i);
      } else {
        EXPECT_EQ(loss_of(outcome).task(), "task " + std::to_string(i) + " of map_outcomes");
      }
    }
    EXPECT_THROW(pool.map({.chunksize = chunksize}, task, numbers_to(50)), WorkerLost);
  }
  expect_works();
}

TEST_F(PoolFaults, AllWorkersKilledAtOnceAreReplacedAndWhatWaitsRuns) {
  const std::vector<pid_t> pids = pids_of(pool, 2);
  Event go;
  std::vector<Event> begun(2);
  const std::vector<AsyncResult<pid_t>> doomed{pool.apply_async(wait_for, begun[0], go),
                                               pool.apply_async(wait_for, begun[1], go)};
  std::vector<AsyncResult<int>> queued;
  for (int i = 0; i < 1'000; ++i) queued.push_back(pool.apply_async(square, i));
  for (const Event& each : begun) ASSERT_TRUE(each.wait(patience));
  kill_all(pids);
  for (const AsyncResult<pid_t>& each : doomed) EXPECT_EQ(loss_of(each).signal(), SIGKILL);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(queued[static_cast<std::size_t>(i)].get(patience), i * i);
  expect_works();
}

TEST_F(PoolFaults, EveryWayToDieIsTold) {
  EXPECT_EQ(loss_of(pool.apply_async(die_of, SIGSEGV)).signal(), SIGSEGV);
  EXPECT_EQ(loss_of(pool.apply_async(die_of, SIGABRT)).signal_name(), "SIGABRT");
  EXPECT_EQ(loss_of(pool.apply_async(die_of, SIGBUS)).signal(), SIGBUS);
  EXPECT_EQ(loss_of(pool.apply_async([]() noexcept {
              ::prctl(PR_SET_DUMPABLE, 0);
              ::signal(SIGABRT, SIG_DFL);
              std::terminate();
            })).signal(),
            SIGABRT);
  EXPECT_EQ(loss_of(pool.apply_async([] { ::_exit(0); })).exit_code(), 0);
  EXPECT_EQ(loss_of(pool.apply_async([] { std::exit(0); })).exit_code(), 0);
  EXPECT_EQ(loss_of(pool.apply_async([] { std::exit(3); })).exit_code(), 3);
  EXPECT_EQ(loss_of(pool.apply_async([] { std::quick_exit(4); })).exit_code(), 4);
  EXPECT_EQ(loss_of(pool.apply_async([] { ::execl("/bin/true", "true", nullptr); })).exit_code(), 0);
  expect_works();
}

TEST_F(PoolFaults, TasksThatAlwaysKillEndAllTheSame) {
  const std::size_t items = sanitized ? 30 : 300;
  for (const std::size_t chunksize : {std::size_t{1}, std::size_t{10}}) {
    const auto outcomes = pool.map_outcomes(
        {.chunksize = chunksize}, [](int) { kill_me(); }, numbers_to(items));
    ASSERT_EQ(outcomes.size(), items);
    for (const Outcome<void>& outcome : outcomes) EXPECT_EQ(loss_of(outcome).signal(), SIGKILL);
  }
  expect_works();
}

TEST_F(PoolFaults, AnInitializerThatKillsItsWorkerBreaksThePool) {
  Value<int> runs(0);
  Pool broken({.processes = 2,
               .initializer = partial(
                   [](const Value<int>& count) {
                     count.with([](int& value) { ++value; });
                     kill_me();
                   },
                   runs)});
  const AsyncResult<int> result = broken.apply_async(square, 3);
  ASSERT_TRUE(result.wait(patience));
  const std::string error = error_of([&] { return result.get(); });
  EXPECT_NE(error.find("BrokenPool"), std::string::npos) << error;
  EXPECT_NE(error.find("SIGKILL"), std::string::npos) << error;
  EXPECT_LE(runs.value(), 40) << "a storm of workers";
}

TEST_F(PoolFaults, AProcessThatATaskForkedIsNotTheWorker) {
  Value<int> returned(0);
  const auto task = [](const Value<int>& count, int number) {
    if (::fork() == 0) return -1;  // and so into the library, as if it were the worker
    count.with([](int& value) { ++value; });
    return number;
  };
  EXPECT_EQ(pool.map({.chunksize = 2}, task, std::vector(20, returned), numbers_to(20)), numbers_to(20));
  EXPECT_EQ(returned.value(), 20);
  expect_works();
}

TEST_F(PoolFaults, TheDeathOfTheForkServerIsNotSeen) {
  const std::vector<pid_t> workers = pids_of(pool, 2);
  for (const pid_t pid : children_of(::getpid()))
    if (std::find(workers.begin(), workers.end(), pid) == workers.end()) ::kill(pid, SIGKILL);
  EXPECT_EQ(pool.apply(square, 3), 9);
  kill_all(workers);
  expect_works();
}

TEST_F(PoolFaults, WorkersThatSomebodyElseReapsAreReplaced) {
  const auto old = ::signal(SIGCHLD, SIG_IGN);
  {
    Pool unwatched({.processes = 2});
    const std::vector<pid_t> pids = pids_of(unwatched, 2);
    Event begun, never;
    const AsyncResult<pid_t> doomed = unwatched.apply_async(wait_for, begun, never);
    ASSERT_TRUE(begun.wait(patience));
    kill_all(pids);
    EXPECT_NE(loss_of(doomed).pid(), 0);
    EXPECT_EQ(unwatched.map(square, numbers_to(3)), (std::vector{0, 1, 4}));
  }
  ::signal(SIGCHLD, old);
}

// ---- deadlines

void hang() {
  for (;;) ::pause();
}
int hang_at_seven(int number) {
  if (number % 10 == 7) hang();
  return number;
}

TEST_F(PoolFaults, ATaskThatRunsTooLongEndsWithItsDeadline) {
  const std::string error = error_of([&] { return pool.apply({.timeout = 50ms}, [] { return hang(), 0; }); });
  EXPECT_NE(error.find("TimeoutError"), std::string::npos) << error;
  EXPECT_NE(error.find("the task of apply"), std::string::npos) << error;
  EXPECT_NE(error.find("50 ms"), std::string::npos) << error;
  expect_works();
}

TEST_F(PoolFaults, ATaskWithinItsDeadlineIsLeftAlone) {
  const std::vector<pid_t> before = pids_of(pool, 2);
  EXPECT_EQ(pool.apply({.timeout = 1h}, square, 3), 9);
  EXPECT_EQ(pool.map({.timeout = 1h}, square, numbers_to(100)).size(), 100U);
  const std::vector<pid_t> after = pids_of(pool, 2);
  EXPECT_EQ(std::set(before.begin(), before.end()), std::set(after.begin(), after.end()));
}

TEST_F(PoolFaults, TheDeadlineIsOfEachItemAndTheItemsAfterItRun) {
  for (const std::size_t chunksize : {1U, 4U, 20U}) {
    const auto outcomes =
        pool.map_outcomes({.chunksize = chunksize, .timeout = 50ms}, hang_at_seven, numbers_to(20));
    for (int i = 0; i < 20; ++i) {
      const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(i)];
      ASSERT_EQ(outcome.has_value(), i % 10 != 7) << i;
      if (outcome) {
        EXPECT_EQ(*outcome, i);
      } else {
        EXPECT_TRUE(outcome.error().is<TimeoutError>()) << outcome.error();
        EXPECT_NE(outcome.error().what().find("task " + std::to_string(i) + " of map_outcomes"),
                  std::string::npos);
      }
    }
  }
  expect_works();
}

TEST_F(PoolFaults, TheDeadlineCountsFromTheBeginOfATask) {
  Event begun, go;
  const std::vector<AsyncResult<pid_t>> busy{pool.apply_async(wait_for, begun, go),
                                             pool.apply_async(wait_for, begun, go)};
  const AsyncResult<int> timed = pool.apply_async({.timeout = 1s}, square, 3);
  EXPECT_FALSE(timed.wait(1'050ms));
  go.set();
  EXPECT_EQ(timed.get(patience), 9);
}

TEST_F(PoolFaults, WhatIgnoresSigtermIsKilledAfterItsDeadline) {
  const auto stubborn = [](int) {
    ::signal(SIGTERM, SIG_IGN);
    hang();
  };
  EXPECT_TRUE(pool.map_outcomes({.timeout = 20ms}, stubborn, numbers_to(2))[1].error().is<TimeoutError>());
  const auto stopped = [] { ::raise(SIGSTOP); };
  EXPECT_THROW(pool.apply({.timeout = 20ms}, stopped), TimeoutError);
  expect_works();
}

TEST_F(PoolFaults, AnItemThatEndsAtItsDeadlineHasOneOutcome) {
  // They take about as long as they may.
  const auto task = [](int number) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(4'000 + number % 20 * 100);
    while (std::chrono::steady_clock::now() < end) {
    }
    return number;
  };
  const std::size_t items = sanitized ? 40 : 200;
  const auto outcomes = pool.map_outcomes({.chunksize = 5, .timeout = 5ms}, task, numbers_to(items));
  ASSERT_EQ(outcomes.size(), items);
  for (std::size_t i = 0; i < items; ++i) {
    if (outcomes[i]) {
      EXPECT_EQ(*outcomes[i], static_cast<int>(i));
    } else {
      EXPECT_TRUE(outcomes[i].error().is<TimeoutError>()) << outcomes[i].error();
    }
  }
  expect_works();
}

// ---- values that do not cross

struct FailsToLoad {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
    if constexpr (Archive::is_loading::value) throw std::runtime_error("it cannot be loaded");
  }
};
struct FailsToSave {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
    if constexpr (Archive::is_saving::value) throw std::runtime_error("it cannot be saved");
  }
  int operator()(int number) const { return number; }
};
/// A function object that arrives only in this process.
struct LoadsAtHome {
  pid_t home = ::getpid();
  template <class Archive>
  void serialize(Archive& archive) {
    archive(home);
    if constexpr (Archive::is_loading::value)
      if (::getpid() != home) throw std::runtime_error("it is away from home");
  }
  int operator()(int number) const { return number; }
};

TEST_F(PoolFaults, AnArgumentThatCannotBeSavedFailsAtTheCall) {
  EXPECT_EQ(error_of([&] { return pool.apply_async([](const FailsToSave&) { return 1; }, FailsToSave{}); }),
            "std::runtime_error: it cannot be saved");
  EXPECT_THROW(pool.map(FailsToSave{}, numbers_to(3)), std::runtime_error);
  expect_works();
}

TEST_F(PoolFaults, AnArgumentThatCannotBeLoadedFailsItsTask) {
  const std::vector<pid_t> before = pids_of(pool, 2);
  EXPECT_EQ(
      error_of([&] { return pool.apply([](const FailsToLoad& bad) { return bad.value; }, FailsToLoad{}); }),
      "std::runtime_error: it cannot be loaded");
  const auto outcomes =
      pool.map_outcomes([](const FailsToLoad& bad) { return bad.value; }, std::vector<FailsToLoad>(10));
  for (const Outcome<int>& outcome : outcomes) EXPECT_EQ(outcome.error().what(), "it cannot be loaded");
  const std::vector<pid_t> after = pids_of(pool, 2);
  EXPECT_EQ(std::set(before.begin(), before.end()), std::set(after.begin(), after.end()));
}

TEST_F(PoolFaults, ACallableThatCannotBeLoadedFailsEachItem) {
  const auto outcomes = pool.map_outcomes({.chunksize = 3}, LoadsAtHome{}, numbers_to(10));
  ASSERT_EQ(outcomes.size(), 10U);
  for (const Outcome<int>& outcome : outcomes) EXPECT_EQ(outcome.error().what(), "it is away from home");
  expect_works();
}

TEST_F(PoolFaults, AResultThatCannotBeSavedOrLoadedFailsItsTask) {
  EXPECT_EQ(error_of([&] { return pool.apply([] { return FailsToSave{}; }).value; }),
            "std::runtime_error: it cannot be saved");
  EXPECT_EQ(error_of([&] { return pool.apply([] { return FailsToLoad{}; }).value; }),
            "std::runtime_error: it cannot be loaded");
  const auto outcomes = pool.map_outcomes(
      {.chunksize = 5}, [](int) { return FailsToLoad{}; }, numbers_to(10));
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome.error().what(), "it cannot be loaded");
  expect_works();
}

struct HomeMade : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "home-made"; }
};
struct NotEvenAnException {
  int values[100]{};
};
struct NameOfNothing : std::runtime_error {
  using std::runtime_error::runtime_error;
  [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};

TEST_F(PoolFaults, OddExceptionsArrive) {
  EXPECT_NE(error_of([&] { return pool.apply([]() -> int { throw HomeMade(); }); }).find("home-made"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              return pool.apply([]() -> int { throw NotEvenAnException(); });
            }).find("NotEvenAnException"),
            std::string::npos);
  EXPECT_NE(error_of([&] { return pool.apply([]() -> int { throw NameOfNothing(""); }); }), "");
  EXPECT_EQ(error_of([&] { return pool.apply([]() -> int { throw std::runtime_error(""); }); }),
            "std::runtime_error: ");
  EXPECT_NE(error_of([&] {
              return pool.apply([]() -> int { throw std::runtime_error("\xff\xfe\n\x01"); });
            }).find("\xff\xfe"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              return pool.apply([]() -> int { throw std::runtime_error(std::string(1 << 20, 'x')); });
            }).find("xxx"),
            std::string::npos);
  EXPECT_NE(error_of([&] { return pool.apply([]() -> int { throw std::make_exception_ptr(1); }); }), "");
  EXPECT_NE(error_of([&] { return pool.apply([]() -> int { throw nullptr; }); }), "");
  EXPECT_THROW(pool.apply([]() -> int { throw WorkerLost(WorkerEnd{.pid = 1}); }), WorkerLost);
  EXPECT_THROW(pool.apply([]() -> int { throw Cancelled("by itself"); }), Cancelled);
  EXPECT_THROW(pool.apply([]() -> int { throw BrokenPool("not this one"); }), BrokenPool);
  expect_works();
}

// ---- what a task leaves

TEST_F(PoolFaults, ALockThatDiedWithAWorkerIsTold) {
  Value<int> value(1);
  EXPECT_THROW(pool.apply([](const Value<int>& number) { number.with([](int&) { kill_me(); }); }, value),
               WorkerLost);
  EXPECT_THROW(value.with([](int& number) { return number; }), OwnerDied);
  expect_works();
}

TEST_F(PoolFaults, SharedObjectsReachTheItemsAfterALostOne) {
  std::vector<Value<int>> values;
  for (int i = 0; i < 30; ++i) values.emplace_back(i);
  const auto task = [](const Value<int>& value) {
    if (value.value() % 10 == 5) kill_me();
    Queue<int> result;
    result.put(value.value());
    return result;
  };
  auto outcomes = pool.map_outcomes({.chunksize = 30}, task, values);
  for (int i = 0; i < 30; ++i) {
    Outcome<Queue<int>>& outcome = outcomes[static_cast<std::size_t>(i)];
    ASSERT_EQ(outcome.has_value(), i % 10 != 5) << i;
    if (outcome) {
      EXPECT_EQ(outcome->get(patience), i);
    }
  }
}

TEST_F(PoolFaults, EqualBytesWithOtherSharedObjectsAreAnotherCallable) {
  const auto add = [](const Value<int>& sum, int number) { sum.with([&](int& value) { value += number; }); };
  Value<int> first(0), second(0);
  pool.map({.chunksize = 1}, partial(add, first), numbers_to(50));
  pool.map({.chunksize = 1}, partial(add, second), numbers_to(50));
  pool.map({.chunksize = 1}, partial(add, first), numbers_to(50));
  EXPECT_EQ(first.value(), 2 * 1'225);
  EXPECT_EQ(second.value(), 1'225);
}

struct Counting {
  int count = 0;
  int operator()(int) { return ++count; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(count);
  }
};

TEST_F(PoolFaults, ACallableThatChangesItselfBeginsAnew) {
  for (const int count : pool.map({.chunksize = 1}, Counting{}, numbers_to(20))) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace procyon
