// A manager whose clients are another program: everything goes through the server, and they may be killed at any moment.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "procyon/manager.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

class OtherProgram {
 public:
  OtherProgram(const BaseManager& manager, std::string mode) {
    std::string program = REMOTE_CLIENT;
    std::string address = manager.address();
    char* arguments[] = {program.data(), address.data(), mode.data(), nullptr};
    if (::posix_spawn(&pid_, REMOTE_CLIENT, nullptr, nullptr, arguments, environ) != 0)
      throw std::runtime_error("cannot start " + program);
  }
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;
  ~OtherProgram() {
    if (pid_ != 0) kill();
  }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return status;
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }

 private:
  pid_t pid_ = 0;
};

class Remote : public ::testing::TestWithParam<const char*> {
 protected:
  SyncManager manager{{.address = GetParam(), .authkey = AuthKey("of the test")}};

  void SetUp() override { manager.start(); }

  template <class Proxy>
  Proxy shared(const char* name, Proxy proxy) {
    manager.share(name, proxy);
    return proxy;
  }
};
INSTANTIATE_TEST_SUITE_P(Addresses, Remote, ::testing::Values("", "tcp://127.0.0.1:0"),
                         [](const auto& test) { return *test.param == 0 ? "Local" : "Tcp"; });

TEST_P(Remote, AnotherProgramUsesEverything) {
  const auto counts = shared("counts", manager.dict<std::string, int>());
  const auto names = shared("names", manager.list<std::string>());
  const auto seen = shared("seen", manager.set<int>());
  const auto settings = shared("settings", manager.Namespace());
  const auto nested = shared("nested", manager.dict<std::string, ListProxy<int>>());
  shared("lock", manager.Lock());
  shared("rlock", manager.RLock());
  shared("condition", manager.Condition());
  shared("places", manager.Semaphore(1));
  const auto event = shared("event", manager.Event());
  const auto value = shared("value", manager.Value<int>(1));
  const auto array = shared("array", manager.Array<double>(3));
  const auto queue = shared("queue", manager.Queue<std::string>());
  const auto jobs = shared("jobs", manager.JoinableQueue<int>());
  const auto locks = shared("locks", manager.Queue<Lock>());
  shared("pool", manager.Pool({.processes = 1}));
  const auto barrier = shared("barrier", manager.Barrier(2));
  counts["n"] = 1;
  settings.set("name", "local");
  nested.set("a", manager.list<int>());
  queue.put("hello");
  jobs.put(1);
  locks.put(Lock());

  OtherProgram program(manager, "everything");
  event.set();
  barrier.wait(60s);
  EXPECT_EQ(program.wait(), 0);

  EXPECT_EQ(counts["n"], 2);
  EXPECT_EQ(names.copy(), std::vector<std::string>{"remote"});
  EXPECT_TRUE(seen.contains(7));
  EXPECT_EQ(settings.get<std::string>("name"), "remote");
  EXPECT_EQ(nested.at("a").copy(), std::vector{5});
  EXPECT_EQ(nested.at("mine").copy(), (std::vector{1, 2}));
  EXPECT_FALSE(event.is_set());
  EXPECT_EQ(value.get(), 2);
  EXPECT_EQ(array.at(1), 2.5);
  EXPECT_EQ(queue.get(10s), "hello back");
  EXPECT_TRUE(jobs.join(10s));
  EXPECT_EQ(locks.qsize(), 1u);
}

TEST_P(Remote, ClientsThatAreKilledAtAnyMomentCostNothingButTime) {
  constexpr int rounds = 25;
  constexpr int jobs_each = 40;
  const auto lock = shared("lock", manager.Lock());
  const auto rlock = shared("rlock", manager.RLock());
  const auto places = shared("places", manager.Semaphore(2));
  const auto value = shared("value", manager.Value<int>(0));
  const auto jobs = shared("jobs", manager.JoinableQueue<int>());
  const auto seen = shared("seen", manager.set<int>());
  const auto event = shared("event", manager.Event());
  const std::size_t objects = manager.number_of_objects();

  std::minstd_rand random(17);
  int put = 0;
  for (int round = 0; round < rounds; ++round) {
    event.clear();
    OtherProgram first(manager, "churn");
    OtherProgram second(manager, "churn");
    for (int job = 0; job < jobs_each; ++job) jobs.put(put++);
    ASSERT_TRUE(event.wait(60s));  // one of them has been through all of it
    const timespec moment{0, static_cast<long>(random() % 3'000'000)};
    ::nanosleep(&moment, nullptr);  // anywhere in it
    first.kill();
    second.kill();
  }

  // A dead client may be given a lock that it waited for before the server sees the end of its connection.
  const auto take_cleanly = [](const auto& take) {
    for (;;) {
      try {
        return take();
      } catch (OwnerDied& died) {
        died.recover();
      }
    }
  };
  take_cleanly([&] { const std::scoped_lock guard(lock); });
  take_cleanly([&] { const std::scoped_lock guard(rlock); });
  take_cleanly([&] { value.with([](int&) {}); });
  {
    const auto one = places.permit();
    const auto two = places.permit();
  }
  // What the dead had taken and not finished comes back; some of it may have been done but for the last word.
  while (!jobs.join(0s))
    if (const auto job = jobs.try_get(100ms)) {
      seen.add(*job);
      jobs.task_done();
    }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(put));
  while (manager.number_of_objects() != objects)
    std::this_thread::yield();  // their references go with their connections
}

}  // namespace
}  // namespace procyon
