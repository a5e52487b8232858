#include "os/pidfd.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>

namespace procyon::os {
namespace {

using namespace std::chrono_literals;

pid_t child_that_exits(int code) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(code);
  return child;
}

pid_t child_that_waits() {
  const pid_t child = ::fork();
  if (child == 0)
    for (;;) ::pause();
  return child;
}

TEST(Pidfd, TellsTheExitCodeOfAChild) {
  Descriptor child = open_pidfd(child_that_exits(7));
  ASSERT_TRUE(wait_readable(child, Deadline::never()));
  const WaitResult result = reap(child);
  EXPECT_EQ(result.state, WaitResult::State::exited);
  EXPECT_EQ(result.value, 7);
}

TEST(Pidfd, TellsTheSignalThatEndedAChild) {
  Descriptor child = open_pidfd(child_that_waits());
  EXPECT_EQ(reap(child).state, WaitResult::State::running);
  EXPECT_FALSE(wait_readable(child, Deadline::now()));
  EXPECT_TRUE(send_signal(child, SIGKILL));
  ASSERT_TRUE(wait_readable(child, Deadline::never()));
  const WaitResult result = reap(child);
  EXPECT_EQ(result.state, WaitResult::State::signalled);
  EXPECT_EQ(result.value, SIGKILL);
  EXPECT_FALSE(send_signal(child, SIGKILL)) << "it has been reaped";
}

TEST(Pidfd, SaysWhenSomebodyElseTookTheStatus) {
  const pid_t pid = child_that_exits(7);
  Descriptor child = open_pidfd(pid);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_EQ(reap(child).state, WaitResult::State::unknown);
}

TEST(Pidfd, ThereIsNoneForAProcessThatIsGone) {
  const pid_t pid = child_that_exits(0);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_THROW(open_pidfd(pid), std::system_error);
}

}  // namespace
}  // namespace procyon::os
