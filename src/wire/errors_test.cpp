#include "procyon/errors.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>

namespace procyon {
namespace {

void expect_says(const WorkerEnd& end, std::initializer_list<const char*> parts) {
  const WorkerLost lost(end);
  for (const char* part : parts) {
    EXPECT_NE(std::string(lost.what()).find(part), std::string::npos) << lost.what();
  }
}

TEST(WorkerLost, SaysWhoDiedOfWhatAndWhy) {
  expect_says(
      {.pid = 4711, .signal = SIGSEGV, .core_dumped = true, .task = "task 17 of map"},
      {"worker 4711", "SIGSEGV (signal 11, core dumped)", "task 17 of map", "memory access", "debugger"});
  expect_says({.pid = 1, .signal = SIGKILL}, {"SIGKILL", "idle", "out of memory", "kill -9"});
  expect_says({.pid = 1, .signal = SIGRTMIN + 3}, {"SIGRTMIN+3"});
  expect_says({.pid = 1, .exit_code = 3, .task = "task 1"}, {"exit code 3", "exit()"});
  expect_says({.pid = 1}, {"not known"});
  expect_says({.pid = 1, .signal = SIGABRT, .details = "Its last line was: x"},
              {"abort()", "Its last line was: x"});
}

TEST(WorkerLost, IsACertificateOfAllThatIsKnown) {
  using namespace std::chrono_literals;
  expect_says({.pid = 4711,
               .signal = SIGSEGV,
               .task = "task 17 of map",
               .name = "PoolWorker-3",
               .running_for = 1'250ms,
               .user_time = 300ms,
               .system_time = 20ms,
               .peak_memory = 12 << 20,
               .last_words = "one\ntwo\n",
               .stack = {"f() at a.cpp:1", "g() at a.cpp:2"}},
              {"worker 4711 (PoolWorker-3) was lost while it ran task 17 of map, for 1.2 s: it was killed",
               "\n  used: 320 ms of processor time (300 ms user, 20 ms system), 12.0 MiB of memory at most",
               "\n  stack: #0 f() at a.cpp:1\n         #1 g() at a.cpp:2",
               "\n  the last lines of its stderr:\n    | one\n    | two"});
}

TEST(MemoryLimitExceeded, IsABadAllocThatSaysWhoAndHowMuch) {
  EXPECT_THROW(throw MemoryLimitExceeded("x"), std::bad_alloc);
  EXPECT_STREQ(MemoryLimitExceeded("worker 5 has 64 MiB").what(), "worker 5 has 64 MiB");
  EXPECT_EQ(std::string(MemoryLimitExceeded(std::string(1'000, 'x')).what()), std::string(239, 'x'));
}

TEST(WorkerLost, GivesItsFacts) {
  const WorkerLost lost({.pid = 5, .signal = SIGBUS, .task = "task 2"});
  EXPECT_EQ(lost.pid(), 5);
  EXPECT_EQ(lost.signal(), SIGBUS);
  EXPECT_EQ(lost.signal_name(), "SIGBUS");
  EXPECT_EQ(lost.exit_code(), std::nullopt);
  EXPECT_EQ(WorkerLost({.pid = 5, .exit_code = 1}).signal_name(), "");
}

TEST(Errors, AreCaughtByTheirPythonBases) {
  EXPECT_THROW(throw TimeoutError("x"), ProcessError);
  EXPECT_THROW(throw BufferTooShort("x"), ProcessError);
  EXPECT_THROW(throw AuthenticationError("x"), ProcessError);
  EXPECT_THROW(throw Empty(), std::runtime_error);
  EXPECT_THROW(throw Full(), std::runtime_error);
}

TEST(RemoteError, SaysTypeTextAndPlace) {
  EXPECT_STREQ(RemoteError("my::Error", "text").what(), "my::Error: text");
  EXPECT_STREQ(RemoteError("my::Error", "text", "f()").what(), "my::Error: text; thrown at f()");
}

}  // namespace
}  // namespace procyon
