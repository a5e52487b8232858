// The whole: a Manager's server process, and processes that use its objects.
#include "procyon/manager.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <set>
#include <vector>

#include "manager/test_stopped.hpp"
#include "procyon/pool.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using manager::test::Stopped;
using Counts = DictProxy<std::string, int>;

int square(int n) { return n * n; }
int add(int a, int b) { return a + b; }
int fail(int n) {
  if (n == 3) throw std::out_of_range("three");
  return n;
}
int die(int) {
  ::raise(SIGKILL), ::pause();
  return 0;
}

TEST(Manager, HasDictsListsAndNamespacesAsPythonHas) {
  Manager m;
  auto d = m.dict<std::string, int>();
  auto l = m.list<double>();
  auto ns = m.Namespace();
  d["a"] = 1;
  l.push_back(1.5);
  ns.set("x", 3);
  EXPECT_EQ(d["a"], 1);
  EXPECT_EQ(l[0], 1.5);
  EXPECT_EQ(ns.get<int>("x"), 3);
  auto s = m.set<int>(std::vector{1, 2, 2});
  EXPECT_EQ(s.size(), 2u);
}

TEST(Manager, ItsObjectsAreArgumentsOfProcesses) {
  Manager m;
  auto counts = m.dict<std::string, int>();
  auto names = m.list<std::string>();
  counts["n"] = 0;
  std::vector<Process> crew;
  for (int number = 0; number < 3; ++number) {
    crew.emplace_back(
        [](Counts mine, ListProxy<std::string> list, int who) {
          for (int round = 0; round < 20; ++round) mine["n"] += 1;
          list.push_back("worker " + std::to_string(who));
        },
        counts, names, number);
    crew.back().start();
  }
  for (Process& process : crew) {
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
  }
  EXPECT_EQ(counts["n"], 60);
  EXPECT_EQ(names.size(), 3u);
}

TEST(Manager, ItsObjectsGoThroughQueuesAndPools) {
  Manager m;
  auto counts = m.dict<std::string, int>();
  Queue<Counts> queue;
  queue.put(counts);
  queue.get()["from a queue"] = 1;
  Pool pool(2);
  const int seen = pool.apply([](Counts mine) { return mine.at("from a queue") + 1; }, counts);
  EXPECT_EQ(seen, 2);
}

TEST(Manager, AnObjectGoesWithItsLastProxy) {
  Manager m;
  const std::size_t before = m.number_of_objects();
  {
    auto d = m.dict<int, ListProxy<int>>();
    d.set(1, m.list<int>());
    d.at(1).push_back(7);
    EXPECT_EQ(d.at(1).copy(), (std::vector{7}));
    for (const auto& [key, list] : d.items()) EXPECT_EQ(list.size(), 1u) << key;
    EXPECT_EQ(m.number_of_objects(), before + 2);
  }
  EXPECT_EQ(m.number_of_objects(), before);
}

TEST(Manager, WhatLiesInTheSessionIsUsedWithoutTheServer) {
  Manager m;
  const auto lock = m.Lock();
  const auto event = m.Event();
  const auto queue = m.Queue<std::string>();
  const auto jobs = m.JoinableQueue<int>();
  const auto value = m.Value<int>(1);
  const auto array = m.Array<double>(3);
  ASSERT_TRUE(lock.local() && event.local() && queue.local() && jobs.local() && value.local() &&
              array.local());
  const Stopped stopped(m);
  int done = 0;
  for (int round = 0; round < 100; ++round) {
    const std::scoped_lock guard(lock);
    event.set();
    EXPECT_TRUE(event.wait(0s));
    event.clear();
    queue.put("message");
    EXPECT_EQ(queue.get(), "message");
    jobs.put(round);
    EXPECT_EQ(jobs.get(), round);
    jobs.task_done();
    jobs.join();
    value.with([](int& n) { ++n; });
    array[1] = round;
    EXPECT_EQ(array[1], round);
    ++done;
  }
  EXPECT_EQ(done, 100);
  EXPECT_EQ(value.get(), 101);
}

TEST(Manager, AnotherProcessOfTheSessionUsesThemWithoutTheServerToo) {
  Manager m;
  const auto value = m.Value<int>(0);
  const auto there = m.Event();
  const auto go = m.Event();
  Process child(
      [](ValueProxy<int> mine, EventProxy is_there, EventProxy may_go) {
        is_there.set();
        may_go.wait();
        for (int round = 0; round < 50; ++round) mine.with([](int& n) { ++n; });
        may_go.clear();
      },
      value, there, go);
  child.start();
  there.wait();
  {
    const Stopped stopped(m);
    go.set();
    while (go.is_set()) std::this_thread::yield();
    EXPECT_EQ(value.get(), 50);
  }
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Manager, ADeadClientLeavesItsLocksToOthersWhoAreTold) {
  Manager m;
  const auto rlock = m.RLock();
  const auto lock = m.Lock();
  const auto taken = m.Event();
  Process victim(
      [](RLockProxy a, LockProxy b, EventProxy event) {
        a.acquire();
        b.acquire();
        event.set();
        ::pause();
      },
      rlock, lock, taken);
  victim.start();
  taken.wait();
  victim.kill();
  EXPECT_THROW(rlock.acquire(), OwnerDied);
  EXPECT_THROW(lock.acquire(), OwnerDied);
  victim.join();
  try {
    rlock.acquire();
    FAIL();
  } catch (OwnerDied& died) {
    died.recover();
  }
  const std::scoped_lock guard(rlock);
}

