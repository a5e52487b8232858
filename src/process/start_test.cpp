// Starting processes when something is in the way: dead servers, full tables, signals, other people's waits and forks.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "os/threads.hpp"
#include "process/fork_server.hpp"
#include "process/state.hpp"
#include "process/test_support.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon {
namespace {

using namespace testing;

void nothing() {}

// A child must run `body` in a process of its own: forked, so that limits and dispositions that it sets harm nobody.
int exit_code_of(const std::function<void()>& body) {
  auto p = get_context(fork).Process(body);
  p.start();
  p.join();
  return *p.exitcode();
}

pid_t start_and_pid_of_server() {
  auto p = get_context("forkserver").Process(nothing);
  p.start();
  p.join();
  return process::State::current().fork_server().pid().value_or(-1);
}

class StartTest : public UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, StartTest, all_start_methods, name_of_start_method);

TEST_P(StartTest, TenThousandRoundsLeaveNoDescriptorAndNoZombie) {
  // Sanitizers and whole images take their time for each process.
  const int many = server_forks ? 1'000 : 10'000;
  const int rounds = GetParam() == StartMethod::spawn ? many / 10 : many;
  auto round = [&](int i) {
    auto p = context().Process([](int n) { ::_exit(n % 100); }, i);
    p.start();
    p.join();
    ASSERT_EQ(p.exitcode(), i % 100);
  };
  round(0);
  const auto before = open_descriptors();
  for (int i = 0; i < rounds; ++i) round(i);
  process::State::current().supervisor().run([] {});  // it has dealt with all ends before this
  EXPECT_LE(open_descriptors(), before);
  const auto servers = process::State::current().fork_server().pid() ? 1u : 0u;
  EXPECT_LE(children_of(::getpid()).size(), servers * 2) << "more than a server and its spare child";
}

TEST_P(StartTest, HundredsAtOnceFromSeveralThreads) {
  constexpr int threads = 4;
  const int each = GetParam() == StartMethod::spawn ? 20 : 75;
  std::atomic<int> wrong{0};
  std::vector<std::thread> starters;
  for (int t = 0; t < threads; ++t)
    starters.emplace_back([&, t] {
      std::vector<Process> processes;
      for (int i = 0; i < each; ++i) {
        processes.push_back(context().Process([](int n) { ::_exit(n); }, (t * each + i) % 200));
        processes.back().start();
      }
      for (int i = 0; i < each; ++i) {
        auto& p = processes[static_cast<std::size_t>(i)];
        p.join();
        if (p.exitcode() != (t * each + i) % 200) ++wrong;
      }
    });
  for (auto& starter : starters) starter.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(active_children().empty());
}

TEST_P(StartTest, FullTableOfDescriptorsIsAnErrorAndALaterTryWorks) {
  const int code = exit_code_of([] {
    Channel unused;  // numbers below the limit
    auto first = context().Process(nothing);
    first.start();  // server, supervisor and memory are there
    first.join();
    first.close();
    process::State::current().supervisor().run([] {});
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const auto used_before = open_descriptors();
    auto p = context().Process(nothing);
    for (rlim_t room = 0; room < 12; ++room) {
      // As if the table were full but for `room` places.
      std::vector<os::Descriptor> fill;
      const rlimit tight{256, before.rlim_max};
      ::setrlimit(RLIMIT_NOFILE, &tight);
      for (int number = 0; (number = ::fcntl(0, F_DUPFD_CLOEXEC, 3)) >= 0;) fill.emplace_back(number);
      for (rlim_t i = 0; i < room; ++i) fill.pop_back();
      bool started = false;
      try {
        p.start();
        started = true;
      } catch (const std::system_error& error) {
        check(error.code() == std::errc::too_many_files_open, 2);
      }
      fill.clear();
      ::setrlimit(RLIMIT_NOFILE, &before);
      if (started) break;
      check(open_descriptors() == used_before, 3);
    }
    check(p.pid().has_value(), 4);
    p.join();
    check(p.exitcode() == 0, 5);
  });
  EXPECT_EQ(code, 0);
}

