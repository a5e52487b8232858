#include "watchdog.hpp"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <system_error>

namespace procyon::crash {
namespace {

std::atomic<bool> time_limit_set{false};
std::array<char, 1024> sentence{};

int timer_signal() { return SIGRTMAX - 2; }

void on_timer(int) {
  if (!time_limit_set.load(std::memory_order_relaxed)) return;  // a tick: the interrupted call is the message
  const ssize_t written = ::write(STDERR_FILENO, sentence.data(), ::strlen(sentence.data()));
  static_cast<void>(written);
  std::abort();
}

class Timer {
 public:
  Timer() {
    struct sigaction action {};
    action.sa_handler = on_timer;  // without SA_RESTART: interrupting is the purpose
    ::sigaction(timer_signal(), &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = timer_signal();
    event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
      throw std::system_error(errno, std::generic_category(), "making the kill harness's watchdog timer");
    }
  }

  void set(std::chrono::milliseconds first, std::chrono::milliseconds interval) const {
    const itimerspec value{.it_interval = split(interval), .it_value = split(first)};
    ::timer_settime(timer_, 0, &value, nullptr);
  }

 private:
  static timespec split(std::chrono::milliseconds time) {
    return {.tv_sec = static_cast<time_t>(time.count() / 1000),
            .tv_nsec = static_cast<long>(time.count() % 1000) * 1'000'000};
  }

  timer_t timer_{};
};

/// This thread's timer, made anew in a forked child, which has none: never deleted, the process's end does that.
const Timer& timer() {
  static thread_local pid_t owner = 0;
  static thread_local std::optional<Timer> instance;
  if (owner != ::getpid()) {
    instance.emplace();
    owner = ::getpid();
  }
  return *instance;
}

}  // namespace

Ticking::Ticking() { timer().set(tick, tick); }
Ticking::~Ticking() { timer().set({}, {}); }

TimeLimit::TimeLimit(std::chrono::milliseconds limit, std::string_view what) {
  const std::string_view shown = what.substr(0, sentence.size() - 100);
  char* end = std::copy_n("kill harness: ", 14, sentence.data());
  end = std::copy(shown.begin(), shown.end(), end);
  constexpr std::string_view rest = " took longer than its limit; giving up\n";
  end = std::copy(rest.begin(), rest.end(), end);
  *end = '\0';
  time_limit_set.store(true, std::memory_order_relaxed);
  timer().set(limit, {});
}

TimeLimit::~TimeLimit() {
  timer().set({}, {});
  time_limit_set.store(false, std::memory_order_relaxed);
}

}  // namespace procyon::crash
