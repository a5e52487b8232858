// Calls of standard objects that are begun, and those of batches: each method, orders, errors, deaths.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "manager/test_stopped.hpp"
#include "manager/test_transports.hpp"
#include "pool/test_support.hpp"
#include "procyon/manager.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using manager::test::Stopped;
using testing::error_of;
using testing::eventually;
using Ages = DictProxy<std::string, int>;

/// What a call ends with that was begun, or is part of a batch (which runs then).
struct Take {
  Batch& batch;
  template <class R>
  R operator()(ManagerResult<R> result) const {
    return result.get();
  }
  template <class R>
  R operator()(const BatchPlace<R>& place) const {
    batch.run();
    return batch.outcome(place).value();
  }
};

/// Runs `script(calls, take)` with the object's begun calls, and with those of a batch.
template <class Make, class Script>
void in_both_ways(Make make, Script script) {
  Batch batch;
  const auto begun = make();
  script(begun.async(), Take{batch});
  const auto in_batch = make();
  script(batch.on(in_batch), Take{batch});
}

class Async : public manager::test::OverEitherTransport {};
INSTANTIATE_TEST_SUITE_P(Over, Async, manager::test::transports, manager::test::name_of_transport);

TEST_P(Async, OffersTheMethodsOfADict) {
  const auto make = [&] { return manager.dict<std::string, int>(); };
  in_both_ways(make, [](const auto& ages, Take take) {
    take(ages.set("Ada", 36));
    take(ages.update(std::map<std::string, int>{{"Alan", 41}, {"Grace", 85}}));
    EXPECT_EQ(take(ages.at("Ada")), 36);
    EXPECT_EQ(take(ages.get("Alan")), std::optional(41));
    EXPECT_EQ(take(ages.get("Edsger")), std::nullopt);
    EXPECT_EQ(take(ages.get("Edsger", 72)), 72);
    EXPECT_EQ(take(ages.get_many(std::vector<std::string>{"Grace", "Edsger", "Ada"})),
              (std::vector<std::optional<int>>{85, std::nullopt, 36}));
    EXPECT_TRUE(take(ages.contains("Ada")));
    EXPECT_EQ(take(ages.size()), 3u);
    EXPECT_FALSE(take(ages.empty()));
    EXPECT_EQ(take(ages.keys()).to_vector(), (std::vector<std::string>{"Ada", "Alan", "Grace"}));
    EXPECT_EQ(take(ages.values()).to_vector(), (std::vector<int>{36, 41, 85}));
    EXPECT_EQ(take(ages.items()).to_vector().back(), (std::pair<std::string, int>("Grace", 85)));
    EXPECT_EQ(take(ages.setdefault("Ada", 1)), 36);
    EXPECT_FALSE(take(ages.compare_exchange("Ada", 1, 2)));
    EXPECT_TRUE(take(ages.compare_exchange("Ada", 36, 37)));
    EXPECT_EQ(take(ages.pop("Ada")), 37);
    EXPECT_EQ(take(ages.pop("Ada", 1)), 1);
    EXPECT_THROW(take(ages.pop("Ada")), std::out_of_range);
    EXPECT_EQ(take(ages.popitem()), (std::optional(std::pair<std::string, int>("Grace", 85))));
    EXPECT_TRUE(take(ages.erase("Alan")));
    EXPECT_EQ(take(ages.popitem()), std::nullopt);
    take(ages.set("Ada", 36));
    take(ages.clear());
    EXPECT_TRUE(take(ages.empty()));
  });
}

