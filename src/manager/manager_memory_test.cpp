// What lies in the memory of the server's session (Event, Queue, Value, Array), used from inside and from outside it.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "manager/test_loop.hpp"
#include "procyon/manager_event.hpp"
#include "procyon/manager_queue.hpp"
#include "procyon/manager_value.hpp"
#include "procyon/owner_died.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using manager::create_object;
using manager::item_type_of;
using manager::test::TestLink;
using manager::test::TestLoop;

template <class T>
QueueProxy<T> make_queue(const std::shared_ptr<TestLink>& client, std::size_t maxsize = 0) {
  return create_object<QueueProxy<T>>(client, arena::type_detail<T>(), QueueOptions{.maxsize = maxsize});
}

template <class T>
JoinableQueueProxy<T> make_joinable(const std::shared_ptr<TestLink>& client) {
  return create_object<JoinableQueueProxy<T>>(client, arena::type_detail<T>(), QueueOptions{});
}

// Each client of each test, from outside the session and from inside.
class Either : public ::testing::TestWithParam<bool> {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect(GetParam());
  std::shared_ptr<TestLink> outside = loop.connect(false);
};
INSTANTIATE_TEST_SUITE_P(OutsideAndInside, Either, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "inside" : "outside"; });

TEST_P(Either, AnEventIsOneForAll) {
  const auto event = create_object<EventProxy>(client);
  const auto others = outside->same(event);
  EXPECT_EQ(event.local().has_value(), GetParam());
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(0s));
  auto waiting = std::async(std::launch::async, [&] { return others.wait(1h); });
  loop.wait_for_calls(1);
  auto more = std::async(std::launch::async, [&] { others.wait(); });
  loop.wait_for_calls(2);
  event.set();
  EXPECT_TRUE(waiting.get());
  more.get();
  EXPECT_TRUE(others.is_set());
  others.clear();
  EXPECT_FALSE(event.is_set());
}

TEST_P(Either, AQueueIsOneForAll) {
  const auto queue = make_queue<std::string>(client, 3);
  const auto others = outside->same(queue);
  queue.put("a");
  others.put("b");
  queue.put_nowait("c");
  EXPECT_TRUE(queue.full());
  EXPECT_TRUE(others.full());
  EXPECT_THROW(queue.put_nowait("d"), Full);
  EXPECT_THROW(others.put("d", 0s), Full);
  EXPECT_EQ(others.qsize(), 3u);
  EXPECT_EQ(others.get(), "a");
  EXPECT_EQ(queue.get_nowait(), "b");
  EXPECT_EQ(others.try_get(), std::optional<std::string>("c"));
  EXPECT_EQ(others.try_get(), std::nullopt);
  EXPECT_THROW(static_cast<void>(others.get_nowait()), Empty);
  EXPECT_TRUE(queue.empty());
}

TEST_P(Either, AQueueHandsOverToWhoWaits) {
  const auto queue = make_queue<int>(client, 1);
  const auto others = outside->same(queue);
  auto getting = std::async(std::launch::async, [&] { return others.get(); });
  loop.wait_for_calls(1);
  queue.put(1);
  EXPECT_EQ(getting.get(), 1);
  queue.put(2);
  auto putting = std::async(std::launch::async, [&] { others.put(3); });
  loop.wait_for_calls(1);
  EXPECT_EQ(queue.get(), 2);
  putting.get();
  EXPECT_EQ(queue.get(), 3);
}

