// The harness proves itself: it must find planted bugs, at the right places, and find none in correct code.
#include "stepper.hpp"

#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "recording.hpp"
#include "shared_page.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;
using Where = KillPoint::Where;

Options full() {
  Options options;
  options.budget.reset();
  return options;
}

Options with_budget(std::size_t budget) {
  Options options;
  options.budget = budget;
  return options;
}

class Stepper : public testing::Test {
 protected:
  void SetUp() override {
    if (stepping_unavailable()) GTEST_SKIP() << *stepping_unavailable();
  }
};

struct Pair {
  std::atomic<std::uint32_t> first;
  std::atomic<std::uint32_t> second;
};

// What it must find ---------------------------------------------------------------------------------------------

TEST_F(Stepper, FindsTwoWordsThatAreNotUpdatedAsOne) {
  SharedPage<Pair> pair;
  const Scenario scenario{
      .name = "broken pair",
      .prepare = [&] { pair.reset(); },
      .victim =
          [&] {
            begin_window();
            pair->first.fetch_add(1, std::memory_order_relaxed);
            pair->second.fetch_add(1, std::memory_order_relaxed);
            end_window();
          },
      .check = [&](const KillPoint&) { EXPECT_EQ(pair->first.load(), pair->second.load()); }};
  for (const Options& options : {full(), with_budget(3)}) {
    const KillReport report = kill_at_every_instruction(scenario, options);
    ASSERT_FALSE(report.ok());
    for (const KillFailure& failure : report.failures) {
      EXPECT_TRUE(failure.point.killed());
      EXPECT_NE(failure.point.step, 0U) << "nothing had happened yet";
      EXPECT_NE(failure.message.find("pair->second"), std::string::npos) << failure.message;
      EXPECT_NE(failure.point.describe().find("killed after"), std::string::npos) << failure.point.describe();
    }
  }
}

struct Locked {
  std::atomic<pid_t> owner;
  int value;
};

bool try_lock(Locked& lock) {
  pid_t nobody = 0;
  return lock.owner.compare_exchange_strong(nobody, ::getpid());
}

Scenario lock_scenario(const char* name, SharedPage<Locked>& lock, std::function<void()> recover) {
  return {.name = name,
          .prepare = [&] { lock.reset(); },
          .victim =
              [&] {
                begin_window();
                if (try_lock(*lock)) {
                  ++lock->value;
                  lock->owner.store(0);
                }
                end_window();
              },
          .check =
              [&lock, recover](const KillPoint&) {
                recover();
                ASSERT_TRUE(try_lock(*lock)) << "the lock is still held by " << lock->owner.load();
              }};
}

TEST_F(Stepper, FindsALockThatNobodyTakesBack) {
  SharedPage<Locked> lock;
  const KillReport report = kill_at_every_instruction(lock_scenario("lost lock", lock, [] {}), full());
  EXPECT_FALSE(report.ok());
}

TEST_F(Stepper, FindsNothingInALockThatIsTakenBackFromTheDead) {
  SharedPage<Locked> lock;
  const auto recover = [&lock] {
    const pid_t owner = lock->owner.load();
    if (owner != 0 && ::kill(owner, 0) != 0 && errno == ESRCH) lock->owner.store(0);
  };
  const KillReport report = kill_at_every_instruction(lock_scenario("recovered lock", lock, recover), full());
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(report.kills, report.possible);
  EXPECT_EQ(report.diverged, 0U);
  EXPECT_GE(report.shared_effects, 3U);
}

TEST_F(Stepper, ASmallBudgetStillFindsAGapOfOneInstruction) {
  SharedPage<Pair> pair;
  const Scenario scenario{
      .name = "needle",
      .prepare = [&] { pair.reset(); },
      .victim =
          [&] {
            volatile int noise = 0;
            begin_window();
            for (int i = 0; i < 2000; ++i) noise = noise + 1;
            pair->first.store(1, std::memory_order_relaxed);
            pair->second.store(1, std::memory_order_relaxed);
            for (int i = 0; i < 2000; ++i) noise = noise + 1;
            end_window();
          },
      .check = [&](const KillPoint&) { EXPECT_EQ(pair->first.load(), pair->second.load()); }};
  const KillReport report = kill_at_every_instruction(scenario, with_budget(12));
  EXPECT_GT(report.instructions, 4000U);
  EXPECT_EQ(report.failures.size(), 1U);
}

