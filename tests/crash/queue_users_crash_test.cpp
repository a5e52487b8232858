// A process is killed at every instruction of what a queue does for its users by name: batches, leases, tasks that are
// joined, producers whose end is told, bounds in bytes. Whatever was put is afterwards in the queue, with a living
// holder, finished, or counted as lost, each message in exactly one of these states.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crash_points.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/joinable_queue.hpp"
#include "procyon/owner_died.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

using Text = std::string;
using Texts = std::vector<Text>;
using Tasks = JoinableQueue<Text>;

const Text large(20'000, 'l');

template <class Q>
struct Operation {
  std::string name;
  QueueOptions options = {};
  Texts before = {};
  std::function<void(Q&)> arrange = [](Q&) {};  // in the survivor
  std::string last_point = {};  // somebody dies there in last_act, just before the victim comes
  std::function<void(Q&)> last_act = {};
  std::function<void(Q&)> before_window = [](Q&) {};  // in the victim
  std::function<void(Q&)> window;
  std::function<void(Q&, const KillPoint&)> check;
  bool has_crash_points = true;
};

template <class Q>
class Run {
 public:
  explicit Run(const Operation<Q>& what) : what_(what) {}

  Scenario scenario() {
    return {.name = what_.name,
            .prepare = [this] { prepare(); },
            .victim =
                [this] {
                  arena::Session::current().self();
                  what_.before_window(*queue_);
                  begin_window();
                  what_.window(*queue_);
                  end_window();
                },
            .check = [this](const KillPoint& point) { check(point); }};
  }

 private:
  void prepare() {
    queue_.reset();
    make_session_like_new();
    used_ = used_bytes();
    queue_.emplace(what_.options);
    for (const Text& message : what_.before) queue_->put(message);
    what_.arrange(*queue_);
    if (what_.last_act)
      let_somebody_die([this] {
        os::arm_crash_point(what_.last_point);
        what_.last_act(*queue_);
      });
  }

  void check(const KillPoint& point) {
    what_.check(*queue_, point);
    queue_->put("again", 20s);
    EXPECT_EQ(queue_->get(20s), "again");
    EXPECT_TRUE(queue_->empty());
    queue_.reset();
    expect_session_is_whole(used_);
  }

  const Operation<Q>& what_;
  std::optional<Q> queue_;
  std::size_t used_ = 0;
};

template <class Q>
void expect_survives(const Operation<Q>& what) {
  if (what.last_act && !os::crash_points_enabled)
    GTEST_SKIP() << "this build has no crash points (PROCYON_CRASH_POINTS)";
  Run<Q> run(what);
  expect_survives_every_kill(run.scenario(), slow_check(150));
  if (os::crash_points_enabled && what.has_crash_points && !what.last_act)
    expect_survives_every_crash_point(run.scenario());
}

template <class Q>
Texts take_all(Q& queue) {
  Texts got;
  while (std::optional<Text> message = queue.try_get()) got.push_back(*std::move(message));
  return got;
}

std::size_t lost_by(const Queue<Text>& queue) {
  std::size_t count = 0;
  for (const LostMessages& lost : queue.lost()) count += lost.count;
  return count;
}

bool is_start_of(const Texts& got, const Texts& all) {
  return got.size() <= all.size() && std::equal(got.begin(), got.end(), all.begin());
}

using OnQueue = Operation<Queue<Text>>;
using OnTasks = Operation<Tasks>;

// Batches -------------------------------------------------------------------------------------------------------

TEST(QueueUsersCrash, PutMany) {
  const Texts batch{"a", "b", "c"};
  expect_survives<Queue<Text>>({.name = "queue.put_many",
                                .window = [&](auto& queue) { queue.put_many(batch); },
                                .check =
                                    [&](auto& queue, const KillPoint& point) {
                                      const Texts got = take_all(queue);
                                      EXPECT_TRUE(is_start_of(got, batch));
                                      EXPECT_TRUE(point.killed() || got == batch);
                                    }});
}

TEST(QueueUsersCrash, GetManyTakesAllOfItsBatchOrNone) {
  const Texts all{"a", "b", "c", "d"};
  expect_survives<Queue<Text>>({.name = "queue.get_many",
                                .before = all,
                                .window = [](auto& queue) { static_cast<void>(queue.get_many(3)); },
                                .check =
                                    [&](auto& queue, const KillPoint& point) {
                                      const std::size_t lost = lost_by(queue);
                                      const Texts got = take_all(queue);
                                      if (got.size() == 4) {
                                        EXPECT_EQ(got, all);
                                        EXPECT_EQ(lost, 0u);
                                        EXPECT_TRUE(point.killed());
                                      } else {
                                        EXPECT_EQ(got, Texts{"d"});
                                        EXPECT_TRUE(lost == 3 || lost == 0) << lost;
                                      }
                                    }});
}

TEST(QueueUsersCrash, WhatDiesInsideGetIsCountedAsLost) {
  for (const Text& message : {Text("small"), large})
    expect_survives<Queue<Text>>({.name = "queue.get, lost",
                                  .before = {message},
                                  .window = [](auto& queue) { static_cast<void>(queue.get()); },
                                  .check =
                                      [&](auto& queue, const KillPoint&) {
                                        const std::size_t lost = lost_by(queue);
                                        const Texts got = take_all(queue);
                                        EXPECT_LE(got.size() + lost, 1u);
                                        EXPECT_TRUE(got.empty() || got.front() == message);
                                      }});
}

// Leases --------------------------------------------------------------------------------------------------------

void lease_one(Queue<Text>& queue) {
  const auto lease = queue.try_get_lease(0s);
  end_window();
  ::_exit(0);  // with the lease
}

void give_back_one(Queue<Text>& queue) { static_cast<void>(queue.try_get_lease(0s)); }

/// Nothing is lost, whatever happens; what a dead holder had comes when it is found out.
void expect_all(Texts all, Queue<Text>& queue) {
  Texts got;
  while (got.size() < all.size()) {
    const auto message = queue.try_get(20s);
    ASSERT_TRUE(message) << "only " << got.size();
    got.push_back(*message);
  }
  std::ranges::sort(got);
  std::ranges::sort(all);
  EXPECT_EQ(got, all);
  EXPECT_EQ(lost_by(queue), 0u);
}

OnQueue lease_operation(const char* name, Texts before, std::function<void(Queue<Text>&)> window) {
  return {.name = name,
          .before = before,
          .window = std::move(window),
          .check = [before](auto& queue, const KillPoint&) { expect_all(before, queue); }};
}

TEST(QueueUsersCrash, ALeasedMessageIsNeverLost) {
  expect_survives(lease_operation("queue.lease, small", {"a", "b"}, lease_one));
  expect_survives(lease_operation("queue.lease, large", {large, "b"}, lease_one));
}
TEST(QueueUsersCrash, AMessageLeasedAgainIsNeverLost) {
  OnQueue operation = lease_operation("queue.lease, again", {"a", "b"}, lease_one);
  operation.arrange = give_back_one;
  expect_survives(operation);
}
TEST(QueueUsersCrash, ALeaseOfADeadHolderIsTakenOver) {
  OnQueue operation = lease_operation("queue.lease, of the dead", {"a"}, lease_one);
  operation.arrange = [](Queue<Text>& queue) {
    let_somebody_die([&] { new Lease(queue.get_lease()); });  // and does not give it back
  };
  expect_survives(operation);
}
TEST(QueueUsersCrash, GivingBack) {
  expect_survives(lease_operation("queue.lease, given back", {"a", "b"}, give_back_one));
}
TEST(QueueUsersCrash, RepairingALeaseLosesNothing) {
  for (const char* point :
       {"queue.lease.claimed", "queue.lease.copy_held", "queue.lease.committed", "queue.table.block_pending",
        "queue.table.block_held", "queue.table.linked", "queue.lease.hint_cleared"}) {
    OnQueue operation = lease_operation("queue.lease, repaired", {"a", "b"}, lease_one);
    operation.name += std::string(" after ") + point;
    operation.last_point = point;
    operation.last_act = give_back_one;
    if (std::string(point) == "queue.lease.hint_cleared") operation.arrange = give_back_one;
    expect_survives(operation);
  }
}

OnQueue finishing(const char* name, const Text& message, std::function<void(Queue<Text>&)> window) {
  return {.name = name,
          .before = {message, "b"},
          .window = std::move(window),
          .check = [message](auto& queue, const KillPoint& point) {
            Texts got = take_all(queue);
            std::ranges::sort(got, std::greater<>());
            EXPECT_TRUE(got == Texts{"b"} ||
                        (point.killed() && got.size() == 2 && std::ranges::count(got, message) == 1))
                << got.size();
          }};
}

TEST(QueueUsersCrash, Acknowledging) {
  for (const Text& message : {Text("a"), large}) {
    std::optional<Lease<Text>> lease;
    OnQueue operation = finishing("queue.lease, acknowledged", message, [&](auto&) { lease->acknowledge(); });
    operation.before_window = [&](auto& queue) { lease.emplace(queue.get_lease()); };
    expect_survives(operation);
  }
}
TEST(QueueUsersCrash, GettingAMessageThatWasGivenBack) {
  for (const Text& message : {Text("a"), large}) {
    OnQueue operation =
        finishing("queue.get, given back", message, [](auto& queue) { static_cast<void>(queue.get()); });
    operation.arrange = give_back_one;
    expect_survives(operation);
  }
}
TEST(QueueUsersCrash, RepairingTheTakingOfAMessageThatWasGivenBack) {
  for (const char* point : {"queue.get.returned_committed", "queue.get.block_taken"}) {
    OnQueue operation = lease_operation("queue.get, given back, repaired", {"b"}, lease_one);
    operation.name += std::string(" after ") + point;
    operation.before = {"a", "b"};
    operation.arrange = give_back_one;
    operation.last_point = point;
    operation.last_act = [](auto& queue) { static_cast<void>(queue.get()); };
    operation.check = [](auto& queue, const KillPoint&) {
      EXPECT_EQ(lost_by(queue), 1u);
      EXPECT_EQ(queue.get(20s), "b");
    };
    expect_survives(operation);
  }
}

// Tasks ---------------------------------------------------------------------------------------------------------

/// Everything is in the queue, or was taken by somebody who is dead, or is finished; and join() says the same.
void expect_tasks(Tasks& queue, std::size_t put, std::size_t finished_at_least,
                  std::size_t finished_at_most) {
  std::size_t there = 0;
  for (std::optional<Text> message; (message = queue.try_get()); ++there) queue.task_done();
  const std::size_t lost = lost_by(queue);
  const std::size_t finished = put - there - lost;
  EXPECT_GE(finished, finished_at_least);
  EXPECT_LE(finished, finished_at_most);
  try {
    EXPECT_TRUE(queue.join(20s));
    EXPECT_EQ(lost, 0u);
  } catch (OwnerDied& died) {
    EXPECT_NE(lost, 0u);
    died.recover();
  }
  EXPECT_TRUE(queue.join(0s));
  EXPECT_EQ(lost_by(queue), 0u);
  queue.put("x");
  EXPECT_FALSE(queue.join(0s));
  static_cast<void>(queue.get());
  queue.task_done();
  EXPECT_TRUE(queue.join(0s));
}

OnTasks task_operation(const char* name, Texts before, std::size_t least, std::size_t most,
                       std::function<void(Tasks&)> window) {
  const std::size_t put = before.size();
  return {.name = name,
          .before = std::move(before),
          .window = std::move(window),
          .check = [=](Tasks& queue, const KillPoint& point) {
            expect_tasks(queue, put, point.killed() ? least : most, most);
            // The common check takes one more.
            queue.put("last");
            static_cast<void>(queue.get());
            queue.task_done();
          }};
}

TEST(QueueUsersCrash, GettingATask) {
  for (const Text& message : {Text("a"), large})
    expect_survives(task_operation("tasks.get", {message, "b"}, 0, 0,
                                   [](Tasks& queue) { static_cast<void>(queue.get()); }));
}
TEST(QueueUsersCrash, GettingManyTasks) {
  expect_survives(task_operation("tasks.get_many", {"a", "b", "c"}, 0, 0,
                                 [](Tasks& queue) { static_cast<void>(queue.get_many(2)); }));
}
TEST(QueueUsersCrash, GettingATaskThatWasGivenBack) {
  OnTasks operation = task_operation("tasks.get, given back", {"a", "b"}, 0, 0,
                                     [](Tasks& queue) { static_cast<void>(queue.get()); });
  operation.arrange = [](Tasks& queue) { static_cast<void>(queue.get_lease()); };
  expect_survives(operation);
}
TEST(QueueUsersCrash, FinishingATask) {
  OnTasks operation =
      task_operation("tasks.task_done", {"a", "b"}, 0, 1, [](Tasks& queue) { queue.task_done(); });
  operation.before_window = [](Tasks& queue) { static_cast<void>(queue.get()); };
  operation.has_crash_points = false;
  expect_survives(operation);
}
TEST(QueueUsersCrash, FinishingATaskOfAnothers) {
  OnTasks operation =
      task_operation("tasks.task_done, another's", {"a", "b"}, 0, 1, [](Tasks& queue) { queue.task_done(); });
  operation.arrange = [](Tasks& queue) { let_somebody_die([&] { static_cast<void>(queue.get()); }); };
  operation.has_crash_points = false;
  expect_survives(operation);
}
TEST(QueueUsersCrash, AcknowledgingATask) {
  std::optional<Lease<Text>> lease;
  OnTasks operation =
      task_operation("tasks.acknowledge", {"a", "b"}, 0, 1, [&](Tasks&) { lease->acknowledge(); });
  operation.before_window = [&](Tasks& queue) { lease.emplace(queue.get_lease()); };
  expect_survives(operation);
}
TEST(QueueUsersCrash, RepairingATaskThatWasBeingTaken) {
  for (const char* point : {"queue.get.committed", "queue.get.task_counted", "queue.get.counted",
                            "queue.table.block_held", "queue.table.linked"}) {
    OnTasks operation = task_operation("tasks.get, repaired", {"a", "b", "c"}, 0, 0,
                                       [](Tasks& queue) { static_cast<void>(queue.get()); });
    operation.name += std::string(" after ") + point;
    operation.last_point = point;
    operation.last_act = [](Tasks& queue) { static_cast<void>(queue.get()); };
    expect_survives(operation);
  }
}
TEST(QueueUsersCrash, LettingLostTasksCountAsFinished) {
  OnTasks operation = task_operation("tasks.recover", {"a", "b"}, 0, 1, [](Tasks& queue) {
    try {
      static_cast<void>(queue.join(0s));
    } catch (OwnerDied& died) {
      died.recover();
    }
  });
  operation.arrange = [](Tasks& queue) { let_somebody_die([&] { static_cast<void>(queue.get()); }); };
  operation.has_crash_points = false;
  expect_survives(operation);
}

// Producers, and bounds in bytes ----------------------------------------------------------------------------------

TEST(QueueUsersCrash, TheEndOfAProducerIsToldWhereverItDies) {
  expect_survives<Queue<Text>>({.name = "queue.put, last producer",
                                .options = {.end_with_producers = true},
                                .window = [](auto& queue) { queue.put("a"); },
                                .check =
                                    [](auto& queue, const KillPoint& point) {
                                      Texts got;
                                      bool told = false;
                                      bool waits = false;
                                      while (!told && !waits) try {
                                          const auto message = queue.try_get();
                                          waits = !message;
                                          if (message) got.push_back(*message);
                                        } catch (const PeerGone&) {
                                          told = true;
                                        }
                                      EXPECT_TRUE(got.empty() || got == Texts{"a"});
                                      EXPECT_TRUE(told || got.empty());
                                      EXPECT_TRUE(told || point.killed());
                                    }});
}
TEST(QueueUsersCrash, AProducerThatLeaves) {
  expect_survives<Queue<Text>>({.name = "queue.close",
                                .options = {.end_with_producers = true},
                                .before_window = [](auto& queue) { queue.put("a"); },
                                .window = [](auto& queue) { queue.close(); },
                                .check =
                                    [](auto& queue, const KillPoint&) {
                                      EXPECT_EQ(queue.get(), "a");
                                      EXPECT_THROW(static_cast<void>(queue.get()), PeerGone);
                                    },
                                .has_crash_points = false});
}

TEST(QueueUsersCrash, TheSumOfBytesIsRightAfterAnyDeath) {
  const auto expect_room = [](Queue<Text>& queue, const KillPoint&) {
    const std::size_t there = queue.qsize();
    std::size_t more = 0;
    try {
      for (;; ++more) queue.put(Text(92, 'm'), 0s);
    } catch (const Full&) {
    }
    EXPECT_EQ(there + more, 3u) << there << " were there";
    while (queue.try_get()) continue;
  };
  const QueueOptions bound{.max_bytes = 300};
  expect_survives<Queue<Text>>({.name = "queue.put, bytes",
                                .options = bound,
                                .before = {Text(92, 'a')},
                                .window = [](auto& queue) { queue.put(Text(92, 'b')); },
                                .check = expect_room});
  expect_survives<Queue<Text>>({.name = "queue.get, bytes",
                                .options = bound,
                                .before = {Text(92, 'a'), Text(92, 'b'), Text(92, 'c')},
                                .window = [](auto& queue) { static_cast<void>(queue.get()); },
                                .check = expect_room});
  expect_survives<Queue<Text>>({.name = "queue.lease, bytes",
                                .options = bound,
                                .before = {Text(92, 'a'), Text(92, 'b'), Text(92, 'c')},
                                .window = [](auto& queue) { queue.get_lease().acknowledge(); },
                                .check =
                                    [&](auto& queue, const KillPoint& point) {
                                      if (queue.qsize() == 3) static_cast<void>(queue.get());
                                      expect_room(queue, point);
                                    }});
}

}  // namespace
}  // namespace procyon::crash
