// A client of a manager is killed at every instruction of connecting, of calls, and of taking, giving back and sending what is
// the server's. The server lives and answers others, what the client held is free, and no message is lost but one that it may
// have got, none there twice.
//
// The server runs in a program of its own (manager_server_program.cpp): its clients are outside its session, so that locks
// and queues are asked for through it. In the session they are those of lock_crash_test and queue_crash_test.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "procyon/manager.hpp"
#include "procyon/owner_died.hpp"
#include "procyon/pipe.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;

using Numbers = DictProxy<std::string, int>;

class ServerProgram {
 public:
  ServerProgram() {
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "procyon_crash_manager_server";
    char* const arguments[] = {const_cast<char*>(program.c_str()), const_cast<char*>(address_.c_str()),
                               const_cast<char*>(key_.c_str()), nullptr};
    if (::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, environ) != 0)
      throw std::runtime_error("there is no " + program);
  }
  ServerProgram(const ServerProgram&) = delete;
  ServerProgram& operator=(const ServerProgram&) = delete;
  ~ServerProgram() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] SyncManager client() const {
    return SyncManager({.address = address_, .authkey = AuthKey(key_)});
  }
  /// It need not serve yet.
  void connect(SyncManager& manager) const {
    const bool done = comes_true([&] {
      try {
        manager.connect();
        return true;
      } catch (const ManagerGone&) {
        return false;
      }
    });
    if (!done) throw std::runtime_error("the server does not serve");
  }

 private:
  const std::string address_ = "unix:@procyon-crash-" + std::to_string(::getpid());
  const std::string key_ = "of the crash test";
  pid_t pid_ = -1;
};

struct Operation {
  const char* name;
  /// In the survivor, before each run.
  std::function<void(SyncManager&)> arrange = [](SyncManager&) {};
  /// In the victim, which has a connection of its own; what it returns is done in the window, and goes with the process.
  /// Nothing: the window is the connection.
  std::function<std::function<void()>(SyncManager&)> victim;
  /// In the survivor, once the server has noticed the death.
  std::function<void(SyncManager&, const KillPoint&)> check = [](SyncManager&, const KillPoint&) {};
  Options options = slow_check(200);
  /// Of the server's, when no victim is there. Nothing: a victim that sends a proxy leaves a lease, for a minute.
  std::optional<int> objects = 1;
};

std::string population(SyncManager& manager) {
  const std::string info = manager.debug_info();
  return info.substr(0, info.find('\n'));
}

class ManagerClientCrash : public testing::Test {
 protected:
  ManagerClientCrash() {
    if (stepping_unavailable()) return;
    server_.emplace();
    witness_.emplace(server_->client());
    server_->connect(*witness_);
  }

  void expect_server_survives(const Operation& operation) {
    const Scenario scenario{.name = operation.name,
                            .prepare =
                                [&] {
                                  make_session_like_new();
                                  operation.arrange(*witness_);
                                  expect_population(operation.objects);
                                },
                            .victim =
                                [&] {
                                  SyncManager mine = server_->client();
                                  std::function<void()> run = [&mine] { mine.connect(); };
                                  if (operation.victim) {
                                    mine.connect();
                                    run = operation.victim(mine);
                                  }
                                  begin_window();
                                  run();
                                  end_window();
                                  ::_exit(0);
                                },
                            .check =
                                [&](const KillPoint& point) {
                                  expect_population(operation.objects);
                                  operation.check(*witness_, point);
                                  expect_population(operation.objects);
                                }};
    expect_survives_every_kill(scenario, operation.options);
  }

  /// What the victim had is gone, and so is the victim. (The other client is the server's own.)
  void expect_population(const std::optional<int>& objects) {
    const std::string expected = objects ? std::to_string(*objects) + " objects, 2 clients" : ", 2 clients";
    EXPECT_TRUE(comes_true([&] { return population(*witness_).ends_with(expected); }))
        << population(*witness_);
  }

  std::optional<ServerProgram> server_;
  std::optional<SyncManager> witness_;
};

/// Windows of tens of thousands of instructions.
Options long_window() {
  Options options = Options::from_environment();
  options.budget = options.budget ? std::min<std::size_t>(*options.budget, 100) : 4'000;
  return options;
}

// Connecting and calling -----------------------------------------------------------------------------------------

TEST_F(ManagerClientCrash, Connecting) {
  expect_server_survives({.name = "manager.connect", .victim = {}, .options = long_window(), .objects = 0});
}

