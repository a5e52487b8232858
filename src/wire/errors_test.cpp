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
