// The server of a manager is killed at every instruction of handling a request: of reading it, doing it and answering. Its
// clients are told, those that wait as well; nothing is left of it, and another server can take its place.
//
// The loop thread is what is stepped; threads aside run free.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "arena/test_process.hpp"
#include "channel/net/connect.hpp"
#include "manager/remote_link.hpp"
#include "manager/served_object.hpp"
#include "manager/server.hpp"
#include "manager/server_process.hpp"
#include "procyon/manager.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using manager::IncomingCall;
using manager::method_id;
using manager::MethodId;
using manager::RequestLink;

constexpr MethodId begin = method_id("begin()");
constexpr MethodId begin_end = method_id("begin_end()");
constexpr MethodId lose = method_id("lose()");
constexpr MethodId keep = method_id("keep()");

/// Begins the window with one of its calls. After begin() the window ends with the loop's next turn, in which it does what
/// came behind that call; after begin_end() with the server.
class Marker final : public manager::ServedObject {
 public:
  explicit Marker(manager::Loop& loop) : loop_(loop) {}
  static manager::ServedPointer make(manager::Loop& loop, IncomingCall&) {
    return std::make_shared<Marker>(loop);
  }

  void call(IncomingCall call) override {
    if (call.method() == lose) return;
    if (call.method() == keep) return kept_.push_back(std::move(call));
    call.reply();
    // What is posted runs at the end of a turn, and at the beginning of one.
    if (call.method() == begin)
      loop_.post([&loop = loop_] { loop.post([&loop] { loop.post([] { end_window(); }); }); });
    begin_window();
  }
  [[nodiscard]] std::vector<std::string> methods() const override {
    return {"begin()", "begin_end()", "lose()", "keep()"};
  }
  [[nodiscard]] std::string text() const override { return "a marker"; }

 private:
  manager::Loop& loop_;
  std::vector<IncomingCall> kept_;
};

std::vector<manager::ServedType> markers() { return {{"Marker", &Marker::make}}; }

struct Counter {
  int count = 0;
  int inc(int by) { return count += by; }
};

class MarkedManager : public SyncManager {
 public:
  explicit MarkedManager(const std::string& address)
      : SyncManager({.address = address, .authkey = AuthKey("a key")}) {
    add_types(&markers);
    register_type<Counter>("Counter", methods<&Counter::inc>(), quick);
    register_type<Counter>("CounterAside", methods<&Counter::inc>());
  }
  /// The server need not serve yet.
  void connect_soon() {
    const bool done = comes_true([&] {
      try {
        connect();
        return true;
      } catch (const ManagerGone&) {
        return false;
      }
    });
    if (!done) throw std::runtime_error("there is no server");
  }
  [[nodiscard]] RequestLink& requests() const { return static_cast<RequestLink&>(*link()); }
};

/// Processes that start and end with each kill.
Options with_processes(std::size_t budget) {
  Options options = Options::from_environment();
  options.budget = options.budget ? std::min(*options.budget, budget) : 1'500;
  return options;
}

/// What a client does while the server is killed.
using Act = std::function<void()>;
struct Operation {
  const char* name;
  /// In the client. What it returns is done in the window; it may end in ManagerGone.
  std::function<Act(MarkedManager&)> client;
  MethodId first = begin;
};

/// Waits for ever in a call, and is told. Returns when it waits.
pid_t start_waiter(const std::string& address) {
  arena::testing::Gate waits;
  const pid_t waiter = ::fork();
  if (waiter == 0) {
    MarkedManager mine(address);
    mine.connect();
    const auto marker = mine.create("Marker");
    const auto kept = mine.requests().begin(marker.object_reference().object(), keep, {}, {});
    mine.requests().ping(os::Deadline::never());
    waits.open();
    try {
      kept->get(os::Deadline::never());
      ::_exit(1);
    } catch (const ManagerGone&) {
      ::_exit(0);
    }
  }
  waits.pass();
  return waiter;
}

constexpr int all_is_well = 0;
constexpr int waiter_was_not_told = 2;
constexpr int was_not_told = 3;

// What the server does only once: the first exception of a type costs it half a million instructions.
void warm_up(MarkedManager& mine) {
  const auto forgotten = mine.create("Marker");
  try {
    mine.requests().call(forgotten.object_reference().object(), lose, {}, {}, os::Deadline::never());
  } catch (const ObjectGone&) {
  }
}