TEST_P(Async, OffersTheMethodsOfAList) {
  const auto make = [&] { return manager.list<int>(); };
  in_both_ways(make, [](const auto& numbers, Take take) {
    EXPECT_THROW(static_cast<void>(take(numbers.back())), std::out_of_range);
    take(numbers.push_back(1));
    take(numbers.append(2));
    take(numbers.extend(std::vector{3, 4, 4}));
    take(numbers.insert(0, 9));
    take(numbers.set(1, 8));
    EXPECT_EQ(take(numbers.at(2)), 2);
    EXPECT_EQ(take(numbers.front()), 9);
    EXPECT_EQ(take(numbers.back()), 4);
    EXPECT_EQ(take(numbers.get_many(1, 3)), (std::vector{8, 2, 3}));
    EXPECT_EQ(take(numbers.size()), 6u);
    EXPECT_FALSE(take(numbers.empty()));
    EXPECT_EQ(take(numbers.index(3)), std::optional<std::size_t>(3));
    EXPECT_EQ(take(numbers.index(7)), std::nullopt);
    EXPECT_TRUE(take(numbers.contains(3)));
    EXPECT_FALSE(take(numbers.contains(7)));
    EXPECT_EQ(take(numbers.count(4)), 2u);
    EXPECT_TRUE(take(numbers.remove(4)));
    take(numbers.reverse());
    EXPECT_EQ(take(numbers.items()).to_vector(), (std::vector{4, 3, 2, 8, 9}));
    EXPECT_EQ(take(numbers.pop()), 9);
    EXPECT_EQ(take(numbers.pop(0)), 4);
    take(numbers.erase(0, 2));
    EXPECT_EQ(take(numbers.front()), 8);
    take(numbers.clear());
    EXPECT_THROW(take(numbers.pop()), std::out_of_range);
  });
}

TEST_P(Async, OffersTheMethodsOfASet) {
  const auto make = [&] { return manager.set<std::string>(); };
  in_both_ways(make, [](const auto& names, Take take) {
    using Names = std::vector<std::string>;
    EXPECT_TRUE(take(names.add("a")));
    EXPECT_FALSE(take(names.add("a")));
    EXPECT_EQ(take(names.update(Names{"a", "b", "c", "d"})), 3u);
    EXPECT_EQ(take(names.count_contained(Names{"a", "x", "d"})), 2u);
    EXPECT_TRUE(take(names.contains("a")));
    EXPECT_EQ(take(names.difference_update(Names{"d", "x"})), 1u);
    take(names.intersection_update(Names{"a", "b"}));
    take(names.symmetric_difference_update(Names{"b", "e"}));
    EXPECT_EQ(take(names.elements()).to_vector(), (Names{"a", "e"}));
    EXPECT_EQ(take(names.size()), 2u);
    EXPECT_TRUE(take(names.erase("a")));
    EXPECT_FALSE(take(names.discard("a")));
    EXPECT_FALSE(take(names.remove("a")));
    EXPECT_EQ(take(names.pop()), std::optional<std::string>("e"));
    EXPECT_EQ(take(names.pop()), std::nullopt);
    take(names.clear());
    EXPECT_TRUE(take(names.empty()));
  });
}

TEST_P(Async, OffersTheMethodsOfANamespace) {
  const auto make = [&] { return manager.Namespace(); };
  in_both_ways(make, [](const auto& settings, Take take) {
    take(settings.set("limit", 3));
    take(settings.set("title", "a text"));
    EXPECT_EQ(take(settings.template get<int>("limit")), 3);
    EXPECT_EQ(take(settings.template get<std::string>("title")), "a text");
    EXPECT_THROW(static_cast<void>(take(settings.template get<double>("limit"))), std::invalid_argument);
    EXPECT_TRUE(take(settings.has("limit")));
    EXPECT_EQ(take(settings.names()), (std::vector<std::string>{"limit", "title"}));
    EXPECT_TRUE(take(settings.erase("limit")));
    EXPECT_THROW(static_cast<void>(take(settings.template get<int>("limit"))), std::out_of_range);
  });
}

TEST_P(Async, OffersTheMethodsOfValuesAndArraysAlsoWithinTheSession) {
  auto total = manager.Value<double>(0.5);
  in_both_ways([&] { return total; },
               [&](const auto& calls, Take take) {
                 take(calls.set(1.5));
                 EXPECT_EQ(total.get(), 1.5);
                 total.set(2.5);
                 EXPECT_EQ(take(calls.get()), 2.5);
               });
  auto samples = manager.Array<int>(4);
  in_both_ways([&] { return samples; },
               [&](const auto& calls, Take take) {
                 take(calls.set(1, 7));
                 EXPECT_EQ(samples.at(1), 7);
                 take(calls.set_many(2, std::vector{8, 9}));
                 EXPECT_EQ(take(calls.at(1)), 7);
                 EXPECT_EQ(take(calls.get_many(1, 3)), (std::vector{7, 8, 9}));
                 EXPECT_EQ(take(calls.size()), 4u);
                 EXPECT_FALSE(take(calls.empty()));
                 EXPECT_THROW(static_cast<void>(take(calls.at(4))), std::out_of_range);
                 EXPECT_THROW(take(calls.set(4, 1)), std::out_of_range);
               });
}