TEST_P(StartTest, ARefusalOfTheSystemIsAnErrorAndALaterTryWorks) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root, to become a user with no other processes";
  const int code = exit_code_of([] {
    constexpr uid_t somebody = 63'217;
    check(::setresuid(somebody, somebody, somebody) == 0, 100);
    ::prctl(PR_SET_DUMPABLE, 1);  // so that /proc/self/exe can be executed
    auto first = context().Process(nothing);
    first.start();
    first.join();
    check(first.exitcode() == 0, 101);
    rlimit before{};
    ::getrlimit(RLIMIT_NPROC, &before);
    const rlimit none{1, before.rlim_max};
    ::setrlimit(RLIMIT_NPROC, &none);
    ::prlimit(process::State::current().fork_server().pid().value_or(0), RLIMIT_NPROC, &none, nullptr);
    auto p = context().Process(nothing);
    try {
      p.start();
      ::_exit(1);
    } catch (const std::system_error& error) {
      check(error.code() == std::errc::resource_unavailable_try_again, 2);
    }
    ::setrlimit(RLIMIT_NPROC, &before);
    ::prlimit(process::State::current().fork_server().pid().value_or(0), RLIMIT_NPROC, &before, nullptr);
    p.start();
    p.join();
    check(p.exitcode() == 0, 3);
  });
  if (code == 100 || code == 101) GTEST_SKIP() << "another user may not run this program here";
  EXPECT_EQ(code, 0);
}

TEST_P(StartTest, AChildThatDiesBeforeItsTargetIsAChildThatEnded) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "the build has no crash points";
  for (const char* point : {"process.child.joined", "process.child.took_record"}) {
    const int code = exit_code_of([point] {
      // The fork server passes it first, in its rehearsal.
      ::setenv("PROCYON_CRASH_AT",
               (point + std::string(GetParam() == StartMethod::forkserver ? ":2" : ":1")).c_str(), 1);
      if (GetParam() == StartMethod::fork) os::arm_crash_point(point);
      auto p = context().Process({.name = "victim"}, nothing);
      p.start();
      p.join();
      check(p.exitcode() == -SIGKILL, 1);
      arena::Session::current().verify();
      ::_exit(0);
    });
    EXPECT_EQ(code, 0) << point;
  }
}

TEST_P(StartTest, IgnoredChildSignalsCostTheStatusAndNothingElse) {
  const int code = exit_code_of([] {
    ::signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; ++i) {
      auto p = context().Process([] { ::_exit(3); });
      p.start();
      p.join();
      check(!p.is_alive(), 1);
      check(p.exitcode() == 255 || p.exitcode() == 3, 2);
    }
  });
  EXPECT_EQ(code, 0);
}

TEST_P(StartTest, SomebodyElseMayWaitForAnyChild) {
  const int code = exit_code_of([] {
    std::vector<Process> processes;
    for (int i = 0; i < 20; ++i) {
      processes.push_back(context().Process([] { ::_exit(3); }));
      processes.back().start();
      ::waitpid(-1, nullptr, WNOHANG);
    }
    for (auto& p : processes) {
      ::waitpid(-1, nullptr, WNOHANG);
      p.join();
      check(p.exitcode() == 3 || p.exitcode() == 255, 1);
      check(p.exit_status()->known() == (p.exitcode() == 3), 2);
    }
  });
  EXPECT_EQ(code, 0);
}

