#include "procyon/process.hpp"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "process/test_support.hpp"
#include "procyon/value.hpp"

namespace procyon {
namespace {

using namespace testing;

int global = 100;

void nothing() {}
void wait_for_ever() {
  for (;;) ::pause();
}

class ProcessTest : public UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, ProcessTest, all_start_methods, name_of_start_method);

TEST_P(ProcessTest, ExitsWithZeroWhenItsTargetReturns) {
  auto p = context().Process([](int, const std::string&) { return 7; }, 1, "text");
  EXPECT_FALSE(p.is_alive());
  EXPECT_EQ(p.pid(), std::nullopt);
  EXPECT_EQ(p.exitcode(), std::nullopt);
  p.start();
  EXPECT_GT(p.pid(), 0);
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_FALSE(p.is_alive());
}

TEST_P(ProcessTest, GetsItsArguments) {
  Channel channel;
  auto p = context().Process(
      [](const Shared& out, const std::string& text, const std::vector<int>& numbers) {
        out.write_value(std::accumulate(numbers.begin(), numbers.end(), static_cast<int>(text.size())));
      },
      channel.in, "four", std::vector<int>{1, 2, 3});
  p.start();
  p.join();
  EXPECT_EQ(channel.out.read_value<int>(), 10);
}

TEST_P(ProcessTest, GetsArgumentsOfAnySize) {
  auto p = context().Process(
      [](const std::vector<char>& bytes) {
        ::_exit(bytes.size() == 5'000'000 && bytes.back() == 'x' ? 7 : 1);
      },
      std::vector<char>(5'000'000, 'x'));
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ProcessTest, SharesWhatIsMadeToBeShared) {
  Value<int> counter(1);
  auto p = context().Process([](const Value<int>& value) { value.with([](int& n) { n += 41; }); }, counter);
  p.start();
  p.join();
  EXPECT_EQ(counter.value(), 42);
}

TEST_P(ProcessTest, KeepsAliveASharedObjectThatItsParentHasDropped) {
  Channel channel;
  auto p = [&] {
    Value<int> value(42);
    return context().Process([](const Value<int>& v, const Shared& out) { out.write_value(v.value()); },
                             value, channel.in);
  }();
  p.start();
  p.join();
  EXPECT_EQ(channel.out.read_value<int>(), 42);
}

TEST_P(ProcessTest, ChangesNothingInItsParent) {
  auto p = context().Process([] { global = 7; });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_EQ(global, 100);
}

TEST_P(ProcessTest, ExitCodesAreThoseOfExit) {
  for (const int code : {0, 3, 255, 256 + 7}) {
    auto p = context().Process([](int n) { ::exit(n); }, code);
    p.start();
    p.join();
    EXPECT_EQ(p.exitcode(), code % 256);
    EXPECT_EQ(p.exit_status()->code, code % 256);
  }
}

TEST_P(ProcessTest, ASignalThatEndsItIsToldAsANegativeNumber) {
  auto p = context().Process([] { ::raise(SIGKILL); });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), -SIGKILL);
  EXPECT_EQ(p.exit_status()->signal, SIGKILL);
  EXPECT_EQ(p.exit_status()->describe(), "signal 9 (SIGKILL)");
}

TEST_P(ProcessTest, AnUncaughtExceptionIsDescribedOnStderrAndEndsItWithOne) {
  Captured errors(STDERR_FILENO);
  auto p = context().Process({.name = "calc-1"}, [] { throw std::runtime_error("no such file"); });
  p.start();
  p.join();
  const std::string text = errors.text();
  EXPECT_EQ(p.exitcode(), 1);
  EXPECT_NE(
      text.find("Process calc-1 (pid " + std::to_string(*p.pid()) + "): std::runtime_error: no such file"),
      std::string::npos)
      << text;
}

TEST_P(ProcessTest, ItsOutputIsFlushed) {
  Captured output(STDOUT_FILENO);
  auto p = context().Process([] { ::printf("from the child"); });
  p.start();
  p.join();
  EXPECT_EQ(output.text(), "from the child");
}

