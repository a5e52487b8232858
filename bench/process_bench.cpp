// Start a child, let it call a function, wait for its status: one at a time.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <procyon/context.hpp>

#include <string>

#include "harness.hpp"
#include "peers/fork_server.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr int starts = 400;
constexpr int starts_of_a_large_parent = 20;  // a fork of it costs thirty milliseconds

int child_function(int argument) { return argument % 7; }

template <class StartAndJoin>
Result measure(StartAndJoin start_and_join, int count = starts) {
  require(start_and_join(5) == 5,
          "the first child returned the wrong status");  // starts what is started once
  const Stopwatch watch;
  for (int i = 0; i < count; ++i) require(start_and_join(i) == i % 7, "a child returned the wrong status");
  return watch.stop(count);
}

int exit_code(pid_t child) {
  int status = 0;
  require(::waitpid(child, &status, 0) == child && WIFEXITED(status), "a child died");
  return WEXITSTATUS(status);
}

int fork_and_wait(int argument) {
  const pid_t child = fork_child();
  if (child == 0) ::_exit(child_function(argument));
  return exit_code(child);
}

// This very program again, with the same libraries to load: what a child of it must cost at least.
int spawn_and_wait(int argument) {
  std::string number = std::to_string(argument);
  std::string program = "/proc/self/exe";
  std::string option = "--child";
  char* arguments[] = {program.data(), option.data(), number.data(), nullptr};
  pid_t child = -1;
  require(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0,
          "posix_spawn failed");
  return exit_code(child);
}

void our_child(int argument) { std::exit(child_function(argument)); }

// By the start method of that name.
auto procyon_start_and_join(const char* method) {
  return [context = mp::get_context(method)](int argument) {
    auto process = context.Process(our_child, argument);
    process.start();
    process.join();
    return process.exitcode().value();
  };
}

Result our_fork_server() { return measure(procyon_start_and_join("forkserver")); }
Result our_spawn() { return measure(procyon_start_and_join("spawn")); }
Result our_fork() { return measure(procyon_start_and_join("fork")); }

Result our_fork_server_large() {
  touch_one_gibibyte();
  return our_fork_server();
}
Result our_spawn_large() {
  touch_one_gibibyte();
  return our_spawn();
}
Result our_fork_large() {
  touch_one_gibibyte();
  return measure(procyon_start_and_join("fork"), starts_of_a_large_parent);
}

Result raw_fork() { return measure(fork_and_wait); }
Result raw_spawn() { return measure(spawn_and_wait); }
Result raw_fork_server() {
  const RawForkServer server(child_function);
  return measure([&](int argument) { return server.start_and_join(argument); });
}

Result raw_fork_large() {
  touch_one_gibibyte();
  return measure(fork_and_wait, starts_of_a_large_parent);
}
Result raw_spawn_large() {
  touch_one_gibibyte();
  return measure(spawn_and_wait);
}
Result raw_fork_server_large() {
  const RawForkServer server(child_function);  // started while the parent is small, as one would
  touch_one_gibibyte();
  return measure([&](int argument) { return server.start_and_join(argument); });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  if (argc == 3 && std::string_view(argv[1]) == "--child") return child_function(std::atoi(argv[2]));
  return run_contender(argc, argv,
                       {
                           {"small/procyon-forkserver", our_fork_server},
                           {"small/procyon-spawn", our_spawn},
                           {"small/procyon-fork", our_fork},
                           {"small/raw-fork", raw_fork},
                           {"small/raw-fork-server", raw_fork_server},
                           {"small/posix_spawn", raw_spawn},
                           {"large/procyon-forkserver", our_fork_server_large},
                           {"large/procyon-spawn", our_spawn_large},
                           {"large/procyon-fork", our_fork_large},
                           {"large/raw-fork", raw_fork_large},
                           {"large/raw-fork-server", raw_fork_server_large},
                           {"large/posix_spawn", raw_spawn_large},
                       });
}
