// Good manners inside a bigger program: what the program does for its own purposes works as before, and the library works
// all the same.

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "procyon/context.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/process.hpp"
#include "test_support.hpp"

namespace procyon::testing {
namespace {

class MannersTest : public UnderEachStartMethod {
 protected:
  // Programs that were killed leave to others what they held; the tests share a session.
  void TearDown() override { arena::Session::current().recover_everybody(); }
};
INSTANTIATE_TEST_SUITE_P(Under, MannersTest, all_start_methods, name_of_start_method);

/// Runs `scene` in a process of the test's own, one that is forked behind the library's back: a program like others.
template <class Scene>
int exit_code_of_program(Scene scene) {
  const pid_t program = ::fork();
  if (program == 0) {
    try {
      scene();
      ::exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(255);
  }
  int status = 0;
  while (::waitpid(program, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void start_and_join(const Context& context, int code, int check_number) {
  auto p = context.Process([](int n) { ::_exit(n); }, code);
  p.start();
  p.join();
  check(p.exitcode() == code, check_number);
}

TEST_P(MannersTest, AForkOfTheProgramIsAProgramOfItsOwn) {
  EXPECT_EQ(exit_code_of_program([&] {
              start_and_join(context(), 3, 1);
              const pid_t forked = ::fork();
              if (forked == 0) {
                start_and_join(context(), 4, 1);  // with a server and a supervisor of its own
                ::exit(6);
              }
              int status = 0;
              check(::waitpid(forked, &status, 0) == forked, 2);
              check(WIFEXITED(status) && WEXITSTATUS(status) == 6, 3);
              start_and_join(context(), 5, 4);
            }),
            0);
}

TEST_P(MannersTest, AHandlerOfSigchldThatWaitsForAnyChildTakesStatusesAndNothingElse) {
  EXPECT_EQ(exit_code_of_program([&] {
              struct sigaction action {};
              action.sa_handler = [](int) {
                const int saved = errno;
                while (::waitpid(-1, nullptr, WNOHANG) > 0) {
                }
                errno = saved;
              };
              ::sigaction(SIGCHLD, &action, nullptr);
              for (int i = 0; i < 20; ++i) {
                auto p = context().Process([] { ::_exit(3); });
                p.start();
                p.join();
                check(p.exitcode() == 3 || p.exitcode() == 255, 1);
                check(p.exit_status()->known() == (p.exitcode() == 3), 2);
              }
            }),
            0);
}

TEST_P(MannersTest, AHandlerOfSigchldIsCalledForItsOwnChildren) {
  EXPECT_EQ(exit_code_of_program([&] {
              static std::atomic<int> calls{0};
              ::signal(SIGCHLD, [](int) { ++calls; });
              start_and_join(context(), 3, 1);
              const int before = calls;
              const pid_t own = ::fork();
              if (own == 0) ::_exit(9);
              int status = 0;
              while (::waitpid(own, &status, 0) < 0 && errno == EINTR) {
              }
              check(WIFEXITED(status) && WEXITSTATUS(status) == 9, 2);
              check(calls > before, 3);
            }),
            0);
}

TEST_P(MannersTest, AnIgnoredSigchldCostsTheStatusAndNothingElse) {
  if (server_forks && GetParam() == StartMethod::forkserver) GTEST_SKIP() << "its server takes the statuses";
  EXPECT_EQ(exit_code_of_program([&] {
              ::signal(SIGCHLD, SIG_IGN);
              for (int i = 0; i < 5; ++i) {
                auto p = context().Process([] { ::_exit(3); });
                p.start();
                p.join();
                check(p.exitcode() == 255, 1);
                check(!p.exit_status()->known(), 2);
              }
            }),
            0);
}

TEST_P(MannersTest, AnIgnoredSigchldIsNotTheChilds) {
  EXPECT_EQ(exit_code_of_program([&] {
              ::signal(SIGCHLD, SIG_IGN);
              Channel told;
              auto p = context().Process(
                  [](const Shared& out) {
                    const pid_t own = ::fork();
                    if (own == 0) ::_exit(9);
                    int status = 0;
                    ::waitpid(own, &status, 0);
                    out.write_value(status);
                  },
                  told.in);
              p.start();
              const int status = told.out.read_value<int>();
              p.join();
              if (GetParam() != StartMethod::fork) check(WIFEXITED(status) && WEXITSTATUS(status) == 9, 1);
            }),
            0);
}

TEST_P(MannersTest, ADaemonisedProgramUsesItAsAnyOther) {
  Channel told;
  const pid_t program = ::fork();
  if (program == 0) {
    if (::fork() != 0) ::_exit(0);
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    if (::chdir("/") != 0) ::_exit(1);
    for (const int number : {0, 1, 2}) ::close(number);
    start_and_join(context(), 3, 2);
    told.in.write_value(3);
    ::exit(0);
  }
  ASSERT_EQ(::waitpid(program, nullptr, 0), program);
  told.in.close();
  EXPECT_EQ(told.out.read_value<int>(), 3);
  EXPECT_FALSE(told.out.read_byte()) << "it has ended, and nobody is left";
}

TEST_P(MannersTest, AfterClosefromAStartSaysWhatHappened) {
  EXPECT_EQ(exit_code_of_program([&] {
              start_and_join(context(), 3, 1);
              ::closefrom(3);
              auto p = context().Process([] {});
              check(misuse([&] { p.start(); }).find("closefrom(3)") != std::string::npos, 2);
              // It ends all the same.
            }),
            0);
}

TEST_P(MannersTest, ExecEndsWhatDependsOnTheProgramAndNothingElse) {
  Channel alive;
  Channel daemonic_alive;
  Channel pid;
  const pid_t program = ::fork();
  if (program == 0) {
    const auto wait_for_ever = [](const Shared&) {
      for (;;) ::pause();
    };
    Process other({.start_method = GetParam()}, wait_for_ever, alive.in);
    Process daemon({.daemon = true, .start_method = GetParam()}, wait_for_ever, daemonic_alive.in);
    other.start();
    daemon.start();
    pid.in.write_value(*other.pid());
    pid.in.write_value(*daemon.pid());
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    ::_exit(1);
  }
  daemonic_alive.in.close();
  alive.in.close();
  const auto other = pid.out.read_value<pid_t>();
  const auto daemon = pid.out.read_value<pid_t>();
  if (GetParam() == StartMethod::forkserver && !server_forks) {
    EXPECT_FALSE(daemonic_alive.out.read_byte()) << "the daemonic child outlives exec";
  }
  EXPECT_EQ(::kill(other, 0), 0);
  // Forked and spawned by the main thread, which exec does not end, it stays: see README.md.
  if (GetParam() != StartMethod::forkserver || server_forks) ::kill(daemon, SIGKILL);
  ::kill(other, SIGKILL);
  EXPECT_FALSE(alive.out.read_byte());
  ::kill(program, SIGKILL);
  EXPECT_EQ(::waitpid(program, nullptr, 0), program);
}

TEST_P(MannersTest, LocksThatOtherThreadsHoldAreNotTheChilds) {
  if (GetParam() == StartMethod::fork) GTEST_SKIP() << "that is what fork warns of";
  std::atomic<bool> stop{false};
  std::FILE* const sink = std::fopen("/dev/null", "w");
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!stop) std::vector<std::string>(100, std::string(1000, 'x'));
  });
  threads.emplace_back([&] {
    while (!stop) std::fprintf(sink, "%d\n", 1);
  });
  threads.emplace_back([&] {
    ::flockfile(stdout);
    while (!stop) std::this_thread::yield();
    ::funlockfile(stdout);
  });
  for (int i = 0; i < (GetParam() == StartMethod::spawn ? 10 : 100); ++i) {
    auto p = context().Process([] {
      std::vector<std::string> strings(100, std::string(1000, 'y'));
      std::printf("%s", "");
      std::fflush(stdout);
      ::_exit(static_cast<int>(strings.size()));
    });
    p.start();
    p.join();
    EXPECT_EQ(p.exitcode(), 100);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  std::fclose(sink);
}

TEST_P(MannersTest, AStormOfSignalsDisturbsNoStartAndNoJoin) {
  EXPECT_EQ(exit_code_of_program([&] {
              static std::atomic<int> signals{0};
              struct sigaction action {};
              action.sa_handler = [](int) { ++signals; };  // without SA_RESTART
              ::sigaction(SIGALRM, &action, nullptr);
              const itimerval every_millisecond{{0, 1000}, {0, 1000}};
              ::setitimer(ITIMER_REAL, &every_millisecond, nullptr);
              const int rounds = GetParam() == StartMethod::spawn ? 50 : 300;
              for (int i = 0; i < rounds || signals < 20; ++i) start_and_join(context(), i % 100, 1);
              const itimerval never{};
              ::setitimer(ITIMER_REAL, &never, nullptr);
            }),
            0);
}

TEST_P(MannersTest, TimersOfTheProgramAreNotTheChilds) {
  EXPECT_EQ(exit_code_of_program([&] {
              ::signal(SIGALRM, [](int) {});
              ::alarm(1000);
              auto p = context().Process([] { ::_exit(::alarm(0) == 0 ? 3 : 4); });
              p.start();
              p.join();
              check(p.exitcode() == 3, 1);
              check(::alarm(0) != 0, 2);
            }),
            0);
}

}  // namespace
}  // namespace procyon::testing
