// One child process under ptrace, moved an instruction or a system call at a time.
//
//   Tracee tracee(scenario.victim, limits);
//   tracee.run_to_window();
//   while (tracee.step() == Stop::stepped) ...
//   tracee.kill();
//
// Only the thread that made it may use it: ptrace counts threads, not processes. The destructor kills.
#pragma once

#include <sched.h>
#include <sys/types.h>
#include <sys/user.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "watchdog.hpp"

namespace procyon::crash {

enum class Stop {
  stepped,     // stands before its next instruction
  call_entry,  // the kernel has seen a system call and not begun it
  call_exit,   // a system call is done
  asleep,      // runs no more: it has slept in the kernel as long as asked. Not stopped; kill it or wait on.
  executed,    // it is another program now
  signalled,   // a signal waits for delivery: only inside Tracee
  ended        // exited or was killed: see describe_end()
};

/// The victim runs, or waits for others that run, and does not come to its next stop within the watchdog's limit.
class VictimStuck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Forks a child that runs `set_up` and `body` and exits with 0, or with 86 after printing the exception that left
/// it. It dies with this thread.
pid_t fork_victim(const std::function<void()>& set_up, const std::function<void()>& body);

/// "exited with code 3", "was killed by signal 11 (Segmentation fault)", from the status that waitpid() gave.
std::string describe_end_status(int status);

class Tracee {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Tracee(const std::function<void()>& victim, Milliseconds watchdog);
  ~Tracee();
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;

  /// Lets it run to begin_window(). Stop::stepped, or Stop::ended if it never came there.
  Stop run_to_window();

  /// One instruction; over a whole system call if that is what comes next. A signal's arrival counts as a step into
  /// its handler.
  Stop step(Milliseconds asleep_after);

  /// The next instruction being a system call: up to its entry. Stop::stepped if a signal came first.
  Stop enter_call();
  /// From there to its exit.
  Stop finish_call(Milliseconds asleep_after);
  /// After Stop::asleep.
  Stop wait_on(Milliseconds asleep_after) { return wait(asleep_after); }

  /// Runs freely up to the next execution of the instruction at `address`, by a hardware breakpoint, and stops at
  /// `end` as well. Stop::stepped is no proof that it is there: signals and other traps stop it too. Needs
  /// has_breakpoints().
  Stop run_to(std::uint64_t address, std::uint64_t end, Milliseconds asleep_after);
  static bool has_breakpoints();

  /// Lets it go to its own end.
  void run_to_own_end();

  /// Kills it if it lives, and returns when it is gone: memory, files and locks released.
  void kill();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] user_regs_struct registers() const;
  [[nodiscard]] std::uint64_t instruction_pointer() const;
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::string describe_end() const { return describe_end_status(end_status_); }
  [[nodiscard]] bool ended_well() const { return ended_ && end_status_ == 0; }
  /// Bytes of its code; zeros where it has none.
  [[nodiscard]] std::array<std::uint8_t, 16> code_at(std::uint64_t address) const;

  /// Binds both processes to one processor, on which a step costs half; before many steps. Ends with the tracing.
  void share_processor();

 private:
  void resume(int request);
  Stop wait(Milliseconds asleep_after);
  Stop interpret(int status);
  Stop resume_past_signals(int request, Milliseconds asleep_after);
  bool set_debug_register(int number, std::uint64_t value) const;
  void leave_processor();
  void gone();
  [[nodiscard]] bool sleeps() const;

  pid_t pid_;
  Milliseconds watchdog_;
  int pending_signal_ = 0;
  int end_status_ = 0;
  bool ended_ = false;
  bool shares_processor_ = false;
  cpu_set_t processors_before_{};
  std::optional<Ticking> ticking_;
};

}  // namespace procyon::crash