TEST_F(Stepper, ReportsWhatACheckThrows) {
  const Scenario scenario{
      .name = "throwing check",
      .victim =
          [] {
            begin_window();
            end_window();
          },
      .check = [](const KillPoint&) { throw std::runtime_error("the survivor is unhappy"); }};
  Options options = full();
  options.max_failures = 2;
  const KillReport report = kill_at_every_instruction(scenario, options);
  ASSERT_EQ(report.failures.size(), 2U) << "it gives up after max_failures";
  EXPECT_NE(report.failures.front().message.find("the survivor is unhappy"), std::string::npos);
}

// Where it kills ------------------------------------------------------------------------------------------------

TEST_F(Stepper, AfterKInstructionsExactlyKHaveRun) {
  // Each increment is one instruction, so what the survivor reads is the number of the kill point, less a constant.
  SharedPage<std::array<std::atomic<std::uint64_t>, 1>> counter;
  std::vector<std::uint64_t> seen;
  const Scenario scenario{
      .name = "counting",
      .prepare = [&] { counter.reset(); },
      .victim =
          [&] {
            auto* word = &(*counter)[0];
            begin_window();
            asm volatile(".rept 50\n lock incq (%0)\n .endr" ::"r"(word) : "memory", "cc");
            end_window();
          },
      .check = [&](const KillPoint&) { seen.push_back((*counter)[0].load()); }};
  Options options = full();
  options.breakpoints = false;
  kill_at_every_instruction(scenario, options);
  const std::vector<std::uint64_t> stepped = std::exchange(seen, {});
  const KillReport report = kill_at_every_instruction(scenario, full());
  EXPECT_EQ(seen, stepped) << "breakpoints lead elsewhere than steps";
  EXPECT_TRUE(report.ok()) << report;
  ASSERT_EQ(seen.size(), report.instructions + 3);  // before each, after the last, and two runs to the end
  EXPECT_EQ(seen[0], 50U);                          // those come first
  EXPECT_EQ(seen[1], 50U);
  std::vector<std::uint64_t> counts(seen.begin() + 2, seen.end());
  EXPECT_TRUE(std::is_sorted(counts.begin(), counts.end()));
  for (std::uint64_t value = 0; value <= 50; ++value) {
    EXPECT_TRUE(std::find(counts.begin(), counts.end(), value) != counts.end()) << value;
  }
}

TEST_F(Stepper, LoopsAndCopiesAreSteppedThrough) {
  struct Big {
    std::array<char, 6000> bytes;
    std::uint64_t sum;
  };
  SharedPage<Big> big;
  std::vector<char> source(sizeof(Big::bytes), 'x');
  const Scenario scenario{.name = "loops",
                          .prepare = [&] { big.reset(); },
                          .victim =
                              [&] {
                                begin_window();
                                std::memcpy(big->bytes.data(), source.data(), source.size());
                                for (std::size_t i = 0; i < 100; ++i)
                                  big->sum += static_cast<unsigned char>(big->bytes[i]);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                if (!point.killed()) {
                                  EXPECT_EQ(big->sum, 100U * 'x');
                                }
                              }};
  const KillReport report = kill_at_every_instruction(scenario, with_budget(150));
  std::cout << report << std::endl;
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(report.diverged, 0U) << report;
  EXPECT_LE(report.kills, 160U);
}

