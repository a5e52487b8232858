// What WorkerLost tells of a worker's end.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "pool/last_words.hpp"
#include "pool/memory_kills.hpp"
#include "pool/test_support.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon {

// Named, visible and not made part of others: what a stack trace is looked through for.
[[gnu::noinline, gnu::used]] int write_to(volatile int* place) {
  *place = 1;
  return *place;
}
[[gnu::noinline, gnu::used]] int use_a_null_pointer() { return write_to(nullptr) + 1; }
[[gnu::noinline, gnu::used]] int recurse_without_end(int depth) {
  volatile char room[1000];
  room[depth % 1000] = 1;
  if (room[depth % 1000] == 2) return 0;  // never
  return recurse_without_end(depth + 1) + room[depth % 1000];
}
[[gnu::noinline, gnu::used]] int fail_an_assertion() {
  std::fputs("the assertion 'pigs fly' failed\n", stderr);
  std::abort();
}

namespace {

using namespace testing;

/// Whether crashes are told with the names of functions; else with addresses in files.
bool can_name_functions() {
#if __has_include(<elfutils/libdwfl.h>)
  return ::dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL) != nullptr;
#else
  return false;
#endif
}

void dump_no_core() { ::prctl(PR_SET_DUMPABLE, 0); }

class Certificate : public ::testing::Test {
 protected:
  template <class F>
  WorkerLost loss_of(F function) {
    try {
      pool.apply_async(function).get(patience);
    } catch (const WorkerLost& lost) {
      return lost;
    } catch (const std::exception& other) {
      ADD_FAILURE() << "not a WorkerLost: " << other.what();
    }
    return WorkerLost(WorkerEnd{});
  }
  static bool tells(const WorkerLost& lost, const std::string& text) {
    return std::string(lost.what()).find(text) != std::string::npos;
  }
  Pool pool{{.processes = 1, .initializer = dump_no_core, .keep_stderr = true}};
};

TEST_F(Certificate, NamesTheWorkerAndWhatItUsed) {
  const WorkerLost lost = loss_of([] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    while (std::chrono::steady_clock::now() < end) {
    }
    ::raise(SIGKILL);
  });
  EXPECT_EQ(lost.end().name, "PoolWorker-1");
  EXPECT_GE(lost.end().running_for, std::chrono::milliseconds(20));
  EXPECT_GT(lost.end().user_time + lost.end().system_time, std::chrono::milliseconds(1));
  EXPECT_GT(lost.end().peak_memory, std::size_t{1} << 20);
  EXPECT_TRUE(tells(lost, "(PoolWorker-1) was lost while it ran the task of apply_async, for "))
      << lost.what();
  EXPECT_TRUE(tells(lost, "of processor time")) << lost.what();
  EXPECT_TRUE(lost.end().stack.empty());
}

TEST_F(Certificate, TellsWhereItCrashed) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's handler says it";
  if (!can_name_functions()) GTEST_SKIP() << "built without libdw-dev, or libdw1 is not here";
  const WorkerLost lost = loss_of(use_a_null_pointer);
  EXPECT_EQ(lost.signal(), SIGSEGV);
  ASSERT_GE(lost.end().stack.size(), 2U) << lost.what();
  EXPECT_EQ(lost.end().stack[0].find("procyon::write_to(int volatile*)"), 0U) << lost.what();
  EXPECT_EQ(lost.end().stack[1].find("procyon::use_a_null_pointer()"), 0U) << lost.what();
  EXPECT_TRUE(tells(lost, "a null pointer")) << lost.what();
  // Nothing of the library's own is in it.
  EXPECT_FALSE(tells(lost, "run_task")) << lost.what();
}

TEST_F(Certificate, TellsWhereItAbortedAndItsLastWords) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's handler says it";
  if (!can_name_functions()) GTEST_SKIP() << "built without libdw-dev, or libdw1 is not here";
  const WorkerLost lost = loss_of(fail_an_assertion);
  EXPECT_EQ(lost.signal(), SIGABRT);
  EXPECT_TRUE(tells(lost, "procyon::fail_an_assertion()")) << lost.what();
  EXPECT_EQ(lost.end().last_words, "the assertion 'pigs fly' failed");
}

