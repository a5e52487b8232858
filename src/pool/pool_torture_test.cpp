// Long runs: kills at random moments, parents that are killed, pools made and destroyed a thousand times.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon {
namespace {

using namespace testing;

constexpr std::size_t most_items = 4'000;

/// How often each item's body was begun and ended.
struct Runs {
  std::array<std::uint8_t, most_items> begun;
  std::array<std::uint8_t, most_items> ended;
};

int counted(const Value<Runs>& runs, int item) {
  const auto index = static_cast<std::size_t>(item);
  ++runs.value().begun[index];
  // Some work, that a kill may hit.
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(item % 7 * 200);
  while (std::chrono::steady_clock::now() < end) {
  }
  ++runs.value().ended[index];
  return item;
}

/// Kills a random worker of a pool every few milliseconds, from the moment that it lives until it is told to stop.
class Killer {
 public:
  explicit Killer(unsigned seed) : random_(seed) {}
  ~Killer() { stop(); }
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;

  /// The initializer of the workers: they tell their pids.
  [[nodiscard]] auto initializer() const {
    return partial([](Queue<pid_t> started) { started.put(::getpid()); }, started_);
  }
  void begin() {
    thread_ = std::thread([this] { run(); });
  }
  int stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
    return kills_;
  }

 private:
  void run() {
    std::vector<pid_t> alive;
    while (!stop_.load()) {
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % 8'000));
      while (const auto pid = started_.try_get()) alive.push_back(*pid);
      std::erase_if(alive, [](pid_t pid) { return !exists(pid); });
      if (alive.empty()) continue;
      if (::kill(alive[random_() % alive.size()], SIGKILL) == 0) ++kills_;
    }
  }

  mutable Queue<pid_t> started_;
  std::mt19937 random_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
  int kills_ = 0;
};

class PoolTorture : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(ChunksOf, PoolTorture, ::testing::Values(1, 7, 100),
                         [](const auto& each) { return std::to_string(each.param); });

TEST_P(PoolTorture, KillsAtRandomMomentsCostAtMostOneItemEach) {
  const std::size_t items = sanitized ? 400 : most_items;
  Killer killer(static_cast<unsigned>(GetParam()));
  Value<Runs> runs;
  Pool pool({.processes = 3, .initializer = killer.initializer()});
  killer.begin();
  const auto outcomes =
      pool.map_outcomes({.chunksize = GetParam()}, partial(counted, runs), numbers_to(items));
  const int kills = killer.stop();
  int lost = 0;
  ASSERT_EQ(outcomes.size(), items);
  for (std::size_t item = 0; item < items; ++item) {
    const int begun = runs.value().begun[item];
    if (outcomes[item]) {
      ASSERT_EQ(*outcomes[item], static_cast<int>(item));
      ASSERT_EQ(begun, 1) << "item " << item;
      ASSERT_EQ(runs.value().ended[item], 1) << "item " << item;
    } else {
      ASSERT_TRUE(outcomes[item].error().is<WorkerLost>()) << outcomes[item].error();
      ASSERT_LE(begun, 1) << "item " << item;
      ++lost;
    }
  }
  EXPECT_LE(lost, kills);
  EXPECT_GT(kills, 0);
  RecordProperty("kills", kills);
  RecordProperty("lost", lost);
  EXPECT_EQ(pool.map(square, numbers_to(3)), (std::vector{0, 1, 4}));
}

TEST_P(PoolTorture, KillsWhileManyThreadsUseThePool) {
  Killer killer(100 + static_cast<unsigned>(GetParam()));
  Pool pool({.processes = 3, .initializer = killer.initializer()});
  killer.begin();
  std::atomic<int> lost{0};
  std::atomic<int> wrong{0};
  const auto use = [&](auto task) {
    try {
      task();
    } catch (const WorkerLost&) {
      ++lost;
    } catch (...) {
      ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < (sanitized ? 20 : 200); ++round) {
        use([&] { wrong += pool.apply(square, round) != round * round ? 1 : 0; });
        const AsyncResult<int> later = pool.apply_async({.timeout = 1h}, square, thread);
        int next = 0;
        for (const Outcome<int>& outcome :
             pool.imap_outcomes({.chunksize = GetParam()}, square, numbers_to(20))) {
          if (outcome) wrong += *outcome != next * next ? 1 : 0;
          if (!outcome) ++(outcome.error().template is<WorkerLost>() ? lost : wrong);
          ++next;
        }
        wrong += next != 20 ? 1 : 0;
        use([&] { wrong += later.get(patience) != thread * thread ? 1 : 0; });
      }
    });
  for (std::thread& thread : threads) thread.join();
  const int kills = killer.stop();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(lost, kills);
}