TEST_F(Stepper, SystemCallsAreKilledAtBothEdges) {
  std::array<int, 2> pipe{-1, -1};
  int entries = 0;
  int exits = 0;
  const auto close_pipe = [&] {
    for (int& end : pipe) {
      if (end >= 0) ::close(end);
      end = -1;
    }
  };
  const Scenario scenario{.name = "write",
                          .prepare =
                              [&] {
                                close_pipe();
                                ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
                              },
                          .victim =
                              [&] {
                                begin_window();
                                const ssize_t written = ::write(pipe[1], "x", 1);
                                end_window();
                                if (written != 1) ::_exit(1);
                              },
                          .check =
                              [&](const KillPoint& point) {
                                char byte = 0;
                                const bool arrived = ::read(pipe[0], &byte, 1) == 1;
                                if (point.where == Where::call_entry) {
                                  ++entries;
                                  EXPECT_EQ(point.call, SYS_write);
                                  EXPECT_NE(point.describe().find("on entry to write"), std::string::npos)
                                      << point.describe();
                                  EXPECT_FALSE(arrived) << "killed before the call ran";
                                }
                                if (point.where == Where::call_exit) {
                                  ++exits;
                                  EXPECT_TRUE(arrived) << "killed after the call ran";
                                }
                              }};
  const KillReport report = kill_at_every_instruction(scenario, full());
  close_pipe();
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(report.system_calls, 1U);
  EXPECT_EQ(entries, 1);
  EXPECT_EQ(exits, 1);
}

TEST_F(Stepper, ACallThatSleepsIsKilledInside) {
  int inside = 0;
  const Scenario scenario{
      .name = "sleep",
      .victim =
          [] {
            begin_window();
            const timespec time{.tv_nsec = 60'000'000};
            ::nanosleep(&time, nullptr);
            end_window();
          },
      .check = [&](const KillPoint& point) { inside += point.where == Where::in_call ? 1 : 0; }};
  const KillReport report = kill_at_every_instruction(scenario, with_budget(10));
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_FALSE(report.blocked);
  EXPECT_EQ(inside, 1);
}

TEST_F(Stepper, ACallThatNeverReturnsEndsTheWindow) {
  SharedPage<std::array<std::uint32_t, 1>> word;
  int inside = 0;
  const Scenario scenario{.name = "blocked",
                          .victim =
                              [&] {
                                begin_window();
                                ::syscall(SYS_futex, word->data(), FUTEX_WAIT, 0, nullptr, nullptr, 0);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                EXPECT_TRUE(point.killed());
                                if (point.where == Where::in_call) {
                                  ++inside;
                                  EXPECT_EQ(point.call, SYS_futex);
                                }
                              }};
  Options options = full();
  options.blocked_after = 100ms;
  const KillReport report = kill_at_every_instruction(scenario, options);
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_TRUE(report.blocked);
  EXPECT_EQ(inside, 2) << "once in each recording run, and not again";
}

TEST_F(Stepper, TheVictimIsGoneWhenTheCheckRuns) {
  SharedPage<std::array<pid_t, 1>> pid;
  char path[] = "/tmp/procyon-stepper-XXXXXX";
  const int file = ::mkostemp(path, O_CLOEXEC);
  ASSERT_GE(file, 0);
  ::unlink(path);
  const Scenario scenario{.name = "gone",
                          .victim =
                              [&] {
                                (*pid)[0] = ::getpid();
                                struct flock lock {};
                                lock.l_type = F_WRLCK;
                                ::fcntl(file, F_SETLK, &lock);
                                begin_window();
                                ::getppid();
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                struct flock lock {};
                                lock.l_type = F_WRLCK;
                                ASSERT_EQ(::fcntl(file, F_GETLK, &lock), 0);
                                EXPECT_EQ(lock.l_type, F_UNLCK) << "its record lock is still there";
                                EXPECT_EQ(::kill((*pid)[0], 0), -1);
                                EXPECT_EQ(errno, ESRCH);
                              }};
  const KillReport report = kill_at_every_instruction(scenario, full());
  ::close(file);
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_GT(report.kills, 3U);
}

// What the victim may do in its window ----------------------------------------------------------------------------

std::atomic<int>* handled = nullptr;

TEST_F(Stepper, SignalsReachTheVictim) {
  SharedPage<std::array<std::atomic<int>, 1>> count;
  handled = count->data();
  const Scenario scenario{.name = "signals",
                          .prepare = [&] { count.reset(); },
                          .victim =
                              [] {
                                ::signal(SIGUSR1, [](int) { handled->fetch_add(1); });
                                begin_window();
                                ::kill(::getpid(), SIGUSR1);
                                ::kill(::getpid(), SIGSTOP);
                                ::kill(::getpid(), SIGUSR1);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                if (!point.killed()) {
                                  EXPECT_EQ(handled->load(), 2);
                                }
                              }};
  const KillReport report = kill_at_every_instruction(scenario, full());
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_GT(report.kills, 20U);
}

