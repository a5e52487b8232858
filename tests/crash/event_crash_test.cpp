// A process is killed at every instruction of setting, clearing or awaiting an Event: nobody waits in vain.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "procyon/event.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;
using sync::EventState;

bool has_sleepers(const Event& event) {
  return (event.reference().get<EventState>().word.load() & EventState::sleepers_bit) != 0;
}

struct EventOperation {
  const char* name;
  std::function<void(Event&)> arrange = [](Event&) {};  // in the survivor
  std::function<void(Event&)> window;
  std::function<void(Event&, const KillPoint&)> check;
  Options options = Options::from_environment();
};

void expect_event_survives(const EventOperation& what) {
  std::optional<Event> event;
  std::size_t used = 0;
  const Scenario scenario{.name = what.name,
                          .prepare =
                              [&] {
                                event.reset();
                                make_session_like_new();
                                used = used_bytes();
                                event.emplace();
                                what.arrange(*event);
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                begin_window();
                                what.window(*event);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                what.check(*event, point);
                                event->clear();
                                EXPECT_FALSE(event->wait(0s));
                                event->set();
                                EXPECT_TRUE(event->wait(20s));
                                expect_session_is_whole(used + 64);
                              }};
  expect_survives_every_kill(scenario, what.options);
}

/// Somebody sleeps on the event until it is set. A run of the scenario starts him, and its check wakes him.
void start_sleeper(const Event& event) {
  start_helper([&] { return event.wait(20s) ? 0 : 1; });
  ASSERT_TRUE(comes_true([&] { return has_sleepers(event); }));
}

TEST(EventCrash, Set) {
  expect_event_survives({.name = "event.set",
                         .window = [](Event& event) { event.set(); },
                         .check =
                             [](Event& event, const KillPoint& point) {
                               EXPECT_EQ(event.wait(0s), event.is_set());
                               EXPECT_TRUE(point.killed() || event.is_set());
                             }});
}

TEST(EventCrash, SetWhileSomebodySleeps) {
  expect_event_survives({.name = "event.set, somebody sleeps",
                         .arrange = start_sleeper,
                         .window = [](Event& event) { event.set(); },
                         .check =
                             [](Event& event, const KillPoint&) {
                               if (!event.is_set()) event.set();
                               EXPECT_EQ(end_of_helper(), 0);
                             },
                         .options = slow_check()});
}

TEST(EventCrash, Clear) {
  expect_event_survives(
      {.name = "event.clear",
       .arrange = [](Event& event) { event.set(); },
       .window = [](Event& event) { event.clear(); },
       .check = [](Event& event,
                   const KillPoint& point) { EXPECT_TRUE(point.killed() || !event.is_set()); }});
}

TEST(EventCrash, WaitForOneThatIsSet) {
  expect_event_survives({.name = "event.wait, set",
                         .arrange = [](Event& event) { event.set(); },
                         .window = [](Event& event) { event.wait(); },
                         .check = [](Event& event, const KillPoint&) { EXPECT_TRUE(event.wait(0s)); }});
}

TEST(EventCrash, WaitForOneThatNobodySets) {
  expect_event_survives({.name = "event.wait, never set",
                         .window = [](Event& event) { event.wait(); },
                         .check =
                             [](Event& event, const KillPoint& point) {
                               EXPECT_TRUE(point.killed());
                               EXPECT_FALSE(event.is_set());
                             },
                         .options = waiting_window()});
}

TEST(EventCrash, WaitBesideOthers) {
  expect_event_survives({.name = "event.wait, beside others",
                         .arrange = start_sleeper,
                         .window = [](Event& event) { event.wait(); },
                         .check =
                             [](Event& event, const KillPoint&) {
                               event.set();
                               EXPECT_EQ(end_of_helper(), 0);
                             },
                         .options = waiting_window()});
}

TEST(EventCrash, WaitForOneThatIsSetMeanwhile) {
  expect_event_survives({.name = "event.wait, woken",
                         .arrange =
                             [](Event& event) {
                               start_helper([&] {
                                 const bool waited_for = comes_true([&] { return has_sleepers(event); });
                                 std::this_thread::sleep_for(3ms);  // lets it fall asleep
                                 event.set();
                                 return waited_for ? 0 : 1;
                               });
                             },
                         .window = [](Event& event) { event.wait(); },
                         .check =
                             [](Event& event, const KillPoint&) {
                               EXPECT_TRUE(event.wait(20s));
                               EXPECT_EQ(end_of_helper(), 0);
                             },
                         .options = slow_check()});
}

}  // namespace
}  // namespace procyon::crash
