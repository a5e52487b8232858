// Signals that ask a program with a pool to end. Each program is a process of its own, in a group of its own, as a terminal
// would start it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/interrupt.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::size_t workers = 2;

/// A task that tells its worker's pid and ends when it is let go.
int hold(Queue<pid_t> begun, const Event& go, int number) {
  begun.put(::getpid());
  go.wait();
  return number;
}
void hang_in_a_pool(Pool& pool, const Queue<pid_t>& begun, const Event& go) {
  pool.map({.chunksize = 1}, partial(hold, begun, go), numbers_to(workers));
}

/// What ends as programs do that have a message for it.
[[noreturn]] void run_guarded(InterruptOptions options, const std::function<void()>& body) {
  int code = 0;
  {
    const InterruptGuard guard(options);
    try {
      body();
    } catch (const Interrupted& stop) {
      std::fprintf(stderr, "%s\n", stop.what());
      code = stop.exit_code();
    }
  }
  std::exit(code);
}

void guarded_program(const Queue<pid_t>& begun, const Event& go, std::chrono::milliseconds drain) {
  ::setpgid(0, 0);
  run_guarded({.drain = drain}, [&] {
    Pool pool({.processes = workers});
    hang_in_a_pool(pool, begun, go);
    pool.apply(square, 3);
  });
}

void unguarded_program(const Queue<pid_t>& begun, const Event& go, std::chrono::milliseconds) {
  ::setpgid(0, 0);
  Pool pool({.processes = workers});
  hang_in_a_pool(pool, begun, go);
}

class Interrupts : public ::testing::Test {
 protected:
  template <class Program>
  void start(Program program_function, std::chrono::milliseconds drain = 1h) {
    words = std::make_unique<Captured>(STDERR_FILENO);
    program = std::make_unique<Process>(program_function, begun, go, drain);
    program->start();
    for (std::size_t i = 0; i < workers; ++i) pids.push_back(begun.get(patience));
  }
  /// As a terminal does: to the program and all its workers.
  void send_to_all(int signal) { ASSERT_EQ(::kill(-*program->pid(), signal), 0); }
  void send_to_program(int signal) { ASSERT_EQ(::kill(*program->pid(), signal), 0); }
  /// Its exit code, when nothing of it is left.
  int end() {
    EXPECT_TRUE(program->join(patience));
    for (const pid_t pid : pids) EXPECT_TRUE(eventually([&] { return !is_running(pid); })) << pid;
    text = words->text();
    return program->exitcode().value_or(-1'000);
  }
  [[nodiscard]] std::ptrdiff_t lines() const { return std::count(text.begin(), text.end(), '\n'); }

  Queue<pid_t> begun;
  Event go;
  std::vector<pid_t> pids;
  std::unique_ptr<Captured> words;
  std::unique_ptr<Process> program;
  std::string text;
};

TEST_F(Interrupts, CtrlCEndsTheProgramInOrderWithOneMessage) {
  start(guarded_program);
  send_to_all(SIGINT);
  EXPECT_EQ(end(), 130);
  EXPECT_EQ(lines(), 1) << text;
  EXPECT_NE(text.find("interrupted by SIGINT (Ctrl-C)"), std::string::npos) << text;
}

TEST_F(Interrupts, CtrlCWithoutAGuardEndsTheProgramAndNothingIsLeft) {
  start(unguarded_program);
  send_to_all(SIGINT);
  EXPECT_EQ(end(), -SIGINT);
  EXPECT_EQ(text, "");
}

TEST_F(Interrupts, SigtermWithoutAGuardEndsTheProgramAndNothingIsLeft) {
  start(unguarded_program);
  send_to_program(SIGTERM);
  EXPECT_EQ(end(), -SIGTERM);
  EXPECT_EQ(text, "");
}

TEST_F(Interrupts, SigtermLetsTasksEndAndTakesNoMore) {
  start(guarded_program);
  send_to_program(SIGTERM);
  go.set();  // map() returns, and what is given next is refused or was quick enough
  const int code = end();
  EXPECT_TRUE(code == 0 || code == 128 + SIGTERM) << code << text;
}

TEST_F(Interrupts, AfterSigtermTasksEndWhenTheDrainIsOver) {
  start(guarded_program, 30ms);
  send_to_program(SIGTERM);
  EXPECT_EQ(end(), 128 + SIGTERM);
  EXPECT_EQ(lines(), 1) << text;
  EXPECT_NE(text.find("SIGTERM"), std::string::npos) << text;
}

TEST_F(Interrupts, TheSecondSignalEndsTheProgramAtOnce) {
  start(guarded_program);
  send_to_program(SIGTERM);  // drains for an hour
  // The first must have arrived, or the kernel makes one of two: another one, then.
  EXPECT_TRUE(eventually([&] {
    ::kill(*program->pid(), SIGINT);  // it may have ended meanwhile
    return program->join(1ms);
  }));
  const int code = end();
  EXPECT_TRUE(code == -SIGINT || code == -SIGTERM) << code;  // of two that wait the kernel chooses
}

TEST_F(Interrupts, WorkersThatIgnoreSigtermAreKilled) {
  const auto stubborn = [](const Queue<pid_t>& begun_queue, const Event& event, std::chrono::milliseconds) {
    ::setpgid(0, 0);
    run_guarded({}, [&] {
      Pool pool({.processes = workers, .initializer = [] { ::signal(SIGTERM, SIG_IGN); }});
      hang_in_a_pool(pool, begun_queue, event);
    });
  };
  start(stubborn);
  send_to_all(SIGINT);
  EXPECT_EQ(end(), 130);
  EXPECT_EQ(lines(), 1) << text;
}

TEST_F(Interrupts, AWorkerDoesNotEndByCtrlCItself) {
  Pool pool({.processes = 1});
  const AsyncResult<int> result = pool.apply_async(hold, begun, go, 7);
  const pid_t worker = begun.get(patience);
  for (int i = 0; i < 10; ++i) ::kill(worker, SIGINT);
  go.set();
  EXPECT_EQ(result.get(patience), 7);
  EXPECT_EQ(pool.apply(pid_of_worker), worker);
}

TEST_F(Interrupts, WhatATaskExecutesEndsByCtrlC) {
  Pool pool({.processes = 1});
  EXPECT_EQ(pool.apply([] { return std::system("kill -INT $$; exit 5"); }) & 0x7f, SIGINT);
}

TEST(InterruptGuard, GivesTheHandlersBack) {
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGTERM, nullptr, &before), 0);
  {
    const InterruptGuard guard;
    EXPECT_EQ(guard.signal(), std::nullopt);
    struct sigaction during {};
    ASSERT_EQ(::sigaction(SIGTERM, nullptr, &during), 0);
    EXPECT_NE(during.sa_handler, before.sa_handler);
    EXPECT_THROW(InterruptGuard{}, std::logic_error);
  }
  struct sigaction after {};
  ASSERT_EQ(::sigaction(SIGTERM, nullptr, &after), 0);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  const InterruptGuard again;
}

TEST(InterruptGuard, APoolMadeAfterTheSignalIsRefused) {
  const InterruptGuard guard;
  ASSERT_EQ(::raise(SIGINT), 0);
  EXPECT_EQ(guard.signal(), SIGINT);
  EXPECT_TRUE(eventually([] {
    try {
      Pool pool({.processes = 1});
    } catch (const Interrupted& stop) {
      return stop.signal() == SIGINT && stop.exit_code() == 130;
    }
    return false;
  }));
}

}  // namespace
}  // namespace procyon