/// Adopts what killed victims leave behind, and buries it: not every init does.
class Undertaker {
 public:
  Undertaker() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~Undertaker() {
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }
  Undertaker(const Undertaker&) = delete;
  Undertaker& operator=(const Undertaker&) = delete;
};

TEST_F(Stepper, ChildrenAndThreadsOfTheVictimRunFree) {
  const Undertaker undertaker;
  SharedPage<std::array<std::atomic<int>, 3>> done;
  const Scenario scenario{.name = "children",
                          .prepare = [&] { done.reset(); },
                          .victim =
                              [&] {
                                begin_window();
                                pid_t child = ::fork();
                                if (child == 0) {
                                  (*done)[0].store(1);
                                  ::_exit(0);
                                }
                                ::waitpid(child, nullptr, 0);
                                std::thread([&] { (*done)[1].store(1); }).join();
                                child = ::vfork();
                                if (child == 0) ::_exit(0);
                                int status = -1;
                                if (::waitpid(child, &status, 0) == child && status == 0) (*done)[2].store(1);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                if (point.killed()) return;
                                for (const auto& one : *done) EXPECT_EQ(one.load(), 1);
                              }};
  const KillReport report = kill_at_every_instruction(scenario, with_budget(100));
  EXPECT_TRUE(report.ok()) << report;
}

TEST_F(Stepper, AWindowMayEndWithTheProcess) {
  const Scenario leaves{.name = "exit",
                        .victim =
                            [] {
                              begin_window();
                              ::_exit(0);
                            },
                        .check = [](const KillPoint&) {}};
  const KillReport left = kill_at_every_instruction(leaves, full());
  EXPECT_TRUE(left.ok()) << left;
  EXPECT_GT(left.kills, 2U);

  const Scenario becomes{.name = "exec",
                         .victim =
                             [] {
                               begin_window();
                               ::execl("/bin/true", "true", nullptr);
                               ::_exit(1);
                             },
                         .check = [](const KillPoint&) {}};
  const KillReport became = kill_at_every_instruction(becomes, full());
  EXPECT_TRUE(became.ok()) << became;
  EXPECT_GT(became.kills, 2U);
}

TEST_F(Stepper, AVictimThatTakesAnotherPathEachTimeIsKilledAllTheSame) {
  SharedPage<std::array<std::atomic<unsigned>, 1>> page;
  const Scenario scenario{.name = "erratic",
                          .victim =
                              [&] {
                                volatile unsigned noise = 0;
                                const unsigned run = (*page)[0].fetch_add(1);
                                begin_window();
                                if (run % 3 == 0) {
                                  for (unsigned i = 0; i < 10; ++i) noise = noise + i;
                                } else {
                                  ::getppid();
                                }
                                end_window();
                              },
                          .check = [&](const KillPoint&) {}};
  const KillReport report = kill_at_every_instruction(scenario, full());
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_GT(report.diverged, 0U);
  EXPECT_GE(report.kills + report.finished_early, 10U) << report;
}

TEST_F(Stepper, AWindowThatIsTooLongIsCut) {
  const Scenario scenario{.name = "endless",
                          .victim =
                              [] {
                                volatile int noise = 0;
                                begin_window();
                                for (;;) noise = noise + 1;
                              },
                          .check = [](const KillPoint& point) { EXPECT_TRUE(point.killed()); }};
  Options options = with_budget(20);
  options.max_instructions = 1000;
  const KillReport report = kill_at_every_instruction(scenario, options);
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_TRUE(report.cut);
}

// Mistakes of a scenario ------------------------------------------------------------------------------------------

