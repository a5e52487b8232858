// The child that a fork server makes in advance.

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "process/state.hpp"
#include "procyon/context.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/process.hpp"
#include "test_support.hpp"

namespace procyon::testing {
namespace {

void nothing() {}

int exit_code_of_one(void (*target)() = nothing) {
  auto p = get_context("forkserver").Process(target);
  p.start();
  p.join();
  return p.exitcode().value();
}

/// The pid of the spare child, once there is one; 0 if there is none after some starts.
pid_t wait_for_spare() {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(exit_code_of_one(), 0);
    const pid_t server = process::State::current().fork_server().pid().value_or(0);
    for (const pid_t pid : children_of(::getpid()))
      if (pid != server) return pid;
  }
  return 0;
}

class SpareTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (server_forks) GTEST_SKIP() << "under a sanitizer there are no spare children";
    spare_ = wait_for_spare();
    ASSERT_GT(spare_, 0);
  }
  pid_t spare_ = 0;
};

TEST_F(SpareTest, IsTheNextChild) {
  auto p = get_context("forkserver").Process(nothing);
  p.start();
  EXPECT_EQ(p.pid(), spare_);
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_F(SpareTest, ThatWasKilledCostsNothing) {
  ::kill(spare_, SIGKILL);
  auto p = get_context("forkserver").Process(nothing);
  p.start();
  EXPECT_NE(p.pid(), spare_);
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  const auto left = children_of(::getpid());
  EXPECT_EQ(std::count(left.begin(), left.end(), spare_), 0) << "not buried";
}

TEST_F(SpareTest, ThatWasKilledAndReapedByTheUserCostsNothing) {
  ::kill(spare_, SIGKILL);
  ASSERT_EQ(::waitpid(spare_, nullptr, 0), spare_);
  EXPECT_EQ(exit_code_of_one(), 0);
}

TEST_F(SpareTest, ForgetsTheSignalsThatItGotBeforeItWasSomebody) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) ::kill(spare_, signal);
  auto p = get_context("forkserver").Process(nothing);
  p.start();
  EXPECT_EQ(p.pid(), spare_);
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_F(SpareTest, ObeysSignalsAsSoonAsItIsStarted) {
  for (int i = 0; i < 50; ++i) {
    auto p = get_context("forkserver").Process([] {
      for (;;) ::pause();
    });
    p.start();
    p.terminate();
    p.join();
    EXPECT_EQ(p.exitcode(), -SIGTERM);
  }
}

TEST_F(SpareTest, EndsWithItsProcess) {
  Channel told;
  auto parent = get_context(fork).Process([&] {
    told.in.write_value(wait_for_spare());
    for (;;) ::pause();
  });
  parent.start();
  const auto spare = told.out.read_value<pid_t>();
  ASSERT_GT(spare, 0);
  const os::Descriptor watch(static_cast<int>(::syscall(SYS_pidfd_open, spare, 0)));
  ASSERT_TRUE(watch);
  parent.kill();
  parent.join();
  pollfd entry{watch.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1) << "a spare child outlives its process";
}

TEST(Spare, AServerKilledWhileItMakesOneCostsNoChildAndMakesNoneTwice) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "the build has no crash points";
  for (const char* point : {"process.server.spare_asked:2", "process.server.spare_made:2"}) {
    auto p = get_context(fork).Process([point] {
      ::setenv("PROCYON_CRASH_AT", point, 1);
      Channel channel;
      for (int i = 0; i < 10; ++i) {
        auto child =
            get_context("forkserver").Process([](const Shared& out) { out.write_byte(); }, channel.in);
        child.start();
        child.join();
        check(child.exitcode() == 0, 1);
      }
      channel.in.close();
      check(channel.out.read_all().size() == 10, 2);
    });
    p.start();
    p.join();
    EXPECT_EQ(p.exitcode(), 0) << point;
  }
}

}  // namespace
}  // namespace procyon::testing
