// Ctrl-C, SIGTERM and SIGHUP at random moments of a program that makes pools, uses them and ends them: it ends, as the signal
// or its guard has it, and nothing of it is left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "orphans.hpp"
#include "procyon/event.hpp"
#include "procyon/interrupt.hpp"
#include "procyon/pool.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

enum class Guarded { no, yes, and_signalled_twice };

void use_pools_for_ever(const Event& begun, const Event& never) {
  for (;;) {
    Pool pool({.processes = 2});
    begun.is_set() ? void() : Event(begun).set();
    pool.map([](int number) { return number; }, std::vector{1, 2, 3, 4});
    const auto unfinished = pool.apply_async([](const Event& event) { event.wait(); }, never);
    pool.apply([](int number) { return number; }, 1);
  }
}

[[noreturn]] void program(Guarded guarded, const Event& begun, const Event& never) {
  ::setpgid(0, 0);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  if (guarded == Guarded::no) use_pools_for_ever(begun, never);
  int code = 0;
  {
    const InterruptGuard guard({.drain = 10ms});
    try {
      use_pools_for_ever(begun, never);
    } catch (const Interrupted& stop) {
      code = stop.exit_code();
    }
  }
  std::_Exit(code);
}

/// In which the program ends, given that it got `signal`.
void expect_ended_by(int signal, Guarded guarded, int status) {
  const bool by_signal = WIFSIGNALED(status) && WTERMSIG(status) == signal;
  const bool by_guard = WIFEXITED(status) && WEXITSTATUS(status) == 128 + signal;
  switch (guarded) {
    case Guarded::no:
      EXPECT_TRUE(by_signal) << "status " << status;
      break;
    case Guarded::yes:
      EXPECT_TRUE(by_guard) << "status " << status;
      break;
    case Guarded::and_signalled_twice:  // the second may come when all is over
      EXPECT_TRUE(by_signal || by_guard) << "status " << status;
      break;
  }
}

class SignalsAtAnyMoment : public testing::TestWithParam<std::tuple<int, Guarded>> {};
std::string name_of_each(const testing::TestParamInfo<std::tuple<int, Guarded>>& each) {
  static constexpr std::array names{"Unguarded", "Guarded", "GuardedAndSignalledTwice"};
  const auto [signal, guarded] = each.param;
  return ::sigabbrev_np(signal) + std::string(names[static_cast<std::size_t>(guarded)]);
}
INSTANTIATE_TEST_SUITE_P(Of, SignalsAtAnyMoment,
                         testing::Combine(testing::Values(SIGINT, SIGTERM, SIGHUP),
                                          testing::Values(Guarded::no, Guarded::yes,
                                                          Guarded::and_signalled_twice)),
                         name_of_each);

TEST_P(SignalsAtAnyMoment, EndAProgramWithPoolsAndLeaveNothing) {
  const auto [signal, guarded] = GetParam();
  crash::adopt_orphans();
  std::mt19937 random(static_cast<unsigned>(signal));
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    const Event begun;
    const Event never;
    const pid_t pid = ::fork();
    if (pid == 0) program(guarded, begun, never);
    ASSERT_TRUE(begun.wait(60s));
    std::this_thread::sleep_for(
        std::chrono::microseconds(random() % 10'000));  // the moment, not a wait for anything
    // As a terminal does: to the program and its workers.
    ASSERT_EQ(::kill(-pid, signal), 0);
    if (guarded == Guarded::and_signalled_twice) ::kill(-pid, signal);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    expect_ended_by(signal, guarded, status);
    crash::expect_everybody_ends();
  }
}

}  // namespace
}  // namespace procyon