int be_client(const std::string& address, const Operation& operation) {
  MarkedManager mine(address);
  mine.connect_soon();
  const pid_t waiter = start_waiter(address);
  const auto marker = mine.create("Marker");
  warm_up(mine);
  const Act act = operation.client(mine);
  mine.requests().ping(os::Deadline::never());
  bool told = false;
  try {
    const auto begun = mine.requests().begin(marker.object_reference().object(), operation.first, {}, {});
    act();
    begun->get(os::Deadline::never());
  } catch (const ManagerGone&) {
    told = true;
  }
  if (!told) mine.shutdown();
  int status = 0;
  ::waitpid(waiter, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return waiter_was_not_told;
  try {
    static_cast<void>(mine.number_of_objects());
    return was_not_told;
  } catch (const ManagerGone&) {
    return all_is_well;
  }
}

class ManagerServerCrash : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void expect_clients_survive(const Operation& operation) {
    std::size_t used = 0;
    const Scenario scenario{.name = operation.name,
                            .prepare =
                                [&] {
                                  make_session_like_new();
                                  used = used_bytes();
                                  start_helper([&] { return be_client(address_, operation); });
                                },
                            .victim =
                                [&] {
                                  arena::Session::current().self();
                                  MarkedManager(address_).serve_forever();
                                  if (operation.first == begin_end) end_window();
                                },
                            .check =
                                [&](const KillPoint&) {
                                  EXPECT_EQ(end_of_helper(), all_is_well);
                                  expect_session_is_whole(used);
                                  expect_another_can_serve();
                                }};
    expect_survives_every_kill(scenario, with_processes(60));
  }

  void expect_it_can_start_after_every_kill() {
    std::size_t used = 0;
    const Scenario scenario{.name = "server, starting",
                            .prepare =
                                [&] {
                                  make_session_like_new();
                                  used = used_bytes();
                                },
                            .victim =
                                [&] {
                                  arena::Session::current().self();
                                  manager::ServerPlan plan;
                                  plan.address = address_;
                                  plan.lists = {&manager::standard_types};
                                  begin_window();
                                  manager::BoundServer server(plan, AuthKey("a key"));
                                  end_window();
                                  server.end();
                                  server.serve();
                                },
                            .check =
                                [&](const KillPoint&) {
                                  expect_session_is_whole(used);
                                  expect_another_can_serve();
                                }};
    expect_survives_every_kill(scenario, with_processes(100));
  }

  /// At the same address, in a process that has nothing to do with the first.
  void expect_another_can_serve() const {
    arena::testing::TestProcess server([&] {
      MarkedManager(address_).serve_forever();
      return 0;
    });
    MarkedManager client(address_);
    client.connect_soon();
    const auto numbers = client.dict<int, int>();
    numbers.set(1, 2);
    EXPECT_EQ(numbers.at(1), 2);
    client.shutdown();
    EXPECT_EQ(server.wait(), 0);
    EXPECT_TRUE(std::filesystem::is_empty(directory_)) << *std::filesystem::directory_iterator(directory_);
  }

  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("procyon-crash-" + std::to_string(::getpid()));
  const std::string address_ = "unix:" + (directory_ / "manager").string();
};

class ManagerServerCrashCalling : public ManagerServerCrash,
                                  public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, ManagerServerCrashCalling, testing::Values("Counter", "CounterAside"),
                         [](const auto& type) { return std::string(type.param); });
TEST_P(ManagerServerCrashCalling, TellsItsClients) {
  expect_clients_survive({GetParam(), [](MarkedManager& mine) -> Act {
                            return [counter = mine.create(GetParam())] { counter.call<int>("inc", 1); };
                          }});
}

TEST_F(ManagerServerCrash, SettingAnItemOfADict) {
  expect_clients_survive({"server, dict.set", [](MarkedManager& mine) -> Act {
                            return [numbers = mine.dict<int, int>()] { numbers.set(1, 2); };
                          }});
}

TEST_F(ManagerServerCrash, MakingADict) {
  expect_clients_survive({"server, create a dict", [](MarkedManager& mine) -> Act {
                            return [&mine] { static_cast<void>(mine.dict<int, int>()); };
                          }});
}

// It lies in the session's memory.
TEST_F(ManagerServerCrash, MakingAQueue) {
  expect_clients_survive({"server, create a Queue", [](MarkedManager& mine) -> Act {
                            return [&mine] { static_cast<void>(mine.Queue<int>()); };
                          }});
}

TEST_F(ManagerServerCrash, DroppingAQueue) {
  expect_clients_survive({"server, release a Queue", [](MarkedManager& mine) -> Act {
                            const auto queue =
                                std::make_shared<std::optional<QueueProxy<int>>>(mine.Queue<int>());
                            (*queue)->put(1);
                            return [queue] { queue->reset(); };
                          }});
}