class ManagerClientCrashCalling : public ManagerClientCrash,
                                  public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, ManagerClientCrashCalling, testing::Values("Counter", "CounterAside"),
                         [](const auto& type) { return std::string(type.param); });

TEST_P(ManagerClientCrashCalling, RunsTheMethodOnceOrNever) {
  std::optional<Proxy<>> counter;
  expect_server_survives({.name = GetParam(),
                          .arrange =
                              [&](SyncManager& witness) {
                                counter.emplace(witness.create(GetParam()));
                                witness.share("counter", *counter);
                              },
                          .victim = [](SyncManager& mine) -> std::function<void()> {
                            return [found = mine.find("counter")] { found.call<int>("inc", 1); };
                          },
                          .check =
                              [&](SyncManager&, const KillPoint& point) {
                                const int count = counter->call<int>("inc", 0);
                                EXPECT_TRUE(count == 1 || (count == 0 && point.killed())) << count;
                              }});
}

TEST_F(ManagerClientCrash, SettingAnItemOfADict) {
  std::optional<Numbers> numbers;
  expect_server_survives({.name = "manager.dict.set",
                          .arrange =
                              [&](SyncManager& witness) {
                                numbers.emplace(witness.dict<std::string, int>());
                                numbers->set("a", 1);
                                numbers->set("b", 7);
                                witness.share("numbers", *numbers);
                              },
                          .victim = [](SyncManager& mine) -> std::function<void()> {
                            return [found = mine.find<Numbers>("numbers")] { found.set("a", 2); };
                          },
                          .check =
                              [&](SyncManager&, const KillPoint& point) {
                                const int a = numbers->at("a");
                                EXPECT_TRUE(a == 2 || (a == 1 && point.killed())) << a;
                                EXPECT_EQ(numbers->at("b"), 7);
                                EXPECT_EQ(numbers->size(), 2u);
                              }});
}

TEST_F(ManagerClientCrash, GettingAnItemOfADict) {
  std::optional<Numbers> numbers;
  expect_server_survives({.name = "manager.dict.get",
                          .arrange =
                              [&](SyncManager& witness) {
                                numbers.emplace(witness.dict<std::string, int>());
                                numbers->set("a", 1);
                                witness.share("numbers", *numbers);
                              },
                          .victim = [](SyncManager& mine) -> std::function<void()> {
                            return
                                [found = mine.find<Numbers>("numbers")] { static_cast<void>(found.at("a")); };
                          },
                          .check =
                              [&](SyncManager&, const KillPoint&) {
                                EXPECT_EQ(numbers->at("a"), 1);
                                EXPECT_EQ(numbers->size(), 1u);
                              }});
}

// Queues ---------------------------------------------------------------------------------------------------------

using Messages = std::vector<int>;

template <class Queue>
Messages drain(const Queue& queue) {
  Messages all;
  while (const std::optional<int> message = queue.try_get()) all.push_back(*message);
  return all;
}

template <class Queue>
void expect_still_works(const Queue& queue) {
  queue.put(9);
  EXPECT_EQ(queue.get(patience), 9);
}

/// `window` with a queue of these messages; afterwards there is one of `untouched` and `done`.
template <class Queue>
class QueueOperation {
 public:
  QueueOperation(const char* name, Messages before, void (*window)(const Queue&), Messages untouched,
                 Messages done)
      : name_(name),
        before_(std::move(before)),
        window_(window),
        untouched_(std::move(untouched)),
        done_(std::move(done)) {}

  [[nodiscard]] Operation operation() {
    return {.name = name_,
            .arrange = [this](SyncManager& witness) { arrange(witness); },
            .victim = [this](SyncManager& mine) -> std::function<void()> {
              return [found = mine.find<Queue>("queue"), window = window_] { window(found); };
            },
            .check = [this](SyncManager&, const KillPoint& point) { check(point); }};
  }

 private:
  void arrange(SyncManager& witness) {
    queue_.reset();
    if constexpr (std::is_same_v<Queue, QueueProxy<int>>)
      queue_.emplace(witness.Queue<int>());
    else
      queue_.emplace(witness.JoinableQueue<int>());
    for (const int message : before_) queue_->put(message);
    witness.share("queue", *queue_);
  }
  void check(const KillPoint& point) {
    ASSERT_FALSE(queue_->local()) << "it is in the session";
    const Messages left = drain(*queue_);
    EXPECT_TRUE(left == done_ || (left == untouched_ && point.killed())) << testing::PrintToString(left);
    expect_still_works(*queue_);
    if constexpr (std::is_same_v<Queue, JoinableQueueProxy<int>>) {
      EXPECT_FALSE(queue_->join(0s)) << "what was drained is not done";
      for (std::size_t i = 0; i < left.size() + 1; ++i) queue_->task_done();
      EXPECT_TRUE(queue_->join(patience));
    }
  }