std::string complaint_about(const std::function<void()>& victim) {
  try {
    kill_at_every_instruction({.name = "mistaken", .victim = victim, .check = [](const KillPoint&) {}},
                              full());
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "none";
}

TEST_F(Stepper, MistakesAreToldInASentence) {
  EXPECT_NE(complaint_about([] {}).find("never called begin_window(): it exited with code 0"),
            std::string::npos);
  EXPECT_NE(complaint_about([] { throw std::runtime_error("planted"); }).find("exited with code 86"),
            std::string::npos);
  EXPECT_NE(complaint_about([] {
              begin_window();
              ::raise(SIGSEGV);
              end_window();
            }).find("was killed by signal 11"),
            std::string::npos);
  EXPECT_NE(complaint_about({}).find("needs a victim"), std::string::npos);
}

TEST_F(Stepper, TheBudgetComesFromTheEnvironment) {
  const auto options_with = [](const char* value) {
    ::setenv("PROCYON_KILL_BUDGET", value, 1);
    return Options::from_environment();
  };
  const char* before = std::getenv("PROCYON_KILL_BUDGET");
  const std::string kept = before != nullptr ? before : "";
  EXPECT_EQ(options_with("").budget, 400U);
  EXPECT_EQ(options_with("17").budget, 17U);
  EXPECT_EQ(options_with("full").budget, std::nullopt);
  EXPECT_THROW(options_with("some"), std::invalid_argument);
  EXPECT_THROW(options_with("-1"), std::invalid_argument);
  ::setenv("PROCYON_KILL_BUDGET", kept.c_str(), 1);
}

TEST_F(Stepper, AVictimThatHangsIsTold) {
  Options options = full();
  options.watchdog = 100ms;
  const Scenario scenario{
      .name = "never begins", .victim = [] { ::pause(); }, .check = [](const KillPoint&) {}};
  EXPECT_THROW(kill_at_every_instruction(scenario, options), std::logic_error);
}

TEST_F(Stepper, ACheckThatHangsEndsTheProgramWithASentence) {
  Options options = full();
  options.watchdog = 100ms;
  const Scenario scenario{.name = "hanging check",
                          .victim =
                              [] {
                                begin_window();
                                end_window();
                              },
                          .check =
                              [](const KillPoint& point) {
                                while (point.killed()) ::pause();
                              }};
  EXPECT_DEATH(kill_at_every_instruction(scenario, options),
               "check\\(\\) of the scenario hanging check after a kill at step 0 took longer");
}

TEST_F(Stepper, AsATestItFailsForEachKillThatWasNotSurvived) {
  static SharedPage<Pair> pair;
  static const Scenario scenario{
      .name = "as a test",
      .prepare = [] { pair.reset(); },
      .victim =
          [] {
            begin_window();
            pair->first.store(1, std::memory_order_relaxed);
            pair->second.store(1, std::memory_order_relaxed);
            end_window();
          },
      .check = [](const KillPoint&) { EXPECT_EQ(pair->first.load(), pair->second.load()); }};
  Scenario correct = scenario;
  correct.check = [](const KillPoint&) { EXPECT_GE(pair->first.load(), pair->second.load()); };
  expect_survives_every_kill(correct);
  static Options options = full();
  options.max_failures = 1;
  EXPECT_NONFATAL_FAILURE(expect_survives_every_kill(scenario, options), "as a test, killed after");
}

// The choice of points --------------------------------------------------------------------------------------------

Recording recording_of(std::size_t size) {
  Recording recording;
  for (std::size_t i = 0; i < size; ++i) recording.steps.push_back({.address = 0x1000 + i});
  return recording;
}

bool contains(const Targets& targets, const Target& target) {
  return std::find(targets.begin(), targets.end(), target) != targets.end();
}

TEST(KillPlan, TakesWhatMattersFirstAndKeepsToItsBudget) {
  Recording recording = recording_of(10'000);
  recording.steps[3'333].call = SYS_futex;
  recording.steps[4'444].call = SYS_nanosleep;
  recording.steps[4'444].slept = true;
  recording.steps[5'555].locked = true;
  recording.steps[6'666].shared_store = true;
  const auto targets = choose_targets(recording, 50);
  EXPECT_LE(targets.size(), 50U);
  EXPECT_GE(targets.size(), 45U);
  EXPECT_TRUE(std::is_sorted(targets.begin(), targets.end()));
  for (const Target& needed :
       {Target{0, Where::instruction}, Target{10'000, Where::instruction}, Target{3'333, Where::call_entry},
        Target{3'333, Where::call_exit}, Target{4'444, Where::in_call}, Target{5'556, Where::instruction},
        Target{6'667, Where::instruction}}) {
    EXPECT_TRUE(contains(targets, needed)) << needed.step;
  }
}

TEST(KillPlan, SystemCallsAreTakenEvenBeyondTheBudget) {
  Recording recording = recording_of(100);
  for (auto& step : recording.steps) step.call = SYS_getpid;
  EXPECT_EQ(choose_targets(recording, 10).size(), 202U);  // two edges each, first and last instruction
}

TEST(KillPlan, WithoutABudgetEveryInstructionIsTakenAndRepeatedOnesStandForThemselves) {
  Recording recording = recording_of(100);
  EXPECT_EQ(choose_targets(recording, std::nullopt).size(), 101U);
  for (std::size_t i = 10; i < 90; ++i) recording.steps[i].address = 0x5000;
  EXPECT_EQ(choose_targets(recording, std::nullopt).size(), 10U + 4 + 10 + 1);
}

TEST(KillPlan, AnAnchorIsTheFirstPassageOfItsInstruction) {
  Recording recording = recording_of(4);
  recording.steps[2].address = recording.steps[1].address;  // back again
  EXPECT_EQ(recording.anchors(), (std::pmr::vector<std::size_t>{0, 1, 1, 3, 4}));
}

// The recorder ----------------------------------------------------------------------------------------------------

struct Canvas {
  std::array<unsigned char, 3000> bytes;
  std::atomic<std::uint64_t> word;
  std::array<double, 4> numbers;
  std::uint8_t small;
};

void paint(Canvas& canvas, const std::vector<unsigned char>& source) {
  for (const std::size_t size : {1, 7, 16, 33, 100, 255, 600, 2900}) {
    std::memcpy(canvas.bytes.data(), source.data() + 5, size);
    std::memset(canvas.bytes.data() + 3, static_cast<int>(size), size);
    std::memmove(canvas.bytes.data() + 1, canvas.bytes.data(), size);
  }
  canvas.word.store(1);
  canvas.word.store(2, std::memory_order_relaxed);
  canvas.word.exchange(3);
  canvas.word.fetch_add(4);
  canvas.word.fetch_or(0x100);
  std::uint64_t expected = canvas.word.load();
  canvas.word.compare_exchange_strong(expected, 9);
  for (double& number : canvas.numbers) number += 1.5;
  canvas.small ^= 0x81;
  canvas.small = canvas.small == canvas.bytes[0] ? 1 : 7;
}

TEST_F(Stepper, NoticesEveryStoreToSharedMemory) {
  SharedPage<Canvas> canvas;
  std::vector<unsigned char> source(4000);
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<unsigned char>(i * 7 + i / 256);
  Tracee tracee(
      [&] {
        begin_window();
        paint(*canvas, source);
        end_window();
      },
      10s);
  ASSERT_EQ(tracee.run_to_window(), Stop::stepped);
  std::vector<unsigned char> before(sizeof(Canvas));
  std::size_t changes = 0;
  const Recording recording = record(tracee, Options{}, [&](const Recording& so_far) {
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): every byte counts, those between members too
    if (std::memcmp(before.data(), &*canvas, sizeof(Canvas)) == 0) return;
    ++changes;
    EXPECT_TRUE(so_far.steps.back().shared_store)
        << "step " << so_far.steps.size() << " at " << std::hex << so_far.steps.back().address;
    std::memcpy(before.data(), static_cast<const void*>(&*canvas), sizeof(Canvas));
  });
  EXPECT_EQ(recording.ending, Recording::Ending::reached_end);
  EXPECT_GT(changes, 50U);
  tracee.run_to_own_end();
  EXPECT_TRUE(tracee.ended_well());
}

}  // namespace
}  // namespace procyon::crash
