#include "orphans.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

namespace procyon::crash {
namespace {

std::string stat_of(pid_t pid) {
  std::string text;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), text);
  return text;
}

/// Takes leave of all children that have ended. The pid of one that lives; 0 if there is none.
pid_t bury_the_dead() {
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
  }
  if (pid < 0) return 0;
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  children >> pid;
  return pid;
}

}  // namespace

void adopt_orphans() { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); }

std::chrono::milliseconds expect_everybody_ends() {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  while (const pid_t orphan = bury_the_dead()) {
    if (Clock::now() - begin > std::chrono::seconds(20)) {
      ADD_FAILURE() << "a process is left: " << stat_of(orphan);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
}

void end_orphans() {
  while (const pid_t orphan = bury_the_dead()) {
    if (orphan > 0) ::kill(orphan, SIGKILL);
    std::this_thread::yield();
  }
}

}  // namespace procyon::crash