TEST_P(Async, OffersWhatDoesNotWaitOfEventsAndSemaphores) {
  auto ready = manager.Event();
  in_both_ways([&] { return ready; },
               [&](const auto& calls, Take take) {
                 take(calls.set());
                 EXPECT_TRUE(ready.is_set());
                 EXPECT_TRUE(take(calls.is_set()));
                 take(calls.clear());
                 EXPECT_FALSE(ready.is_set());
               });
  auto licences = manager.BoundedSemaphore(2);
  in_both_ways([&] { return licences; },
               [&](const auto& calls, Take take) {
                 EXPECT_THROW(take(calls.release()), std::logic_error);
                 licences.acquire(), licences.acquire();
                 EXPECT_TRUE(take(calls.locked()));
                 take(calls.release(2));
                 EXPECT_EQ(take(calls.get_value()), 2u);
               });
}

TEST_P(Async, BeginsTheCallsOfAThreadInTheirOrder) {
  const auto numbers = manager.list<int>();
  const auto counts = manager.dict<int, int>();
  std::vector<ManagerResult<void>> sent;
  std::vector<ManagerResult<std::size_t>> sizes;
  for (int number = 0; number < 500; ++number) {
    sent.push_back(numbers.async().push_back(number));
    sent.push_back(counts.async().set(0, number));
    sizes.push_back(numbers.async().size());
  }
  EXPECT_EQ(numbers.size(), 500u);  // one that is not begun comes behind them, too
  EXPECT_EQ(counts.at(0), 499);
  for (std::size_t index = 0; index < sizes.size(); ++index) EXPECT_EQ(sizes[index].get(), index + 1);
  for (ManagerResult<void>& each : sent) each.get();
  EXPECT_EQ(numbers.copy(), testing::numbers_to(500));
}

TEST_P(Async, ResultsMayBeTakenInAnyOrder) {
  const auto ages = manager.dict<std::string, int>();
  auto missing = ages.async().at("Ada");
  auto set = ages.async().set("Ada", 36);
  auto there = ages.async().at("Ada");
  EXPECT_EQ(there.get(), 36);
  EXPECT_TRUE(set.ready());
  set.get();
  EXPECT_EQ(error_of([&] { return missing.get(); }),
            "std::out_of_range: procyon: this dict<str,i32> of a manager has no such key");
  EXPECT_THROW(there.get(), std::logic_error);
}

TEST_P(Async, ValuesMayHoldProxies) {
  const auto lists = manager.dict<std::string, ListProxy<int>>();
  const auto list = manager.list<int>();
  lists.async().set("a", list).get();
  auto found = lists.async().at("a");
  Batch batch;
  batch.on(list).push_back(4);
  const auto in_batch = batch.on(lists).at("a");
  batch.run();
  EXPECT_EQ(found.get().at(0), 4);
  EXPECT_EQ(batch.outcome(in_batch).value(), list);
}

TEST_P(Async, AnAnswerThatIsLateMayStillCome) {
  const auto ages = manager.dict<std::string, int>();
  ages["Ada"] = 36;
  std::optional<ManagerResult<int>> age;
  {
    const Stopped stopped(manager);
    age = ages.async().at("Ada");
    EXPECT_FALSE(age->ready());
    EXPECT_THROW(age->get(1ms), TimeoutError);
  }
  EXPECT_EQ(age->get(), 36);
}

TEST_P(Async, WhatADroppedResultWouldHaveBroughtIsGivenBack) {
  const auto ages = manager.dict<std::string, int>();
  ages["Ada"] = 36;
  static_cast<void>(ages.async().items());
  {
    auto there = ages.async().items();
    EXPECT_TRUE(eventually([&] { return there.ready(); }));
  }
  EXPECT_EQ(ages["Ada"], 36);
  EXPECT_TRUE(eventually([&] { return manager.number_of_objects() == 1; }));
}

TEST_P(Async, IsForAnyThread) {
  constexpr int threads = 4;
  constexpr int rounds = 300;
  const auto numbers = manager.list<int>();
  std::vector<std::thread> crew;
  for (int mine = 0; mine < threads; ++mine)
    crew.emplace_back([&, mine] {
      std::vector<ManagerResult<void>> sent;
      Batch batch;
      for (int round = 0; round < rounds; ++round) {
        sent.push_back(numbers.async().push_back(mine));
        batch.on(numbers).push_back(mine);
      }
      batch.run();
      batch.check();
      for (ManagerResult<void>& each : sent) each.get();
    });
  for (std::thread& thread : crew) thread.join();
  for (int mine = 0; mine < threads; ++mine) EXPECT_EQ(numbers.count(mine), 2u * rounds);
}

