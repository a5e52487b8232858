// The limits of workers: memory, processor time, and what they are recycled for.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

void burn_processor_time() {
  for (volatile int i = 0;;) i = i + 1;
}

// ---- memory

class MemoryLimit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sanitized) GTEST_SKIP() << "a sanitizer's shadow memory counts";
  }
};

std::size_t allocate(std::size_t bytes) {
  std::vector<char> memory(bytes, 'x');
  return memory.size();
}

TEST_F(MemoryLimit, IsToldWithWhoAndHowMuch) {
  Pool pool({.processes = 1, .max_memory_per_worker = 64 * mebibyte});
  const pid_t worker = pool.apply(pid_of_worker);
  EXPECT_EQ(pool.apply(allocate, 16 * mebibyte), 16 * mebibyte);
  try {
    pool.apply(allocate, 256 * mebibyte);
    ADD_FAILURE();
  } catch (const MemoryLimitExceeded& error) {
    EXPECT_NE(std::string(error.what()).find("worker " + std::to_string(worker)), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("64 MiB"), std::string::npos) << error.what();
  }
  EXPECT_THROW(pool.apply(allocate, 256 * mebibyte), std::bad_alloc);
  EXPECT_EQ(pool.apply(pid_of_worker), worker) << "the worker lives";
}

TEST_F(MemoryLimit, ATaskMayHandleIt) {
  Pool pool({.processes = 1, .max_memory_per_worker = 64 * mebibyte});
  EXPECT_EQ(pool.apply([] {
    for (std::size_t size = 512 * mebibyte;; size /= 2) {
      try {
        return allocate(size);
      } catch (const std::bad_alloc&) {
      }
    }
  }),
            32 * mebibyte);
}