TEST_P(ProcessTest, ReadsNothingFromItsParentsInput) {
  auto p = context().Process([] {
    char byte = 0;
    ::_exit(::read(STDIN_FILENO, &byte, 1) == 0 ? 7 : 1);
  });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ProcessTest, KnowsWhoItIs) {
  auto p = context().Process(
      {.name = "calc-1", .daemon = true},
      [](pid_t parent) {
        check(current_process().name() == "calc-1", 1);
        check(current_process().pid() == ::getpid(), 2);
        check(current_process().daemon(), 3);
        check(parent_process()->name() == "MainProcess", 4);
        check(parent_process()->pid() == parent, 5);
        check(parent_process()->is_alive(), 6);
        check(!parent_process()->join(0s), 7);
      },
      ::getpid());
  EXPECT_EQ(p.name(), "calc-1");
  EXPECT_TRUE(p.daemon());
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_EQ(current_process().name(), "MainProcess");
  EXPECT_FALSE(parent_process());
}

TEST_P(ProcessTest, IsNamedAfterItsPlaceAmongTheProcesses) {
  auto p = context().Process([] {
    Process child(nothing);
    check(current_process().name() + ":1" == child.name(), 1);
    child.start();
    child.join();
    check(child.exitcode() == 0, 2);
  });
  EXPECT_EQ(p.name().rfind("Process-", 0), 0u);
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_P(ProcessTest, JoinTellsWhetherItHasEnded) {
  auto p = context().Process(wait_for_ever);
  p.start();
  EXPECT_TRUE(p.is_alive());
  EXPECT_FALSE(p.join(1ms));
  EXPECT_FALSE(p.join(0s));
  EXPECT_FALSE(p.join(-1s));
  EXPECT_EQ(p.exitcode(), std::nullopt);
  p.kill();
  EXPECT_TRUE(p.join(10s));
  EXPECT_TRUE(p.join(0s));
  p.join();
  EXPECT_EQ(p.exitcode(), -SIGKILL);
}

TEST_P(ProcessTest, CanBeInterruptedTerminatedAndKilled) {
  // A shell that runs this in the background has it ignore SIGINT, which children inherit.
  auto* const interrupt_before = ::signal(SIGINT, SIG_DFL);
  auto* const terminate_before = ::signal(SIGTERM, SIG_DFL);
  using Stop = void (Process::*)();
  for (const auto& [stop, signal] : {std::pair<Stop, int>{&Process::interrupt, SIGINT},
                                     {&Process::terminate, SIGTERM},
                                     {&Process::kill, SIGKILL}}) {
    auto p = context().Process(wait_for_ever);
    p.start();
    (p.*stop)();
    p.join();
    EXPECT_EQ(p.exitcode(), -signal);
    (p.*stop)();  // no effect on one that has ended
  }
  ::signal(SIGINT, interrupt_before);
  ::signal(SIGTERM, terminate_before);
}

TEST_P(ProcessTest, ItsSentinelIsReadableOnceItHasEnded) {
  auto p = context().Process(wait_for_ever);
  p.start();
  pollfd entry{p.sentinel(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  p.kill();
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1);
  EXPECT_FALSE(p.is_alive());
  EXPECT_EQ(::poll(&entry, 1, 0), 1);
}

TEST_P(ProcessTest, StartsWhereItsParentIsNow) {
  char directory[] = "/tmp/procyon-test-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const auto before = std::filesystem::current_path();
  const mode_t umask_before = ::umask(027);
  std::filesystem::current_path(directory);
  auto* const usr1_before = ::signal(SIGUSR1, SIG_IGN);
  auto p = context().Process(
      [](const std::string& expected) {
        check(std::filesystem::current_path() == expected, 1);
        check(::umask(0) == 027, 2);
        struct sigaction action {};
        ::sigaction(SIGUSR1, nullptr, &action);
        check(action.sa_handler == SIG_IGN, 3);
      },
      std::filesystem::current_path().string());
  p.start();
  ::signal(SIGUSR1, usr1_before);
  std::filesystem::current_path(before);
  ::umask(umask_before);
  p.join();
  std::filesystem::remove(directory);
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_P(ProcessTest, BlocksTheSignalsThatItsStarterBlocks) {
  const auto blocks = [] {
    sigset_t set;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &set);
    return ::sigismember(&set, SIGUSR1) == 1 && ::sigismember(&set, SIGTERM) == 0;
  };
  sigset_t usr1;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  auto p = context().Process([](auto check_mask) { ::_exit(check_mask() ? 7 : 1); }, blocks);
  p.start();
  ::pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ProcessTest, ItsParentIsTheProcessThatStartedIt) {
  if (server_forks && GetParam() == StartMethod::forkserver) GTEST_SKIP() << "here the fork server is";
  auto p = context().Process([](pid_t parent) { ::_exit(::getppid() == parent ? 7 : 1); }, ::getpid());
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ProcessTest, InheritsNoDescriptorsButItsOwn) {
  if (GetParam() == StartMethod::fork) GTEST_SKIP() << "a forked child has everything";
  const os::Descriptor null(::open("/dev/null", O_RDONLY));
  const os::Descriptor leaked(::fcntl(null.get(), F_DUPFD, 500));  // without close-on-exec
  auto p = context().Process([](int number) { ::_exit(::fcntl(number, F_GETFD) < 0 ? 7 : 1); }, leaked.get());
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ProcessTest, ManyRunSideBySide) {
  Channel go;
  Channel done;
  std::vector<Process> processes;
  for (int i = 0; i < 10; ++i) {
    processes.push_back(context().Process(
        [](const Shared& wait, const Shared& tell) {
          wait.read_byte();
          tell.write_byte();
        },
        go.out, done.in));
    processes.back().start();
  }
  EXPECT_EQ(active_children().size(), 10u);
  for (int i = 0; i < 10; ++i) go.in.write_byte();
  for (auto& p : processes) {
    p.join();
    EXPECT_EQ(p.exitcode(), 0);
    EXPECT_TRUE(done.out.read_byte());
  }
  EXPECT_TRUE(active_children().empty());
}

TEST_P(ProcessTest, CanBeDestroyedWhileItRuns) {
  Channel channel;
  {
    auto p = context().Process([](const Shared& wait) { wait.read_byte(); }, channel.out);
    p.start();
  }
  auto children = active_children();
  ASSERT_EQ(children.size(), 1u);
  channel.in.write_byte();
  children[0].join();
  EXPECT_EQ(children[0].exitcode(), 0);
}

TEST_P(ProcessTest, UsesProcessorTimeAndMemoryThatAreTold) {
  auto p = context().Process([] {
    const std::vector<char> memory(32 << 20, 'x');
    volatile std::size_t sum = 0;
    for (int round = 0; round < 20; ++round)
      for (const char c : memory) sum = sum + static_cast<std::size_t>(c);
  });
  p.start();
  p.join();
  EXPECT_GT(p.exit_status()->processor_time().count(), 0);
  EXPECT_GT(p.exit_status()->peak_memory, 32u << 20);
}

// ---- misuse: a sentence, and nothing is lost ----

TEST_P(ProcessTest, StartingTwiceIsMisuse) {
  auto p = context().Process({.name = "calc-1"}, nothing);
  p.start();
  EXPECT_EQ(misuse([&] { p.start(); }),
            "start: process 'calc-1' has been started already; make another Process");
  p.join();
  EXPECT_NE(misuse([&] { p.start(); }), "");
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_P(ProcessTest, JoiningOrSignallingBeforeTheStartIsMisuse) {
  auto p = context().Process({.name = "calc-1"}, nothing);
  EXPECT_EQ(misuse([&] { p.join(); }), "join: process 'calc-1' has not been started; call start() first");
  EXPECT_NE(misuse([&] { p.terminate(); }), "");
  EXPECT_NE(misuse([&] { (void)p.sentinel(); }), "");
  p.start();
  p.join();
}

TEST_P(ProcessTest, NameMayChangeAndDaemonOnlyBeforeTheStart) {
  auto p = context().Process(nothing);
  p.set_name("another");
  p.set_daemon(true);
  EXPECT_EQ(p.name(), "another");
  p.start();
  EXPECT_EQ(misuse([&] { p.set_daemon(false); }),
            "set_daemon: process 'another' has been started already; set it before start()");
  p.join();
}

TEST_P(ProcessTest, ClosingWhileItRunsIsMisuseAndAfterwardsOnlyTheNameIsLeft) {
  auto p = context().Process({.name = "calc-1"}, wait_for_ever);
  p.start();
  EXPECT_EQ(misuse([&] { p.close(); }),
            "close: process 'calc-1' is still running; join() it first, or terminate() it");
  p.kill();
  p.join();
  p.close();
  p.close();
  EXPECT_EQ(p.name(), "calc-1");
  for (const std::function<void()>& use : std::vector<std::function<void()>>{
           [&] { p.start(); }, [&] { p.join(); }, [&] { (void)p.is_alive(); }, [&] { p.terminate(); },
           [&] { p.kill(); }, [&] { (void)p.exitcode(); }, [&] { (void)p.pid(); },
           [&] { (void)p.sentinel(); }})
    EXPECT_NE(misuse(use).find("process 'calc-1' is closed; only its name is left"), std::string::npos);
}

TEST_P(ProcessTest, ADaemonicProcessMayNotStartOthers) {
  auto p = context().Process({.daemon = true}, [] {
    const std::string sentence = misuse([] { Process(nothing).start(); });
    ::_exit(sentence.find("daemonic processes may not have children") != std::string::npos ? 7 : 1);
  });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ProcessTest, OnlyItsMakerMayUseIt) {
  auto p = context().Process({.name = "calc-1"}, wait_for_ever);
  p.start();
  auto other = get_context(fork).Process([&] {
    check(misuse([&] { p.join(); }) ==
              "join: process 'calc-1' is not a child of this process; only the process that made it may do "
              "that",
          1);
    check(misuse([&] { (void)p.is_alive(); }) != "", 2);
    check(misuse([&] { p.kill(); }) != "", 3);
    check(active_children().empty(), 4);
  });
  other.start();
  other.join();
  EXPECT_EQ(other.exitcode(), 0);
  EXPECT_TRUE(p.is_alive());
  p.kill();
  p.join();
}

TEST(ProcessMisuse, AMovedFromOneSaysSo) {
  Process p(nothing);
  Process q(std::move(p));
  EXPECT_EQ(misuse([&] { p.start(); }),  // NOLINT(bugprone-use-after-move): the subject
            "start: this Process has been moved from; nothing is left in it");
}

// ---- contexts ----

TEST(Context, AForkedOneMayCaptureAnything) {
  int seed = 42;
  auto owned = std::make_unique<int>(1);
  auto p = get_context(fork).Process([&seed](std::unique_ptr<int> number) { ::_exit(seed + *number); },
                                     std::move(owned));
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 43);
}

TEST(Context, ThereAreThreeStartMethodsAndTheDefaultComesFirst) {
  EXPECT_EQ(get_all_start_methods(), (std::vector<std::string>{"forkserver", "spawn", "fork"}));
  EXPECT_THROW(get_context("zz"), std::invalid_argument);
  EXPECT_THROW(set_start_method("zz"), std::invalid_argument);
}

TEST(Context, TheStartMethodIsChosenOnce) {
  auto p = get_context(fork).Process([] {
    set_start_method("spawn", true);
    check(get_start_method() == "spawn", 1);
    check(misuse([] { set_start_method("fork"); }) ==
              "set_start_method: the start method is spawn already, set or used before; set it once, at the "
              "start of main",
          2);
    Process child([] { ::_exit(get_start_method() == "spawn" ? 7 : 1); });
    child.start();
    child.join();
    check(child.exitcode() == 7, 3);
  });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

TEST(CpuCount, FollowsItsVariableDownwards) {
  const int usable = cpu_count();
  EXPECT_GE(usable, 1);
  ::setenv("PROCYON_MAX_WORKERS", "1", 1);
  EXPECT_EQ(cpu_count(), 1);
  ::setenv("PROCYON_MAX_WORKERS", "1000000", 1);
  EXPECT_EQ(cpu_count(), usable);
  ::setenv("PROCYON_MAX_WORKERS", "nonsense", 1);
  EXPECT_EQ(cpu_count(), usable);
  ::unsetenv("PROCYON_MAX_WORKERS");
}

}  // namespace
}  // namespace procyon