TEST_P(StartTest, AForkOfTheUsersDisturbsNobody) {
  Channel channel;
  auto p = context().Process([](const Shared& wait) { wait.read_byte(); }, channel.out);
  p.start();
  const pid_t forked = ::fork();
  if (forked == 0) {
    // It may start children of its own, and ends without touching its parent's.
    Process own({.start_method = GetParam()}, [] { ::_exit(7); });
    own.start();
    own.join();
    check(own.exitcode() == 7, 1);
    ::exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(forked, &status, 0), forked);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(p.is_alive());
  channel.in.write_byte();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_P(StartTest, SignalsOfTheUserNeverReachTheSupervisor) {
  static std::atomic<int> elsewhere{0};
  static const pthread_t main_thread = ::pthread_self();
  auto* const before = ::signal(SIGUSR1, [](int) {
    if (::pthread_equal(::pthread_self(), main_thread) == 0) ++elsewhere;
  });
  for (int i = 0; i < 20; ++i) {
    auto p = context().Process(nothing);
    p.start();
    for (int k = 0; k < 20; ++k) ::kill(::getpid(), SIGUSR1);
    p.join();
    EXPECT_EQ(p.exitcode(), 0);
  }
  ::signal(SIGUSR1, before);
  EXPECT_EQ(elsewhere, 0);
}

// ---- ends of parents ----

// Runs in a child that is then killed: starts one daemonic process and one that is not, tells their pids, and waits.
void start_two_and_wait(StartMethod method, const Shared& pids, const Shared& alive, bool in_a_thread) {
  const auto start = [&] {
    for (const bool daemon : {true, false}) {
      Process p(
          {.daemon = daemon, .start_method = method},
          [](const Shared&) {
            for (;;) ::pause();
          },
          alive);
      p.start();
      pids.write_value(*p.pid());
    }
  };
  if (in_a_thread)
    std::thread(start).join();
  else
    start();
  for (;;) ::pause();
}

class ParentTest : public ::testing::TestWithParam<std::tuple<StartMethod, bool>> {};
INSTANTIATE_TEST_SUITE_P(Under, ParentTest, ::testing::Combine(all_start_methods, ::testing::Bool()));

TEST_P(ParentTest, DaemonsDieWithAKilledParentAndOthersLiveOn) {
  const auto [method, in_a_thread] = GetParam();
  Channel pids;
  Channel alive;
  Process parent(start_two_and_wait, method, pids.in, alive.in, in_a_thread);
  parent.start();
  const auto daemon = pids.out.read_value<pid_t>();
  const auto other = pids.out.read_value<pid_t>();
  const os::Descriptor watch_daemon(static_cast<int>(::syscall(SYS_pidfd_open, daemon, 0)));
  ASSERT_TRUE(watch_daemon);
  pollfd entry{watch_daemon.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0) << "its starting thread has ended, its parent has not";
  parent.kill();
  parent.join();
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1) << "a daemon outlives its killed parent";
  EXPECT_EQ(::kill(other, 0), 0);
  ::kill(other, SIGKILL);
  alive.in.close();
  EXPECT_FALSE(alive.out.read_byte()) << "somebody is left";
}

TEST_P(ParentTest, AtTheEndOfTheParentDaemonsAreEndedAndOthersWaitedFor) {
  const auto [method, in_child] = GetParam();
  if (!in_child && method != StartMethod::fork) GTEST_SKIP() << "exit() in a started child is enough once";
  Channel go;
  Channel told;
  Process parent(
      [](StartMethod start_method, const Shared& wait, const Shared& tell) {
        Process daemon(
            {.daemon = true, .start_method = start_method},
            [](const Shared&) {
              for (;;) ::pause();
            },
            tell);
        Process other(
            {.start_method = start_method},
            [](const Shared& gate, const Shared& out) {
              gate.read_byte();
              out.write_byte();
            },
            wait, tell);
        daemon.start();
        other.start();
      },
      method, go.out, told.in);
  parent.start();
  EXPECT_FALSE(parent.join(20ms)) << "it has not waited for its child";
  go.in.write_byte();
  parent.join();
  EXPECT_EQ(parent.exitcode(), 0);
  told.in.close();
  EXPECT_TRUE(told.out.read_byte());
  EXPECT_FALSE(told.out.read_byte()) << "the daemon is left";
}

// ---- the fork server ----

TEST(ForkServer, IsMadeAgainWhenItWasKilledWhileIdle) {
  for (int i = 0; i < 5; ++i) {
    const pid_t server = start_and_pid_of_server();
    ASSERT_GT(server, 0);
    ::kill(server, SIGKILL);
    // What it had made in advance is used up first.
    int starts = 1;
    while (start_and_pid_of_server() == server) ASSERT_LE(++starts, 3);
  }
  process::State::current().supervisor().run([] {});
  EXPECT_LE(children_of(::getpid()).size(), 2u) << "more than a server and a spare child";
}

TEST(ForkServer, KilledInTheMiddleCostsNoChildAndMakesNoneTwice) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "the build has no crash points";
  for (const char* point : {"process.server.asked:3", "process.server.made:3"}) {
    const int code = exit_code_of([point] {
      ::setenv("PROCYON_CRASH_AT", point, 1);
      Channel channel;
      for (int i = 0; i < 10; ++i) {  // each server dies at its third request
        auto p = get_context("forkserver").Process([](const Shared& out) { out.write_byte(); }, channel.in);
        p.start();
        p.join();
        check(p.exitcode() == 0 || p.exitcode() == 255, 1);
      }
      channel.in.close();
      check(channel.out.read_all().size() == 10, 2);
    });
    EXPECT_EQ(code, 0) << point;
  }
}