TEST_F(MemoryLimit, ManySmallPiecesReachItToo) {
  Pool pool({.processes = 1, .max_memory_per_worker = 64 * mebibyte});
  EXPECT_THROW(pool.apply([] {
    std::vector<std::vector<char>> pieces;
    for (;;) pieces.emplace_back(1'000);
  }),
               MemoryLimitExceeded);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_F(MemoryLimit, TooLittleForAWorkerIsRefused) {
  EXPECT_NE(error_of([] { Pool({.processes = 1, .max_memory_per_worker = 1'000}); }).find("16 MiB"),
            std::string::npos);
}

TEST_F(MemoryLimit, TheLeastIsEnoughForAWorker) {
  Pool pool({.processes = 1, .max_memory_per_worker = 16 * mebibyte});
  EXPECT_EQ(pool.map(square, numbers_to(1'000)).back(), 999 * 999);
}

// ---- want of memory

/// A control group for this process's child, if this process may make one.
class OwnGroup {
 public:
  explicit OwnGroup(std::size_t limit) {
    const bool is_first_version = std::filesystem::exists("/sys/fs/cgroup/memory/cgroup.procs");
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
      const std::string mark = is_first_version ? ":memory:" : "0::";
      if (const auto at = line.find(mark); at != std::string::npos)
        path_ = "/sys/fs/cgroup" + std::string(is_first_version ? "/memory" : "") +
                line.substr(at + mark.size()) + "/procyon-test-" + std::to_string(::getpid());
    }
    if (path_.empty() || ::mkdir(path_.c_str(), 0755) != 0) return;
    std::ofstream(path_ + (is_first_version ? "/memory.limit_in_bytes" : "/memory.max"))
        << limit << std::flush;
    std::ifstream limit_file(path_ + (is_first_version ? "/memory.limit_in_bytes" : "/memory.max"));
    std::size_t set = 0;
    limit_file >> set;
    is_usable_ = set == limit && std::ifstream("/proc/swaps").peek() != EOF;
  }
  ~OwnGroup() {
    if (!path_.empty()) eventually([&] { return ::rmdir(path_.c_str()) == 0 || errno == ENOENT; });
  }
  OwnGroup(const OwnGroup&) = delete;
  OwnGroup& operator=(const OwnGroup&) = delete;
  [[nodiscard]] bool is_usable() const { return is_usable_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_usable_ = false;
};

void run_out_of_memory(const std::string& group) {
  std::ofstream(group + "/cgroup.procs") << ::getpid() << std::flush;
  Pool pool({.processes = 1});
  try {
    pool.apply(allocate, 512 * mebibyte);
    ::_exit(1);
  } catch (const KilledForMemory& lost) {
    const std::string text = lost.what();
    check(text.find("for want of memory") != std::string::npos, 2);
    check(text.find("its limit is 128 MiB") != std::string::npos, 3);
    check(lost.end().peak_memory > 32 * mebibyte, 4);
  } catch (const std::exception&) {
    ::_exit(5);
  }
  check(pool.apply(square, 3) == 9, 6);
}

TEST(KilledForMemory, ByTheKernelOfAControlGroupIsToldAsSuch) {
  if (sanitized) GTEST_SKIP() << "a sanitizer needs more memory than the group has";
  const OwnGroup group(128 * mebibyte);
  if (!group.is_usable()) GTEST_SKIP() << "this process may not make a control group with a limit of memory";
  Process program(run_out_of_memory, group.path());
  program.start();
  ASSERT_TRUE(program.join(patience));
  EXPECT_EQ(program.exitcode(), 0);
}

TEST(Recycling, AWorkerThatHasGrownIsReplacedAndNoTaskIsLost) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's own memory counts";
  Pool pool({.processes = 1, .recycle_above_memory = 100 * mebibyte});
  const auto leak = [](int number) {
    static std::vector<std::vector<char>> kept;  // a leak that nobody sees may be left out
    if (number % 10 == 5) kept.emplace_back(120 * mebibyte, 'x');
    return std::pair(number, ::getpid());
  };
  std::vector<pid_t> pids;
  int expected = 0;
  for (const auto& [number, pid] : pool.map({.chunksize = 1}, leak, numbers_to(30))) {
    EXPECT_EQ(number, expected++);
    if (pids.empty() || pids.back() != pid) pids.push_back(pid);
  }
  EXPECT_EQ(pids.size(), 4U);
}

// ---- processor time

TEST(CpuLimit, EndsATaskThatUsesMore) {
  if (sanitized) GTEST_SKIP() << "a sanitizer holds signals back while a task computes";
  Pool pool({.processes = 1, .max_cpu_time_per_task = 50ms});
  const pid_t worker = pool.apply(pid_of_worker);
  try {
    pool.apply(burn_processor_time);
    ADD_FAILURE();
  } catch (const CpuLimitExceeded& lost) {
    EXPECT_EQ(lost.pid(), worker);
    EXPECT_EQ(lost.signal(), SIGXCPU);
    EXPECT_GE(lost.end().user_time + lost.end().system_time, 40ms);
    EXPECT_NE(std::string(lost.what()).find("50 ms of processor time for a task"), std::string::npos)
        << lost.what();
    if (!sanitized) {
      EXPECT_FALSE(lost.end().stack.empty()) << lost.what();
    }
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(CpuLimit, IsOfEachItemAndCostsThatOne) {
  if (sanitized) GTEST_SKIP() << "a sanitizer holds signals back while a task computes";
  Pool pool({.processes = 1, .max_cpu_time_per_task = 50ms});
  const auto task = [](int number) {
    if (number == 7) burn_processor_time();
    return number;
  };
  const auto outcomes = pool.map_outcomes({.chunksize = 20}, task, numbers_to(20));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].has_value(), i != 7) << i;
  EXPECT_TRUE(outcomes[7].error().is<CpuLimitExceeded>()) << outcomes[7].error();
}

TEST(CpuLimit, ManyShortTasksDoNotAddUp) {
  Pool pool({.processes = 1, .max_cpu_time_per_task = 200ms});
  const auto work = [](int) {
    const auto end = std::chrono::steady_clock::now() + 10ms;
    while (std::chrono::steady_clock::now() < end) {
    }
    return ::getpid();
  };
  const std::vector<pid_t> pids = pool.map({.chunksize = 1}, work, numbers_to(50));
  EXPECT_EQ(std::count(pids.begin(), pids.end(), pids.front()), 50);
}

// ---- warm-up

TEST(WarmUp, WaitsForEveryInitializer) {
  Value<int> initialized(0);
  Pool pool({.processes = 3,
             .initializer = partial([](const Value<int>& count) { count.with([](int& value) { ++value; }); },
                                    initialized),
             .warm_up = true});
  EXPECT_EQ(initialized.value(), 3);
  pool.wait_ready();
  EXPECT_TRUE(pool.wait_ready(0s));
}

TEST(WarmUp, EndsWithItsDeadline) {
  Event go;
  Pool pool({.processes = 2, .initializer = partial([](const Event& event) { event.wait(); }, go)});
  EXPECT_FALSE(pool.wait_ready(20ms));
  go.set();
  EXPECT_TRUE(pool.wait_ready(patience));
}

TEST(WarmUp, ThrowsWhatBrokeThePool) {
  const auto fail = [] { throw std::runtime_error("no licence"); };
  EXPECT_NE(
      error_of([&] { Pool({.processes = 2, .initializer = fail, .warm_up = true}); }).find("no licence"),
      std::string::npos);
  Pool pool({.processes = 2});
  pool.terminate();
  EXPECT_THROW(pool.wait_ready(), std::logic_error);
}

// ---- nested pools

int sum_of_squares(int count) {
  Pool inner({.processes = 2});
  int sum = 0;
  for (const int each : inner.map(square, numbers_to(count))) sum += each;
  return sum;
}

TEST(NestedPools, AreForThoseWhoAsk) {
  Pool pool({.processes = 2, .allow_children = true});
  EXPECT_EQ(pool.map(sum_of_squares, std::vector{3, 4, 5}), (std::vector{5, 14, 30}));
}

TEST(NestedPools, AreRefusedOtherwiseAndTheSentenceNamesTheOption) {
  Pool pool({.processes = 1});
  const std::string error = error_of([&] { return pool.apply(sum_of_squares, 3); });
  EXPECT_NE(error.find("daemonic"), std::string::npos) << error;
  EXPECT_NE(error.find(".allow_children"), std::string::npos) << error;
}

TEST(NestedPools, EndWithTheirParentHoweverItEnds) {
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    Queue<pid_t> workers;
    {
      Pool pool({.processes = 1, .allow_children = true});
      const auto hold = [](Queue<pid_t> out) {
        Pool inner({.processes = 2});
        const Event never;
        std::vector<AsyncResult<void>> results;
        for (int i = 0; i < 2; ++i)
          results.push_back(inner.apply_async(
              [](Queue<pid_t> tell, const Event& event) {
                tell.put(::getpid());
                event.wait();
              },
              out, never));
        out.put(-::getpid());
        results[0].wait();
      };
      const AsyncResult<void> doomed = pool.apply_async(hold, workers);
      std::vector<pid_t> inner;
      pid_t parent = 0;
      for (int i = 0; i < 3; ++i) {
        const pid_t pid = workers.get(patience);
        if (pid < 0)
          parent = -pid;
        else
          inner.push_back(pid);
      }
      if (signal == SIGINT)
        pool.terminate();
      else
        ::kill(parent, signal);
      for (const pid_t pid : inner) EXPECT_TRUE(eventually([&] { return !is_running(pid); })) << signal;
      EXPECT_THROW(doomed.get(patience), std::runtime_error);
    }
  }
}

// ---- threads of libraries

TEST(ThreadsOfLibraries, FitTheProcessors) {
  Pool pool({.processes = 1'000 < cpu_count() ? 1'000 : cpu_count()});
  const std::string number = pool.apply([] {
    const char* const value = std::getenv("OMP_NUM_THREADS");
    return std::string(value == nullptr ? "" : value);
  });
  EXPECT_EQ(number, "1");
  EXPECT_EQ(pool.apply([] { return std::string(std::getenv("OPENBLAS_NUM_THREADS")); }), "1");
  EXPECT_EQ(std::getenv("OMP_NUM_THREADS"), nullptr);
}

TEST(ThreadsOfLibraries, AreWhatTheUserSaid) {
  ::setenv("OMP_NUM_THREADS", "3", 1);
  Pool pool({.processes = 2});
  EXPECT_EQ(pool.apply([] { return std::string(std::getenv("OMP_NUM_THREADS")); }), "3");
  EXPECT_TRUE(pool.apply([] { return std::getenv("MKL_NUM_THREADS") == nullptr; }));
  ::unsetenv("OMP_NUM_THREADS");
}

}  // namespace
}  // namespace procyon