TEST_F(Certificate, TellsWhereAStackOverflowed) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's handler says it";
  if (!can_name_functions()) GTEST_SKIP() << "built without libdw-dev, or libdw1 is not here";
  const WorkerLost lost = loss_of([] { return recurse_without_end(0); });
  EXPECT_EQ(lost.signal(), SIGSEGV);
  EXPECT_TRUE(tells(lost, "procyon::recurse_without_end(int)")) << lost.what();
}

TEST_F(Certificate, TellsWhoCalledNothing) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's handler says it";
  const WorkerLost lost = loss_of([] {
    int (*volatile nothing)() = nullptr;
    return nothing() + 1;
  });
  EXPECT_EQ(lost.signal(), SIGSEGV);
  EXPECT_TRUE(tells(lost, "0x0, where there is no code")) << lost.what();
  EXPECT_GE(lost.end().stack.size(), 2U) << lost.what();
}

TEST_F(Certificate, EverySignalOfACrashIsTold) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's handler says it";
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL}) {
    try {
      pool.apply([](int number) { ::raise(number); }, signal);
      ADD_FAILURE();
    } catch (const WorkerLost& lost) {
      EXPECT_EQ(lost.signal(), signal);
      EXPECT_FALSE(lost.end().stack.empty()) << lost.what();
    }
  }
}

TEST_F(Certificate, ACrashInAProcessThatATaskForkedIsNotTheWorkers) {
  const WorkerLost lost = loss_of([] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGSEGV, SIG_DFL);
      ::raise(SIGABRT);
      ::_exit(1);
    }
    while (::kill(child, 0) == 0 && is_running(child)) ::usleep(1'000);
    ::_exit(7);
  });
  EXPECT_EQ(lost.exit_code(), 7);
  EXPECT_TRUE(lost.end().stack.empty()) << lost.what();
}

TEST_F(Certificate, AKillInTheMiddleOfItsWritingLeavesWhatWasWrittenByThen) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's handler says it";
  if (!os::crash_points_enabled) GTEST_SKIP() << "this build has no crash points";
  const auto crash_and_die_at = [](const std::string& point, int passage) {
    os::arm_crash_point(point, static_cast<std::uint64_t>(passage));
    return use_a_null_pointer();
  };
  for (const std::string point :
       {"pool.crash.begun", "pool.crash.frame", "pool.crash.module", "pool.crash.located"}) {
    for (const int passage : {1, 2}) {
      if (point == "pool.crash.begun" && passage == 2) continue;
      try {
        pool.apply(crash_and_die_at, point, passage);
        ADD_FAILURE() << point;
      } catch (const WorkerLost& lost) {
        const bool was_passed_once = point == "pool.crash.module";  // all of it may lie in the program itself
        if (!was_passed_once || passage == 1) {
          EXPECT_EQ(lost.signal(), SIGKILL) << lost.what();
        }
        EXPECT_EQ(lost.end().stack.empty(), point == "pool.crash.begun") << point << lost.what();
      }
      EXPECT_EQ(pool.apply(square, 3), 9);
    }
  }
}

TEST_F(Certificate, AHandlerOfTheProgramsOwnIsLeftAlone) {
  Pool other({.processes = 1, .initializer = [] {
                ::signal(
                    SIGFPE, +[](int) { ::_exit(42); });
              }});
  try {
    other.apply([] { ::raise(SIGFPE); });
    ADD_FAILURE();
  } catch (const WorkerLost& lost) {
    EXPECT_EQ(lost.exit_code(), 42);
  }
}