  const char* name_;
  Messages before_;
  void (*window_)(const Queue&);
  Messages untouched_;
  Messages done_;
  std::optional<Queue> queue_;
};

TEST_F(ManagerClientCrash, PuttingIntoAQueue) {
  QueueOperation<QueueProxy<int>> put("manager.queue.put", {1}, [](const auto& queue) { queue.put(2); }, {1},
                                      {1, 2});
  expect_server_survives(put.operation());
}

TEST_F(ManagerClientCrash, GettingFromAQueue) {
  QueueOperation<QueueProxy<int>> get("manager.queue.get", {1, 2, 3},
                                      [](const auto& queue) { static_cast<void>(queue.get()); }, {1, 2, 3},
                                      {2, 3});
  expect_server_survives(get.operation());
}

// What it had taken and not finished comes back, to its place.
TEST_F(ManagerClientCrash, GettingATaskFromAQueue) {
  QueueOperation<JoinableQueueProxy<int>> get("manager.joinable_queue.get", {1, 2, 3},
                                              [](const auto& queue) { static_cast<void>(queue.get()); },
                                              {1, 2, 3}, {1, 2, 3});
  expect_server_survives(get.operation());
}

TEST_F(ManagerClientCrash, FinishingATaskOfAQueue) {
  QueueOperation<JoinableQueueProxy<int>> finish("manager.joinable_queue.task_done", {1, 2, 3},
                                                 [](const auto& queue) {
                                                   static_cast<void>(queue.get());
                                                   queue.task_done();
                                                 },
                                                 {1, 2, 3}, {2, 3});
  expect_server_survives(finish.operation());
}

TEST_F(ManagerClientCrash, WaitingForAMessage) {
  std::optional<QueueProxy<int>> queue;
  expect_server_survives({.name = "manager.queue.get, waiting",
                          .arrange =
                              [&](SyncManager& witness) {
                                queue.reset();
                                queue.emplace(witness.Queue<int>());
                                witness.share("queue", *queue);
                              },
                          .victim = [](SyncManager& mine) -> std::function<void()> {
                            return [found = mine.find<QueueProxy<int>>("queue")] {
                              static_cast<void>(found.get());
                            };
                          },
                          .check =
                              [&](SyncManager&, const KillPoint&) {
                                for (int message = 1; message <= 3; ++message) queue->put(message);
                                for (int message = 1; message <= 3; ++message)
                                  EXPECT_EQ(queue->get(patience), message) << "the dead client has got it";
                              },
                          .options = waiting_window()});
}

// Locks ----------------------------------------------------------------------------------------------------------

enum class Found { clean, marked };

/// Takes the lock, wherever it is; afterwards it is free and without a mark.
template <class Lock>
Found take(const Lock& lock) {
  Found found = Found::clean;
  try {
    EXPECT_TRUE(lock.acquire(patience));
    lock.release();
  } catch (OwnerDied& died) {
    died.recover();
    found = Found::marked;
  }
  EXPECT_TRUE(lock.acquire(patience));
  lock.release();
  EXPECT_FALSE(lock.locked());
  return found;
}

enum class Phase { acquiring, releasing, waiting };

template <class Lock>
class LockOperation {
 public:
  LockOperation(const char* name, Phase phase) : name_(name), phase_(phase) {}

  [[nodiscard]] Operation operation() {
    return {.name = name_,
            .arrange = [this](SyncManager& witness) { arrange(witness); },
            .victim = [this](SyncManager& mine) -> std::function<void()> {
              const auto found = mine.find<Lock>("lock");
              if (phase_ == Phase::releasing) {
                found.acquire();
                return [found] { found.release(); };
              }
              return [found] { found.acquire(); };
            },
            .check = [this](SyncManager&, const KillPoint& point) { check(point); },
            .options = phase_ == Phase::waiting ? waiting_window() : slow_check(200)};
  }