TEST_P(Either, AQueueTakesAndGivesMany) {
  const auto queue = make_queue<std::string>(client);
  const auto others = outside->same(queue);
  others.put_many(std::vector<std::string>{"a", "b", "c"});
  EXPECT_EQ(queue.put_many(std::vector<std::string>{"d", "e"}, 1s), 2u);
  EXPECT_EQ(others.get_many(2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(queue.get_many(10, 1s), (std::vector<std::string>{"c", "d", "e"}));
  EXPECT_TRUE(others.get_many(10, 0s).empty());
}

TEST_P(Either, PutManyWaitsForRoom) {
  const auto queue = make_queue<int>(client, 2);
  const auto others = outside->same(queue);
  auto putting = std::async(std::launch::async, [&] { others.put_many(std::vector{1, 2, 3, 4, 5}); });
  std::vector<int> taken;
  while (taken.size() < 5) taken.push_back(queue.get());
  putting.get();
  EXPECT_EQ(taken, (std::vector{1, 2, 3, 4, 5}));
}

TEST_P(Either, AJoinableQueueWaitsForItsTasks) {
  const auto queue = make_joinable<int>(client);
  const auto others = outside->same(queue);
  queue.put(1);
  EXPECT_FALSE(others.join(0s));
  auto joining = std::async(std::launch::async, [&] { others.join(); });
  loop.wait_for_calls(1);
  EXPECT_EQ(queue.get(), 1);
  queue.task_done();
  joining.get();
  EXPECT_TRUE(queue.join(0s));
  EXPECT_THROW(others.task_done(), std::logic_error);
}

TEST_P(Either, AValueIsOneForAll) {
  const double initial = 1.5;
  const auto value = create_object<ValueProxy<double>>(
      client, item_type_of<double>(), std::string(reinterpret_cast<const char*>(&initial), sizeof initial));
  const auto others = outside->same(value);
  EXPECT_EQ(value.get(), 1.5);
  others.set(2.5);
  EXPECT_EQ(value.get(), 2.5);
  EXPECT_EQ(value.with([](double& x) { return x += 1; }), 3.5);
  others.with([](double& x) { x += 1; });
  EXPECT_EQ(value.get(), 4.5);
}

TEST_P(Either, WithLosesNoChangeOfOthers) {
  const auto value =
      create_object<ValueProxy<int>>(client, item_type_of<int>(), std::string(sizeof(int), '\0'));
  std::vector<std::thread> crew;
  for (const bool in_session : {false, true, GetParam()})
    crew.emplace_back([mine = loop.connect(in_session)->same(value)] {
      for (int round = 0; round < 50; ++round) mine.with([](int& n) { ++n; });
    });
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(value.get(), 150);
}

TEST_P(Either, AnArrayIsOneForAll) {
  const auto array =
      create_object<ArrayProxy<int>>(client, item_type_of<int>(), std::uint64_t{4}, std::string());
  const auto others = outside->same(array);
  array[1] = 5;
  others.set(3, 7);
  EXPECT_EQ(others[1], 5);
  EXPECT_EQ(array.copy(), (std::vector{0, 5, 0, 7}));
  others.set_many(1, std::vector{1, 2});
  EXPECT_EQ(array.get_many(0, 3), (std::vector{0, 1, 2}));
  EXPECT_EQ(others.with([](std::span<int> all) { return all[0] = 9; }), 9);
  EXPECT_EQ(array.at(0), 9);
  EXPECT_EQ(others.size(), 4u);
  EXPECT_THROW(static_cast<void>(array.at(4)), std::out_of_range);
  EXPECT_THROW(others.set(4, 1), std::out_of_range);
  EXPECT_THROW(others.set_many(3, std::vector{1, 2}), std::out_of_range);
}

TEST(MemoryOfAServer, ARemoteDeathInsideWithIsToldToTheNext) {
  TestLoop loop;
  const auto client = loop.connect();
  const auto value =
      create_object<ValueProxy<int>>(client, item_type_of<int>(), std::string(sizeof(int), '\0'));
  const auto inside = loop.connect(true)->same(value);
  EXPECT_THROW(value.with([&](int&) { client->die(); }), ManagerGone);
  EXPECT_THROW(inside.with([](int&) {}), OwnerDied);
}

TEST(MemoryOfAServer, AMessageOnItsWayToTheDeadIsNotLost) {
  TestLoop loop;
  const auto victim = loop.connect();
  const auto queue = make_queue<int>(loop.connect(true));
  const auto victims = victim->same(queue);
  auto getting = std::async(std::launch::async, [&] { return victims.get(); });
  loop.wait_for_calls(1);
  victim->die();
  EXPECT_THROW(getting.get(), ManagerGone);
  queue.put(7);
  EXPECT_EQ(queue.get(), 7);
}

TEST(MemoryOfAServer, WhatADeadRemoteConsumerHadNotFinishedIsGivenToAnother) {
  TestLoop loop;
  const auto victim = loop.connect();
  const auto queue = make_joinable<int>(loop.connect(true));
  const auto victims = victim->same(queue);
  queue.put_many(std::vector{1, 2, 3});
  EXPECT_EQ(victims.get_many(2), (std::vector{1, 2}));
  victims.task_done();
  victim->die();
  std::vector<int> rest{queue.get(), queue.get()};
  std::ranges::sort(rest);
  EXPECT_EQ(rest, (std::vector{2, 3}));
  queue.task_done();
  queue.task_done();
  EXPECT_TRUE(queue.join(0s));
}

TEST(MemoryOfAServer, AMessageWithSharedObjectsStaysInTheSession) {
  TestLoop loop;
  const auto inside = make_queue<std::vector<Lock>>(loop.connect(true));
  const auto remote = loop.connect()->same(inside);
  inside.put({Lock()});
  try {
    static_cast<void>(remote.get());
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("session's memory"), std::string::npos) << error.what();
  }
  EXPECT_EQ(inside.get().size(), 1u);
  EXPECT_ANY_THROW(remote.put({Lock()}));
}

TEST(MemoryOfAServer, AnObjectGoesWithItsLastReference) {
  TestLoop loop;
  const auto client = loop.connect(true);
  std::optional<QueueProxy<int>> queue = make_queue<int>(client);
  std::optional<Queue<int>> local = queue->local();
  const arena::Handle handle = local->reference().handle();
  local->put(1);
  queue.reset();
  EXPECT_EQ(loop.number_of_objects(), 0u);
  EXPECT_EQ(local->get(), 1);
  local.reset();
  EXPECT_THROW(arena::Reference::open(handle), ObjectGone);
}

}  // namespace
}  // namespace procyon