TEST(PoolTortureWithDeadlines, KillsAndDeadlinesTogether) {
  const std::size_t items = sanitized ? 100 : 600;
  Killer killer(7);
  Value<Runs> runs;
  Pool pool({.processes = 3, .initializer = killer.initializer()});
  killer.begin();
  const auto task = [](const Value<Runs>& count, int item) {
    ++count.value().begun[static_cast<std::size_t>(item)];
    if (item % 20 == 3)
      for (;;) ::pause();
    return item;
  };
  const auto outcomes =
      pool.map_outcomes({.chunksize = 5, .timeout = 30ms}, partial(task, runs), numbers_to(items));
  killer.stop();
  for (std::size_t item = 0; item < items; ++item) {
    ASSERT_LE(runs.value().begun[item], 1) << "item " << item;
    if (outcomes[item]) {
      ASSERT_EQ(*outcomes[item], static_cast<int>(item));
      ASSERT_EQ(runs.value().begun[item], 1);
    } else {
      ASSERT_TRUE(outcomes[item].error().is<WorkerLost>() || outcomes[item].error().is<TimeoutError>())
          << outcomes[item].error();
    }
  }
}

// ---- nothing is left

class PoolLeavesNothing : public UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, PoolLeavesNothing, all_start_methods, name_of_start_method);