 private:
  void arrange(SyncManager& witness) {
    lock_.reset();
    if constexpr (std::is_same_v<Lock, LockProxy>)
      lock_.emplace(witness.Lock());
    else
      lock_.emplace(witness.RLock());
    witness.share("lock", *lock_);
    if (phase_ == Phase::waiting) lock_->acquire();
  }
  void check(const KillPoint& point) {
    if (phase_ == Phase::waiting) lock_->release();
    const Found found = take(*lock_);
    if (phase_ == Phase::waiting) {
      EXPECT_EQ(found, Found::clean) << "the dead client has got the lock";
    } else if (!point.killed()) {
      EXPECT_EQ(found, phase_ == Phase::acquiring ? Found::marked : Found::clean);
    }
  }

  const char* name_;
  Phase phase_;
  std::optional<Lock> lock_;
};

TEST_F(ManagerClientCrash, AcquiringALock) {
  LockOperation<LockProxy> acquire("manager.lock.acquire", Phase::acquiring);
  expect_server_survives(acquire.operation());
}
TEST_F(ManagerClientCrash, ReleasingALock) {
  LockOperation<LockProxy> release("manager.lock.release", Phase::releasing);
  expect_server_survives(release.operation());
}
TEST_F(ManagerClientCrash, WaitingForALock) {
  LockOperation<LockProxy> wait("manager.lock.acquire, waiting", Phase::waiting);
  expect_server_survives(wait.operation());
}
TEST_F(ManagerClientCrash, AcquiringAnRLock) {
  LockOperation<RLockProxy> acquire("manager.rlock.acquire", Phase::acquiring);
  expect_server_survives(acquire.operation());
}
TEST_F(ManagerClientCrash, ReleasingAnRLock) {
  LockOperation<RLockProxy> release("manager.rlock.release", Phase::releasing);
  expect_server_survives(release.operation());
}
TEST_F(ManagerClientCrash, WaitingForAnRLock) {
  LockOperation<RLockProxy> wait("manager.rlock.acquire, waiting", Phase::waiting);
  expect_server_survives(wait.operation());
}

// Proxies --------------------------------------------------------------------------------------------------------

TEST_F(ManagerClientCrash, MakingAnObject) {
  expect_server_survives({.name = "manager.create",
                          .victim = [](SyncManager& mine) -> std::function<void()> {
                            return [&mine] { new Proxy<>(mine.create("Counter")); };
                          },
                          .objects = 0});
}

TEST_F(ManagerClientCrash, DroppingAProxy) {
  expect_server_survives({.name = "manager.proxy.drop",
                          .victim = [](SyncManager& mine) -> std::function<void()> {
                            return [last = new Proxy<>(mine.create("Counter"))] { delete last; };
                          },
                          .objects = 0});
}

/// Who got the proxy can use it, though who sent it is dead.
class Sending {
 public:
  [[nodiscard]] Operation operation(const char* name, bool is_the_only_one) {
    return {.name = name,
            .arrange = [this](SyncManager& witness) { arrange(witness); },
            .victim = [this, is_the_only_one](SyncManager& mine) -> std::function<void()> {
              return [this, sent = is_the_only_one ? mine.create("Counter") : mine.find("counter")] {
                pipe_->second.send(sent);
              };
            },
            .check = [this](SyncManager&, const KillPoint& point) { check(point); },
            .objects = std::nullopt};
  }

 private:
  void arrange(SyncManager& witness) {
    counter_.reset();
    pipe_.reset();
    pipe_.emplace(Pipe(one_way));
    counter_.emplace(witness.create("Counter"));
    witness.share("counter", *counter_);
  }
  void check(const KillPoint& point) {
    try {
      const auto received = pipe_->first.template recv<Proxy<>>(point.killed() ? 0s : patience);
      EXPECT_EQ(received.template call<int>("inc", 1), 1);
    } catch (const TimeoutError&) {
      EXPECT_TRUE(point.killed());
    } catch (const EndOfFile&) {
      EXPECT_TRUE(point.killed());
    }
  }

  std::optional<Proxy<>> counter_;
  std::optional<std::pair<Connection, Connection>> pipe_;
};

TEST_F(ManagerClientCrash, SendingAProxy) {
  Sending sending;
  expect_server_survives(sending.operation("manager.proxy.send", false));
}
TEST_F(ManagerClientCrash, SendingTheOnlyProxy) {
  Sending sending;
  expect_server_survives(sending.operation("manager.proxy.send, the only one", true));
}

}  // namespace
}  // namespace procyon::crash
