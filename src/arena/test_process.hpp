// Children for tests of this layer: plain forks that run a function, with every wait bounded.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace procyon::arena::testing {

/// A forked child. Destroying it kills and reaps it.
class TestProcess {
 public:
  explicit TestProcess(const std::function<int()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    int code = 125;
    try {
      code = body();
    } catch (...) {
      code = 126;
    }
    ::_exit(code);
  }
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;
  ~TestProcess() {
    if (pid_ > 0) kill();
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }
  /// Waits until it has stopped itself, by raise(SIGSTOP).
  void wait_until_stopped() const {
    int status = 0;
    while (::waitpid(pid_, &status, WUNTRACED) == pid_ && !WIFSTOPPED(status)) {
    }
  }
  void go_on() const { ::kill(pid_, SIGCONT); }
  /// The exit code, or minus the signal.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

/// A gate between processes: one byte through a pipe, or the end of file when the other side died.
class Gate {
 public:
  Gate() {
    if (::pipe(ends_) != 0) ::abort();
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void open() { [[maybe_unused]] const auto written = ::write(ends_[1], "x", 1); }
  void pass() {
    char byte;
    [[maybe_unused]] const auto got = ::read(ends_[0], &byte, 1);
  }

 private:
  int ends_[2]{};
};

}  // namespace procyon::arena::testing