TEST(Manager, ConditionsShareTheLockOfAnRLockAlsoInOtherProcesses) {
  Manager m;
  const auto lock = m.RLock();
  const auto asked = m.Condition(lock);
  const auto answered = m.Condition(lock);
  const auto talk = m.list<std::string>();
  Process partner(
      [](ConditionProxy question, ConditionProxy answer, ListProxy<std::string> said) {
        const std::scoped_lock guard(question);
        question.wait_for([&] { return said.size() == 1; });
        said.push_back("well");
        answer.notify();
      },
      asked, answered, talk);
  partner.start();
  {
    const std::scoped_lock guard(lock);
    talk.push_back("how are you?");
    asked.notify();
    answered.wait_for([&] { return talk.size() == 2; });
  }
  partner.join();
  EXPECT_EQ(partner.exitcode(), 0);
  EXPECT_FALSE(asked.locked());
}

TEST(Manager, ADeadClientsRLockIsToldByTheConditionThatSharesIt) {
  Manager m;
  const auto lock = m.RLock();
  const auto changed = m.Condition(lock);
  Process victim(
      [](RLockProxy mine, ConditionProxy condition) {
        mine.acquire();
        condition.notify();
        ::raise(SIGKILL), ::pause();
      },
      lock, changed);
  changed.acquire();
  victim.start();
  try {
    changed.wait();
    FAIL();
  } catch (OwnerDied& died) {
    died.recover();
  }
  changed.release();
  const std::scoped_lock guard(lock);
  victim.join();
}

TEST(Manager, AConditionTakesNoLockOfAnotherManager) {
  Manager m;
  Manager other;
  try {
    static_cast<void>(m.Condition(other.RLock()));
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("this lock is another manager's"), std::string::npos)
        << error.what();
  }
}

TEST(Manager, ADeadClientsPermitsComeBackAndItsBarrierBreaks) {
  Manager m;
  const auto places = m.Semaphore(1);
  const auto barrier = m.Barrier(2);
  const auto taken = m.Event();
  Process victim(
      [](SemaphoreProxy mine, BarrierProxy meeting, EventProxy event) {
        const auto permit = mine.permit();
        event.set();
        meeting.wait();
      },
      places, barrier, taken);
  victim.start();
  taken.wait();
  while (barrier.n_waiting() == 0) std::this_thread::yield();
  EXPECT_TRUE(places.locked());
  victim.kill();
  places.acquire();
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
  victim.join();
}

TEST(Manager, ABarrierRunsItsActionOnceInTheLastToArrive) {
  Manager m;
  const auto counts = m.dict<std::string, int>();
  const auto barrier = m.Barrier(2, partial(
                                        [](Counts mine) {
                                          mine.modify(
                                              "n", [](int& n) { ++n; }, 0);
                                        },
                                        counts));
  Process child([](BarrierProxy mine) { mine.wait(), mine.wait(); }, barrier);
  child.start();
  std::set<std::size_t> numbers{barrier.wait()};
  EXPECT_EQ(counts["n"], 1);
  barrier.wait();
  EXPECT_EQ(counts["n"], 2);
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Manager, ItsPoolRunsTasksForAnyProcess) {
  Manager m;
  const auto pool = m.Pool({.processes = 2});
  EXPECT_EQ(pool.apply(square, 7), 49);
  EXPECT_EQ(pool.apply_async(add, 2, 3).get(), 5);
  std::vector<int> numbers;
  std::vector<int> squares;
  for (int n = 0; n < 500; ++n) numbers.push_back(n), squares.push_back(n * n);
  EXPECT_EQ(pool.map(square, numbers), squares);
  EXPECT_EQ(pool.starmap(add, std::vector<std::tuple<int, int>>{{1, 2}, {3, 4}}), (std::vector{3, 7}));
  EXPECT_THROW(pool.map(fail, std::vector{1, 2, 3}), std::out_of_range);
  const auto total = m.Value<int>(0);
  Process child([](PoolProxy mine, ValueProxy<int> sum) { sum.set(mine.apply(square, 9)); }, pool, total);
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(total.get(), 81);
}

TEST(Manager, ItsPoolTellsOfALostWorkerAndOfItsEnd) {
  Manager m;
  const auto pool = m.Pool({.processes = 1});
  EXPECT_THROW(pool.apply(die, 1), WorkerLost);
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_THROW(pool.join(), std::logic_error);
  pool.close();
  pool.join();
  EXPECT_THROW(pool.apply(square, 3), std::logic_error);
}

TEST(Manager, ACallWithATimeEndsThoughTheServerIsStopped) {
  Manager m;
  const auto lock = m.RLock();
  const Stopped stopped(m);
  EXPECT_THROW(static_cast<void>(lock.acquire(1ms)), TimeoutError);
}

TEST(Manager, FindNamesBothTypesIfTheyDiffer) {
  Manager m;
  const auto counts = m.dict<std::string, int>();
  m.share("counts", counts);
  EXPECT_EQ((m.find<Counts>("counts")), counts);
  try {
    m.find<DictProxy<std::string, double>>("counts");
    FAIL();
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("is a dict<str,i32>, not a dict<str,f64>"), std::string::npos) << text;
  }
  try {
    m.find<Counts>("nothing");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("counts"), std::string::npos) << error.what();
  }
}

TEST(Manager, AGuardOutlivesTheServer) {
  Manager m;
  const auto lock = m.RLock();
  {
    const std::scoped_lock guard(lock);
    m.shutdown();
    EXPECT_THROW(lock.release(), ManagerGone);
  }
}

}  // namespace
}  // namespace procyon