TEST(ForkServer, KilledAtAnyTimeUnderLoadCostsNoChild) {
  std::atomic<bool> stop{false};
  std::thread killer([&] {
    while (!stop) {
      if (const auto server = process::State::current().fork_server().pid()) ::kill(*server, SIGKILL);
      std::this_thread::yield();
    }
  });
  Channel channel;
  int started = 0;
  const int rounds = server_forks ? 20 : 100;
  for (int i = 0; i < rounds; ++i) {
    auto p = get_context("forkserver").Process([](const Shared& out) { out.write_byte(); }, channel.in);
    try {
      p.start();
    } catch (const std::runtime_error&) {
      continue;  // killed five times in a row, or before it was ready: said, and no child
    }
    p.join();
    EXPECT_EQ(p.exit_status()->code.value_or(0), 0);
    ++started;
  }
  stop = true;
  killer.join();
  channel.in.close();
  EXPECT_EQ(channel.out.read_all().size(), static_cast<std::size_t>(started));
}

TEST(ForkServer, ThatDiesInItsRehearsalLeavesNothing) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "the build has no crash points";
  const int code = exit_code_of([] {
    ::setenv("PROCYON_CRASH_AT", "process.child.took_record", 1);
    auto p = get_context("forkserver").Process(nothing);
    const std::size_t used = arena::Session::current().used_bytes();
    try {
      p.start();
      ::_exit(1);
    } catch (const std::runtime_error& error) {
      check(std::string(error.what()).find("ended before it was ready (signal 9 (SIGKILL))") !=
                std::string::npos,
            2);
    }
    arena::Session::current().verify();
    check(arena::Session::current().used_bytes() == used, 3);
    ::unsetenv("PROCYON_CRASH_AT");
    p.start();
    p.join();
    check(p.exitcode() == 0, 4);
  });
  EXPECT_EQ(code, 0);
}

TEST(ForkServer, ThatDiesAtEachRequestIsGivenUp) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "the build has no crash points";
  const int code = exit_code_of([] {
    ::setenv("PROCYON_CRASH_AT", "process.server.asked", 1);
    auto p = get_context("forkserver").Process(nothing);
    try {
      p.start();
      ::_exit(1);
    } catch (const std::runtime_error& error) {
      check(std::string(error.what()).find("the fork server died 5 times") != std::string::npos, 2);
    }
    ::unsetenv("PROCYON_CRASH_AT");
    p.start();
    p.join();
    check(p.exitcode() == 0, 3);
  });
  EXPECT_EQ(code, 0);
}

TEST(ForkServer, EndsWithItsProcess) {
  Channel told;
  auto parent = get_context(fork).Process([&] {
    told.in.write_value(start_and_pid_of_server());
    for (;;) ::pause();
  });
  parent.start();
  const auto server = told.out.read_value<pid_t>();
  const os::Descriptor watch(static_cast<int>(::syscall(SYS_pidfd_open, server, 0)));
  ASSERT_TRUE(watch);
  parent.kill();
  parent.join();
  pollfd entry{watch.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1) << "a fork server outlives its process";
}

// ---- the rest ----

TEST(Fork, WarnsOnceWhenThereAreOtherThreads) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer does not know threads of a forked child from the parent's";
#endif
  const int code = exit_code_of([] {
    Channel wait;
    std::thread other([&] { wait.out.read_byte(); });
    Captured errors(STDERR_FILENO);
    for (int i = 0; i < 2; ++i) {
      auto p = get_context(fork).Process(nothing);
      p.start();
      p.join();
    }
    const std::string text = errors.text();
    wait.in.write_byte();
    other.join();
    check(text.find("procyon: warning: this process has 2 threads and forks") == 0, 1);
    check(std::count(text.begin(), text.end(), '\n') == 1, 2);
  });
  EXPECT_EQ(code, 0);
}

TEST(Supervisor, DoesJobsAndThrowsWhatTheyThrow) {
  process::Supervisor& supervisor = process::State::current().supervisor();
  bool there = false;
  supervisor.run([&] { there = supervisor.is_this_thread(); });
  EXPECT_TRUE(there);
  EXPECT_FALSE(supervisor.is_this_thread());
  EXPECT_THROW(supervisor.run([] { throw std::runtime_error("from there"); }), std::runtime_error);
}

}  // namespace
}  // namespace procyon
