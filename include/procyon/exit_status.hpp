// How a process ended.
//
//   mp::ExitStatus status = *process.exit_status();
//   if (status.signal) fmt::print("killed by {}\n", status.describe());      // "signal 11 (SIGSEGV), core dumped"
//   fmt::print("{} ms of processor time\n", status.processor_time().count() / 1'000'000);
#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

namespace procyon {

struct ExitStatus {
  std::optional<int> code;    // what it returned or gave to exit(), modulo 256
  std::optional<int> signal;  // the signal that ended it
  bool core_dumped = false;
  std::chrono::nanoseconds user_time{};  // processor time of it and of the children it had waited for
  std::chrono::nanoseconds system_time{};
  std::size_t peak_memory = 0;  // largest resident size, in bytes

  /// False if somebody else took the status of the process (waitpid(-1), SIGCHLD ignored) or the fork server that
  /// would have told it died: then all that is known is that the process has ended.
  [[nodiscard]] bool known() const { return code || signal; }

  [[nodiscard]] std::chrono::nanoseconds processor_time() const { return user_time + system_time; }

  /// As one number: the code, or the signal negated. 255 if unknown.
  [[nodiscard]] int as_number() const;

  /// "exit code 3", "signal 9 (SIGKILL)", "signal 11 (SIGSEGV), core dumped", "exit status unknown".
  [[nodiscard]] std::string describe() const;
};

/// As describe().
inline std::string to_string(const ExitStatus& status) { return status.describe(); }
std::ostream& operator<<(std::ostream& stream, const ExitStatus& status);

/// "SIGSEGV"; "signal 42" for one without a name.
std::string signal_name(int signal);

}  // namespace procyon