TEST_P(Async, EveryResultTellsOfTheDeathOfTheServer) {
  const auto ages = manager.dict<std::string, int>();
  std::vector<ManagerResult<void>> sent;
  {
    const Stopped stopped(manager);
    for (int age = 0; age < 50; ++age) sent.push_back(ages.async().set("Ada", age));
    ::kill(*manager.pid(), SIGKILL);
  }
  for (ManagerResult<void>& each : sent) EXPECT_THROW(each.get(), ManagerGone);
  EXPECT_THROW(static_cast<void>(ages.async().at("Ada")), ManagerGone);
  Batch batch;
  batch.on(ages).clear();
  EXPECT_THROW(batch.run(), ManagerGone);
}

TEST_P(Async, AClientThatDiesWithCallsUnderwayLeavesNothing) {
  const auto ages = manager.dict<std::string, int>();
  Process child(
      [](const Ages& mine) {
        std::vector<ManagerResult<void>> sent;
        std::vector<ManagerResult<manager::ItemSnapshot<std::string, int>>> snapshots;
        for (int age = 0; age < 100; ++age) {
          sent.push_back(mine.async().set("Ada", age));
          snapshots.push_back(mine.async().items());
        }
        ::raise(SIGKILL);
      },
      ages);
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  EXPECT_TRUE(eventually([&] { return manager.number_of_objects() == 1; }));
  ages["Ada"] = 1;
  EXPECT_EQ(ages["Ada"], 1);
}

TEST_P(Async, AForkedChildHasNoPartInItsParentsCalls) {
  const auto queue = manager.Queue<int>();
  auto next = std::make_unique<ManagerResult<int>>(queue.async().get());
  const pid_t child = ::fork();
  if (child == 0) {
    const bool told =
        next->ready() && error_of([&] { return next->get(); }).find("fork()") != std::string::npos;
    next.reset();
    const bool can_begin = queue.async().qsize().get() == 0;
    ::_exit(told && can_begin ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  queue.put(1);
  EXPECT_EQ(next->get(), 1);
}

struct Counter {
  int n = 0;
  int inc(int by) { return n += by; }
};

TEST(Batches, MixRegisteredClassesAndStandardObjectsAndKeepErrorsApart) {
  SyncManager manager;
  manager.register_type<Counter>("Counter", methods<&Counter::inc>());
  manager.start();
  const auto counter = manager.create<Counter>("Counter");
  const auto ages = manager.dict<std::string, int>();
  const auto names = manager.list<std::string>();
  Batch batch;
  const auto first = batch.add(counter, m<&Counter::inc>, 2);
  const auto missing = batch.on(ages).at("Ada");
  batch.on(ages).set("Ada", 36);
  const auto there = batch.on(ages).at("Ada");
  batch.on(names).extend(std::vector<std::string>{"a", "b"});
  const auto size = batch.on(names).size();
  const auto by_name = batch.add<int>(counter, "inc", 3);
  const auto untyped = batch.add<int>(counter, "dec", 3);
  EXPECT_EQ(batch.size(), 8u);
  EXPECT_EQ(by_name.number(), 6u);
  batch.run();
  EXPECT_EQ(batch.size(), 0u);
  EXPECT_EQ(*batch.outcome(first), 2);
  EXPECT_TRUE(batch.outcome(missing).error().is<std::out_of_range>());
  EXPECT_EQ(*batch.outcome(there), 36);
  EXPECT_EQ(*batch.outcome(size), 2u);
  EXPECT_EQ(*batch.outcome(by_name), 5);
  EXPECT_FALSE(batch.outcome(untyped));
  EXPECT_THROW(batch.check(), std::exception);
}

TEST(Batches, GoToOneServer) {
  Manager one, other;
  const auto here = one.dict<int, int>();
  const auto there = other.dict<int, int>();
  Batch batch;
  batch.on(here).set(1, 1);
  EXPECT_NE(
      error_of([&] { return batch.on(there).set(1, 1); }).find("all calls of a Batch go to one manager"),
      std::string::npos);
  batch.run();
  EXPECT_EQ(here[1], 1);
}

}  // namespace
}  // namespace procyon