TEST_P(PoolLeavesNothing, WhenItsProcessIsKilled) {
  Channel channel;
  const pid_t parent = ::fork();
  if (parent == 0) {
    Pool pool({.processes = 3, .start_method = GetParam()});
    Event never;
    for (const pid_t pid : pids_of(pool, 3)) channel.in.write_value(pid);
    pool.map([](const Event& gate) { gate.wait(); }, std::vector(1'000, never));
    ::_exit(1);
  }
  std::vector<pid_t> pids;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(channel.out.becomes_readable());
    pids.push_back(channel.out.read_value<pid_t>());
  }
  for (const pid_t child : children_of(parent)) pids.push_back(child);  // its fork server
  for (const pid_t pid : pids) ASSERT_TRUE(is_running(pid));
  ::kill(parent, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  ASSERT_TRUE(WIFSIGNALED(status));
  for (const pid_t pid : pids) EXPECT_TRUE(eventually([&] { return !is_running(pid); })) << pid;
}

TEST_P(PoolLeavesNothing, WhenItsProcessExitsWithoutWaiting) {
  Channel channel;
  const pid_t parent = ::fork();
  if (parent == 0) {
    static std::optional<Pool> pool;  // destroyed by exit(), if at all
    pool.emplace(PoolOptions{.processes = 3, .start_method = GetParam()});
    Event begun, never;
    for (const pid_t pid : pids_of(*pool, 3)) channel.in.write_value(pid);
    for (int i = 0; i < 100; ++i) pool->apply_async(wait_for, begun, never);
    begun.wait();
    std::exit(7);
  }
  std::vector<pid_t> pids;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(channel.out.becomes_readable());
    pids.push_back(channel.out.read_value<pid_t>());
  }
  int status = 0;
  ASSERT_TRUE(eventually([&] { return ::waitpid(parent, &status, WNOHANG) == parent; }));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  for (const pid_t pid : pids) EXPECT_TRUE(eventually([&] { return !is_running(pid); })) << pid;
}

struct Holdings {
  std::ptrdiff_t descriptors = open_descriptors();
  std::size_t children = children_of(::getpid()).size();
  std::size_t threads = static_cast<std::size_t>(std::distance(
      std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator()));
  std::size_t memory = [] {
    arena::Session::current().recover_everybody();  // also what a killed child of an earlier test held
    return arena::Session::current().used_bytes();
  }();
};
/// What ends a moment later, in the supervisor's thread, has a moment; also what `before` still counted.
void expect_nothing_grew(const Holdings& before) {
  static_cast<void>(eventually([&] {
    const Holdings now;
    return now.descriptors <= before.descriptors && now.children <= before.children &&
           now.threads <= before.threads && now.memory <= before.memory;
  }));
  const Holdings now;
  EXPECT_LE(now.descriptors, before.descriptors);
  EXPECT_LE(now.children, before.children);
  EXPECT_LE(now.threads, before.threads);
  EXPECT_LE(now.memory, before.memory);
}

TEST_P(PoolLeavesNothing, AfterManyPools) {
  const auto round = [](int number) {
    Pool pool({.processes = 2, .start_method = GetParam()});
    if (number % 4 == 1) pool.map(square, numbers_to(10));
    if (number % 4 == 2) pool.apply_async([](int n) { return std::vector<int>(10'000, n); }, number);
    if (number % 4 == 3) {
      pool.close();
      pool.join();
    }
  };
  for (int i = 0; i < 20; ++i) round(i);
  const Holdings before;
  const int rounds = sanitized ? 40 : GetParam() == StartMethod::forkserver ? 1'000 : 200;
  for (int i = 0; i < rounds; ++i) round(i);
  expect_nothing_grew(before);
  arena::Session::current().verify();
}

TEST(PoolGrows, NotWithTheDeathsOfItsWorkers) {
  Pool pool({.processes = 2});
  Event event;
  const auto task = [](const Event& argument, int number) {
    Queue<int> result;  // travels back
    for (int i = 0; i < 50; ++i) result.put(number);
    if (number % 5 == 2) ::kill(::getpid(), SIGKILL);
    if (number % 5 == 3) throw std::runtime_error("with some text");
    static_cast<void>(argument);
    return std::pair(result, std::vector<int>(1'000, number));
  };
  const auto round = [&] {
    pool.map_outcomes({.chunksize = 10}, task, std::vector(50, event), numbers_to(50));
    pids_of(pool, 2);
  };
  for (int i = 0; i < 5; ++i) round();
  const Holdings before;
  for (int i = 0; i < (sanitized ? 5 : 40); ++i) round();
  expect_nothing_grew(before);
  arena::Session::current().verify();
}

// ---- the system refuses

class Limit {
 public:
  Limit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    ::getrlimit(resource_, &old_);
    const rlimit changed{std::min(value, old_.rlim_cur), old_.rlim_max};
    ::setrlimit(resource_, &changed);
  }
  ~Limit() { ::setrlimit(resource_, &old_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  __rlimit_resource resource_;
  rlimit old_{};
};
rlim_t descriptors_in_use() {
  const int next = ::dup(0);
  ::close(next);
  return static_cast<rlim_t>(next);
}

TEST(PoolWithoutDescriptors, CannotBeMadeAndLeavesNothing) {
  EXPECT_EQ(Pool(2).apply(square, 2), 4);  // what comes with the first child is there
  const Holdings before;
  for (rlim_t spare = 0; spare < 3; ++spare) {
    const Limit limit(RLIMIT_NOFILE, descriptors_in_use() + spare);
    const std::string error = error_of([&] { return Pool(8).apply(square, 2); });
    EXPECT_NE(error, "");
  }
  expect_nothing_grew(before);
  EXPECT_EQ(Pool(2).apply(square, 2), 4);
}

TEST(PoolWithoutDescriptors, GoesOnWithTheWorkersThatItHasAndReplacesTheOthersLater) {
  Pool pool({.processes = 2});
  const std::vector<pid_t> pids = pids_of(pool, 2);
  {
    const Limit limit(RLIMIT_NOFILE, descriptors_in_use());
    ::kill(pids[0], SIGKILL);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.apply(square, i), i * i);
  }
  EXPECT_EQ(pids_of(pool, 2).size(), 2U);
}

}  // namespace
}  // namespace procyon
