// A process is killed at every instruction of sending shared objects through a Pipe and of receiving them: the other side
// goes on, and what travelled is given back.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>

#include "procyon/event.hpp"
#include "procyon/pipe.hpp"
#include "procyon/queue.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

struct PipeOperation {
  const char* name;
  std::function<void(Connection& ours)> arrange = [](Connection&) {};  // in the survivor
  std::function<void(Connection& theirs)> window;
  std::function<void(Connection& ours, const KillPoint&)> check;
};

void expect_pipe_survives(const PipeOperation& operation) {
  std::optional<std::pair<Connection, Connection>> pipe;
  std::size_t used = 0;
  const Scenario scenario{.name = operation.name,
                          .prepare =
                              [&] {
                                pipe.reset();
                                make_session_like_new();
                                used = used_bytes();
                                pipe.emplace(Pipe());
                                operation.arrange(pipe->first);
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                pipe->first.close();
                                begin_window();
                                operation.window(pipe->second);
                                end_window();
                                ::_exit(0);
                              },
                          .check =
                              [&](const KillPoint& point) {
                                pipe->second.close();
                                operation.check(pipe->first, point);
                                EXPECT_THROW(static_cast<void>(pipe->first.recv<int>(20s)),
                                             std::runtime_error);
                                pipe.reset();
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PipeCrash, SendAnObject) {
  expect_pipe_survives({.name = "pipe.send, an event",
                        .window =
                            [](Connection& theirs) {
                              Event event;
                              event.set();
                              theirs.send(event);
                            },
                        .check =
                            [](Connection& ours, const KillPoint& point) {
                              std::optional<Event> event;
                              try {
                                event = ours.recv<Event>(20s);
                              } catch (const EndOfFile&) {
                              }
                              EXPECT_TRUE(event || point.killed());
                              if (!event) return;
                              // The sender is gone; what it made and sent is not.
                              arena::Session::current().recover_everybody();
                              EXPECT_TRUE(event->is_set());
                            }});
}

TEST(PipeCrash, SendAConnectionAndAnObject) {
  struct Both {
    Event event;
    Connection connection;
  };
  expect_pipe_survives({.name = "pipe.send, a connection and an event",
                        .window =
                            [](Connection& theirs) {
                              theirs.send(Both{Event(), theirs});
                            },
                        .check =
                            [](Connection& ours, const KillPoint& point) {
                              std::optional<Both> both;
                              try {
                                both = ours.recv<Both>(20s);
                              } catch (const EndOfFile&) {
                              }
                              EXPECT_TRUE(both || point.killed());
                              if (!both) return;
                              both->connection.send(both->event);
                              both->connection.close();
                              static_cast<void>(ours.recv<Event>(20s));
                            }});
}

TEST(PipeCrash, ReceiveAnObject) {
  expect_pipe_survives({.name = "pipe.recv, an event",
                        .arrange = [](Connection& ours) { ours.send(Event()); },
                        .window = [](Connection& theirs) { static_cast<void>(theirs.recv<Event>()); },
                        .check = [](Connection&, const KillPoint&) {}});
}

TEST(PipeCrash, ReceiveAnObjectOfAnotherType) {
  expect_pipe_survives({.name = "pipe.recv, not understood",
                        .arrange = [](Connection& ours) { ours.send(Event()); },
                        .window =
                            [](Connection& theirs) {
                              try {
                                static_cast<void>(theirs.recv<int>());
                              } catch (const wire::DecodeError&) {
                              }
                            },
                        .check = [](Connection&, const KillPoint&) {}});
}

// A Connection in a queue: the sender keeps the descriptor.
struct ParkingOperation {
  const char* name;
  std::function<void(Queue<Connection>&, Connection&)> arrange = [](Queue<Connection>&, Connection&) {};
  std::function<void(Queue<Connection>&, Connection&)> window;
  std::function<void(Queue<Connection>&)> check;
};

void expect_parking_survives(const ParkingOperation& operation) {
  std::optional<std::pair<Connection, Connection>> pipe;
  std::optional<Queue<Connection>> queue;
  std::size_t used = 0;
  const Scenario scenario{.name = operation.name,
                          .prepare =
                              [&] {
                                pipe.reset();
                                queue.reset();
                                make_session_like_new();
                                used = used_bytes();
                                pipe.emplace(Pipe());
                                queue.emplace();
                                operation.arrange(*queue, pipe->second);
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                pipe->first.close();
                                begin_window();
                                operation.window(*queue, pipe->second);
                                end_window();
                                ::_exit(0);
                              },
                          .check =
                              [&](const KillPoint&) {
                                operation.check(*queue);
                                pipe->second.close();
                                EXPECT_THROW(static_cast<void>(pipe->first.recv<int>(20s)), EndOfFile);
                                pipe.reset();
                                queue.reset();
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario, slow_check());
}

TEST(ParkingCrash, Put) {
  expect_parking_survives({.name = "queue.put, a connection",
                           .window = [](Queue<Connection>& queue, Connection& theirs) { queue.put(theirs); },
                           .check =
                               [](Queue<Connection>& queue) {
                                 if (queue.empty()) return;
                                 EXPECT_THROW(static_cast<void>(queue.get(20s)), PeerGone);
                               }});
}

TEST(ParkingCrash, Get) {
  expect_parking_survives(
      {.name = "queue.get, a connection",
       .arrange = [](Queue<Connection>& queue, Connection& theirs) { queue.put(theirs); },
       .window = [](Queue<Connection>& queue, Connection&) { static_cast<void>(queue.get(20s)); },
       .check =
           [](Queue<Connection>& queue) {
             while (auto left = queue.try_get()) left->close();
           }});
}

}  // namespace
}  // namespace procyon::crash
