// A process is killed at every instruction of what rings for wait(), and of wait() itself: nobody waits in vain.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>

#include "channel/queue_format.hpp"
#include "procyon/detail/sync/doorbell.hpp"
#include "procyon/event.hpp"
#include "procyon/queue.hpp"
#include "procyon/wait.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

struct Things {
  Queue<int> queue;
  Event event;
};

bool is_awaited(const Queue<int>& queue) {
  return (queue.reference().get<channel::QueueState>().get_sleepers.load() & sync::bell_bits) != 0;
}
bool is_awaited(const Event& event) {
  return (event.reference().get<sync::EventState>().word.load() & sync::bell_bits) != 0;
}

struct WaitOperation {
  const char* name;
  std::function<void(Things&)> arrange = [](Things&) {};        // in the survivor
  std::function<void(Things&)> before_window = [](Things&) {};  // in the victim
  std::function<void(Things&)> window;
  std::function<void(Things&, const KillPoint&)> check;
  Options options = slow_check();
};

void expect_waiters_survive(const WaitOperation& operation) {
  std::optional<Things> things;
  std::size_t used = 0;
  const Scenario scenario{.name = operation.name,
                          .prepare =
                              [&] {
                                things.reset();
                                make_session_like_new();
                                used = used_bytes();
                                things.emplace();
                                operation.arrange(*things);
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                operation.before_window(*things);
                                begin_window();
                                operation.window(*things);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                operation.check(*things, point);
                                things->event.set();
                                things->queue.put(1);
                                EXPECT_EQ(wait({things->queue, things->event}, 20s).size(), 2u);
                                things.reset();
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario, operation.options);
}

/// Somebody waits until the queue has a message and takes it. A run of the scenario starts him, its check sees his end.
void start_waiter(Things& things, bool with_descriptor) {
  start_helper([&things, with_descriptor] {
    int ends[2] = {-1, -1};
    if (with_descriptor && ::pipe2(ends, O_CLOEXEC) != 0) return 2;
    const Ready ready =
        with_descriptor ? wait({things.queue, ends[0]}, 20s) : wait({things.queue, Event()}, 20s);
    return ready.contains(things.queue) && things.queue.try_get() ? 0 : 1;
  });
  ASSERT_TRUE(comes_true([&] { return is_awaited(things.queue); }));
}

void expect_waiter_got_a_message(Things& things) {
  // One for the waiter, should the victim have died before its own was there. The other one stays.
  things.queue.put(2);
  EXPECT_EQ(end_of_helper(), 0);
  while (things.queue.try_get()) {
  }
}

TEST(WaitCrash, PutWhileSomebodyWaits) {
  expect_waiters_survive(
      {.name = "queue.put, awaited",
       .arrange = [](Things& things) { start_waiter(things, false); },
       .window = [](Things& things) { things.queue.put(1); },
       .check = [](Things& things, const KillPoint&) { expect_waiter_got_a_message(things); }});
}

// The victim's own message must reach the waiter: nobody else puts one.
TEST(WaitCrash, WhatWasPutReachesTheWaiter) {
  expect_waiters_survive({.name = "queue.put, awaited, the only one",
                          .arrange = [](Things& things) { start_waiter(things, false); },
                          .window = [](Things& things) { things.queue.put(1); },
                          .check =
                              [](Things& things, const KillPoint&) {
                                // Nothing in it: the waiter has taken it, or it was never put.
                                if (things.queue.qsize() == 0) things.queue.put(2);
                                EXPECT_EQ(end_of_helper(), 0);
                                while (things.queue.try_get()) {
                                }
                              }});
}

TEST(WaitCrash, PutWhileSomebodyWaitsByADescriptor) {
  expect_waiters_survive(
      {.name = "queue.put, awaited by a descriptor",
       .arrange = [](Things& things) { start_waiter(things, true); },
       .window = [](Things& things) { things.queue.put(1); },
       .check = [](Things& things, const KillPoint&) { expect_waiter_got_a_message(things); }});
}

TEST(WaitCrash, SetWhileSomebodyWaits) {
  expect_waiters_survive({.name = "event.set, awaited",
                          .arrange =
                              [](Things& things) {
                                start_helper([&things] { return wait({things.event}, 20s).empty() ? 1 : 0; });
                                ASSERT_TRUE(comes_true([&] { return is_awaited(things.event); }));
                              },
                          .window = [](Things& things) { things.event.set(); },
                          .check =
                              [](Things& things, const KillPoint&) {
                                if (!things.event.is_set()) things.event.set();
                                EXPECT_EQ(end_of_helper(), 0);
                              }});
}

TEST(WaitCrash, WaitForWhatNeverComes) {
  expect_waiters_survive({.name = "wait, never ready",
                          .window =
                              [](Things& things) {
                                static_cast<void>(wait({things.queue, things.event}));
                              },
                          .check = [](Things&, const KillPoint& point) { EXPECT_TRUE(point.killed()); },
                          .options = waiting_window()});
}

TEST(WaitCrash, WaitBesideOthers) {
  expect_waiters_survive(
      {.name = "wait, beside others",
       .arrange = [](Things& things) { start_waiter(things, false); },
       .window =
           [](Things& things) {
             static_cast<void>(wait({things.queue, things.event}));
           },
       .check = [](Things& things, const KillPoint&) { expect_waiter_got_a_message(things); },
       .options = waiting_window()});
}

TEST(WaitCrash, LookAtWhatIsReady) {
  expect_waiters_survive(
      {.name = "wait, ready",
       .arrange = [](Things& things) { things.queue.put(1); },
       .window = [](Things& things) { static_cast<void>(wait({things.queue}, 1s)); },
       .check = [](Things& things, const KillPoint&) { EXPECT_EQ(things.queue.get(0s), 1); },
       .options = Options::from_environment()});
}

TEST(WaitCrash, FindNothingBehindAFileno) {
  expect_waiters_survive(
      {.name = "queue.try_get, with a fileno",
       .arrange = [](Things& things) { start_waiter(things, false); },
       .before_window =
           [](Things& things) {
             static_cast<void>(things.queue.fileno());
             static_cast<void>(things.queue.try_get());
           },
       .window = [](Things& things) { static_cast<void>(things.queue.try_get()); },
       .check = [](Things& things, const KillPoint&) { expect_waiter_got_a_message(things); }});
}

TEST(WaitCrash, TakeAQueuesFileno) {
  expect_waiters_survive({.name = "queue.fileno",
                          .window = [](Things& things) { static_cast<void>(things.queue.fileno()); },
                          .check =
                              [](Things& things, const KillPoint&) {
                                pollfd entry{things.queue.fileno(), POLLIN, 0};
                                things.queue.put(1);
                                EXPECT_EQ(::poll(&entry, 1, 20'000), 1);
                                EXPECT_EQ(things.queue.get(0s), 1);
                              }});
}

}  // namespace
}  // namespace procyon::crash
