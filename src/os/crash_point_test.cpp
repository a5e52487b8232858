#include "procyon/detail/os/crash_point.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace procyon::os {
namespace {

void operation() {
  crash_point("test.first");
  for (int i = 0; i < 3; ++i) crash_point("test.loop");
  crash_point("test.last");
}

/// How a forked child ended that ran `body`: its signal, or minus its exit code.
template <class Body>
int end_of_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

class CrashPoint : public testing::Test {
 protected:
  void SetUp() override {
    if (!crash_points_enabled) GTEST_SKIP() << "this build has no crash points";
  }
  void TearDown() override { disarm_crash_points(); }
};

TEST(CrashPointDisabled, ArmingIsRefusedWithASentence) {
  if (crash_points_enabled) GTEST_SKIP() << "this build has crash points";
  EXPECT_THROW(arm_crash_point("test.first"), std::logic_error);
  record_crash_points();
  operation();
  EXPECT_TRUE(crash_points_passed().empty());
}

TEST_F(CrashPoint, RecordingNamesWhatWasPassedInOrder) {
  operation();
  record_crash_points();
  operation();
  disarm_crash_points();
  operation();
  const std::vector<CrashPointPassages> expected{{"test.first", 1}, {"test.loop", 3}, {"test.last", 1}};
  EXPECT_EQ(crash_points_passed(), expected);
}

TEST_F(CrashPoint, RecordingStartsAfresh) {
  record_crash_points();
  operation();
  record_crash_points();
  crash_point("test.other");
  EXPECT_EQ(crash_points_passed(), (std::vector<CrashPointPassages>{{"test.other", 1}}));
}

TEST_F(CrashPoint, AnArmedPointKillsAtTheNthPassage) {
  for (std::uint64_t nth = 1; nth <= 3; ++nth) {
    EXPECT_EQ(end_of_child([&] {
                arm_crash_point("test.loop", nth);
                operation();
              }),
              SIGKILL);
  }
  EXPECT_EQ(end_of_child([] {
              arm_crash_point("test.loop", 4);
              operation();
            }),
            0);
}

TEST_F(CrashPoint, ADisarmedPointDoesNotKill) {
  EXPECT_EQ(end_of_child([] {
              arm_crash_point("test.loop", 2);
              disarm_crash_points();
              operation();
            }),
            0);
}

TEST_F(CrashPoint, OtherPointsDoNotKill) {
  EXPECT_EQ(end_of_child([] {
              arm_crash_point("test.loo");
              operation();
            }),
            0);
}

TEST_F(CrashPoint, ForkedChildrenInheritTheArming) {
  EXPECT_EQ(end_of_child([] {
              arm_crash_point("test.last");
              ::_exit(end_of_child(operation) == SIGKILL ? 7 : 8);
            }),
            -7);
}

TEST_F(CrashPoint, MisuseIsToldInASentence) {
  EXPECT_THROW(arm_crash_point("test.first", 0), std::invalid_argument);
  EXPECT_THROW(arm_crash_point(""), std::invalid_argument);
  EXPECT_THROW(arm_crash_point(std::string(200, 'x')), std::invalid_argument);
}

/// Run by itself under PROCYON_CRASH_AT by the tests below; elsewhere it passes.
TEST_F(CrashPoint, EnvironmentVictim) { operation(); }

int end_of_program_with(const char* crash_at) {
  return end_of_child([&] {
    ::setenv("PROCYON_CRASH_AT", crash_at, 1);
    ::close(STDOUT_FILENO);
    ::execl("/proc/self/exe", "crash_point_victim", "--gtest_filter=CrashPoint.EnvironmentVictim", nullptr);
  });
}

TEST_F(CrashPoint, TheEnvironmentArmsAProgramFromItsStart) {
  EXPECT_EQ(end_of_program_with("test.first"), SIGKILL);
  EXPECT_EQ(end_of_program_with("test.loop:3"), SIGKILL);
  EXPECT_EQ(end_of_program_with("test.loop:4"), 0);
}

TEST_F(CrashPoint, AMisspelledEnvironmentStopsTheProgram) {
  for (const char* text : {"test.loop:", "test.loop:0", "test.loop:x", "test.loop:3x", ":3"}) {
    EXPECT_EQ(end_of_program_with(text), SIGABRT) << text;
  }
}

}  // namespace
}  // namespace procyon::os