// As for a client outside the session.
TEST_F(ManagerServerCrash, PuttingIntoAQueue) {
  expect_clients_survive(
      {"server, queue.put", [](MarkedManager& mine) -> Act {
         return [&mine, queue = mine.Queue<int>()] {
           wire::Writer message;
           wire::write(message, 1);
           wire::Writer arguments;
           wire::write(arguments, std::vector(message.bytes().begin(), message.bytes().end()));
           wire::write(arguments, std::int64_t{-1});
           try {
             mine.requests().call(queue.object_reference().object(), method_id("put(bytes,i64)->bool"),
                                  arguments.bytes(), {}, os::Deadline::never());
           } catch (const ManagerGone&) {
             if (queue.try_get() && queue.try_get()) ::_exit(5);  // twice
             throw;
           }
           if (queue.get_nowait() != 1 || queue.try_get()) ::_exit(6);
         };
       }});
}

TEST_F(ManagerServerCrash, GrantingAnRLock) {
  expect_clients_survive({"server, rlock.acquire", [](MarkedManager& mine) -> Act {
                            return [lock = mine.RLock()] { lock.acquire(); };
                          }});
}

TEST_F(ManagerServerCrash, LendingAProxyThatIsSent) {
  expect_clients_survive({"server, lease", [](MarkedManager& mine) -> Act {
                            return [&mine, counter = mine.create("Counter")] {
                              mine.requests().lease(counter.object_reference().object());
                            };
                          }});
}

// With a lock that it holds, an object that is its alone, and a message that it has not finished.
TEST_F(ManagerServerCrash, LosingAClient) {
  expect_clients_survive({"server, a client is gone", [](MarkedManager& mine) -> Act {
                            manager::RemoteLink::Options options;
                            options.connect = [address = mine.address()](os::Deadline deadline) {
                              return channel::net::connect(channel::net::parse_address(address),
                                                           {.authkey = AuthKey("a key")}, deadline)
                                  .socket;
                            };
                            const auto other =
                                std::make_shared<manager::RemoteLink>(mine.address(), std::move(options));
                            const auto lock = mine.RLock();
                            mine.share("lock", lock);
                            const auto counter =
                                std::make_shared<manager::ObjectReference>(other->create("Counter", {}, {}));
                            const auto found = std::make_shared<RLockProxy>(other->find("lock"));
                            found->acquire();
                            return [other, counter, found, lock] {
                              other->close("the test ends it");
                              try {
                                lock.acquire();
                              } catch (OwnerDied& died) {
                                died.recover();
                              }
                            };
                          }});
}

// Starting and ending --------------------------------------------------------------------------------------------

TEST_F(ManagerServerCrash, Starting) { expect_it_can_start_after_every_kill(); }

TEST_F(ManagerServerCrash, Ending) {
  expect_clients_survive({"server, shutdown",
                          [](MarkedManager& mine) -> Act {
                            return [&mine, queue = mine.Queue<int>(), lock = mine.RLock()] {
                              mine.requests().shut_down(os::Deadline::never());
                              throw ManagerGone("as it was told");
                            };
                          },
                          begin_end});
}

/// Connects, calls and goes, again and again, until it is told that the server is gone.
int come_and_go(const std::string& address) {
  try {
    for (;;) {
      MarkedManager mine(address);
      mine.connect();
      const auto numbers = mine.dict<int, int>();
      numbers.set(1, 2);
      mine.create("CounterAside").call<int>("inc", 1);
    }
  } catch (const ManagerGone&) {
    return all_is_well;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "a client got something else than ManagerGone: %s\n", error.what());
    return was_not_told;
  }
}

TEST_F(ManagerServerCrash, KilledAtRandomTellsWhoComesAndGoes) {
  std::mt19937 random(1);
  make_session_like_new();
  const std::size_t used = used_bytes();
  for (int kill = 0; kill < 100 && !HasFailure(); ++kill) {
    arena::testing::TestProcess server([&] {
      MarkedManager(address_).serve_forever();
      return 0;
    });
    MarkedManager(address_).connect_soon();
    arena::testing::TestProcess client([&] { return come_and_go(address_); });
    std::this_thread::sleep_for(
        std::chrono::microseconds(random() % 20'000));  // the moment, not a wait for anything
    server.kill();
    EXPECT_EQ(client.wait(), all_is_well) << "in round " << kill;
    expect_session_is_whole(used);
  }
  expect_another_can_serve();
}

}  // namespace
}  // namespace procyon::crash