TEST_F(Certificate, MuchOnStderrNeitherBlocksNorFillsTheMemory) {
  const std::size_t blocks = pool.apply([] {
    const std::string line(1'023, 'x');
    for (int i = 0; i < 20'000; ++i) std::cerr << line << '\n';
    return std::size_t{20'000};
  });
  EXPECT_EQ(blocks, 20'000U);
  const WorkerLost lost = loss_of([] {
    std::cerr << "one\ntwo\n" << std::flush;
    ::_exit(1);
  });
  EXPECT_TRUE(lost.end().last_words.ends_with("\none\ntwo")) << lost.end().last_words;
  EXPECT_LE(lost.end().last_words.size(), 4'096U);
}

TEST_F(Certificate, LastWordsAreTheWorkersOwn) {
  static_cast<void>(loss_of([] {
    std::cerr << "of the first\n";
    ::_exit(1);
  }));
  const WorkerLost lost = loss_of([] {
    std::cerr << "of the second\n";
    ::_exit(1);
  });
  EXPECT_EQ(lost.end().last_words, "of the second");
}

TEST_F(Certificate, WithoutTheOptionStderrStaysWhatItIs) {
  Pool other({.processes = 1});
  struct stat mine {};
  ASSERT_EQ(::fstat(2, &mine), 0);
  EXPECT_EQ(other.apply([] {
    struct stat status {};
    ::fstat(2, &status);
    return static_cast<std::uint64_t>(status.st_ino);
  }),
            static_cast<std::uint64_t>(mine.st_ino));
}

TEST(LastWords, AreTheLastTwentyLines) {
  pool::LastWords words;
  EXPECT_EQ(words.lines(), "");
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + "\n";
  ASSERT_EQ(::write(words.file().get(), text.data(), text.size()), ssize_t(text.size()));
  const std::string lines = words.lines();
  EXPECT_TRUE(lines.starts_with("80\n81\n")) << lines;
  EXPECT_TRUE(lines.ends_with("\n98\n99")) << lines;
}

TEST(LastWords, AreBoundedByTrimming) {
  pool::LastWords words;
  const std::string block(100'000, 'x');
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(::write(words.file().get(), block.data(), block.size()), ssize_t(block.size()));
    words.trim();
  }
  struct stat status {};
  ASSERT_EQ(::fstat(words.file().get(), &status), 0);
  EXPECT_LE(status.st_blocks * 512, 300'000);
  EXPECT_EQ(words.lines(), std::string(4'096, 'x'));
}

// A root with the files that tell the kernel's count.
class MemoryKillsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "procyon-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file(root + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string root;
};

TEST_F(MemoryKillsTest, OfAControlGroupAreToldWithItsLimit) {
  write("/proc/self/cgroup", "0::/jobs\n");
  write("/sys/fs/cgroup/jobs/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n");
  write("/sys/fs/cgroup/jobs/memory.max", "536870912\n");
  pool::MemoryKills kills(root);
  EXPECT_EQ(kills.told_since(), "");
  write("/sys/fs/cgroup/jobs/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n");
  EXPECT_NE(kills.told_since().find("its limit is 512 MiB"), std::string::npos);
  EXPECT_EQ(kills.told_since(), "");
}

TEST_F(MemoryKillsTest, OfTheFirstVersionOfControlGroupsAreTold) {
  write("/proc/self/cgroup", "5:cpu:/\n4:memory:/elsewhere\n0::/\n");
  write("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  pool::MemoryKills kills(root);
  write("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  const std::string told = kills.told_since();
  EXPECT_NE(told.find("control group"), std::string::npos) << told;
  EXPECT_EQ(told.find("limit is"), std::string::npos) << told;
}

TEST_F(MemoryKillsTest, OfTheMachineAreTold) {
  write("/proc/vmstat", "nr_free_pages 5\noom_kill 4\n");
  pool::MemoryKills kills(root);
  EXPECT_EQ(kills.told_since(), "");
  write("/proc/vmstat", "nr_free_pages 5\noom_kill 5\n");
  EXPECT_NE(kills.told_since().find("this machine"), std::string::npos);
}

}  // namespace
}  // namespace procyon
