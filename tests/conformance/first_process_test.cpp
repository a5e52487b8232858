// A program that is the first process of its namespace, as in a container without an init: orphans become its children, and
// nobody else takes leave of them.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "procyon/pool.hpp"
#include "procyon/process.hpp"
#include "procyon/shared_memory.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

constexpr int cannot_be_tried = 77;

/// The processes in this namespace that have ended and that nobody has waited for.
std::vector<std::string> zombies() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string stat;
    if (!std::getline(std::ifstream(entry.path() / "stat"), stat)) continue;
    const auto end_of_name = stat.rfind(')');
    if (end_of_name != std::string::npos && stat[end_of_name + 2] == 'Z') found.push_back(stat);
  }
  return found;
}

/// Children of all kinds that come and go by all ways; those that are killed have no children of their own.
void live() {
  SharedMemory memory({.create = true, .size = 4'096});  // a guardian looks after its name
  for (const StartMethod method : {StartMethod::forkserver, StartMethod::spawn, StartMethod::fork}) {
    Pool pool({.processes = 2, .start_method = method});
    pool.map_outcomes([](int number) { return number == 2 ? ::raise(SIGKILL) : number; },
                      std::vector{1, 2, 3, 4});
    Process parent({.start_method = method}, [] {
      Process child([] {});
      child.start();
      child.join();
    });
    parent.start();
    parent.join();
  }
  memory.unlink();  // the guardian ends with its namespace, before it could do so
}

/// The exit code of `body` as the first process of a new namespace of processes, with a /proc of its own.
template <class Body>
int as_first_process(Body body) {
  const pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) ::_exit(cannot_be_tried);
    const pid_t first = ::fork();
    if (first == 0) {
      if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("proc", "/proc", "proc", 0, nullptr) != 0)
        ::_exit(cannot_be_tried);
      ::_exit(body());
    }
    int status = 0;
    ::waitpid(first, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  int status = 0;
  ::waitpid(outer, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

TEST(FirstProcess, HasNoZombies) {
  const int code = as_first_process([] {
    if (::getpid() != 1) return 3;
    live();
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!zombies().empty() && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(1ms);
    for (const std::string& zombie : zombies()) fprintf(stderr, "a zombie: %s\n", zombie.c_str());
    return zombies().empty() ? 0 : 1;
  });
  if (code == cannot_be_tried) GTEST_SKIP() << "this user may not make a namespace of processes";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace procyon
