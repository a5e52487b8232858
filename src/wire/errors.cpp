#include "procyon/errors.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

namespace procyon {

namespace {

std::string name_of_signal(int number) {
  const char* abbreviation = sigabbrev_np(number);
  if (abbreviation != nullptr) return fmt::format("SIG{}", abbreviation);
  if (number >= SIGRTMIN && number <= SIGRTMAX) return fmt::format("SIGRTMIN+{}", number - SIGRTMIN);
  return fmt::format("signal {}", number);
}

std::string_view likely_cause(const WorkerEnd& end) {
  if (!end.signal) {
    return end.exit_code ? "the task called exit() or a library did, which ends the whole worker; let it "
                           "return or throw"
                         : "its parent could not ask the system how it ended";
  }
  switch (*end.signal) {
    case SIGSEGV:
    case SIGBUS:
      return "an invalid memory access or a stack that was too small; run this task alone under a debugger "
             "or with "
             "-fsanitize=address";
    case SIGABRT:
      return "abort() was called, by a failed assertion, std::terminate or corrupted heap memory; its last "
             "words are on "
             "stderr";
    case SIGFPE:
      return "a division of an integer by zero, or an overflow in one";
    case SIGILL:
    case SIGTRAP:
      return "an instruction that this processor does not have, or a trap compiled in by a sanitizer";
    case SIGKILL:
      return "the system ran out of memory (the kernel's log says so), or somebody sent kill -9";
    case SIGXCPU:
      return "its limit of processor time was used up";
    case SIGXFSZ:
      return "its limit of file size was exceeded";
    case SIGSYS:
      return "a system call that a sandbox forbids";
    case SIGPIPE:
      return "it wrote to a pipe or socket that nobody reads, and does not ignore SIGPIPE";
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
      return "somebody asked it to end";
    default:
      return "the signal was sent by another process, or by the task itself";
  }
}

std::string seconds(std::chrono::nanoseconds time) {
  using std::chrono::duration;
  if (time < std::chrono::seconds(1))
    return fmt::format("{:.0f} ms", duration<double, std::milli>(time).count());
  return fmt::format("{:.1f} s", duration<double>(time).count());
}

std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

// The facts, a line or more for each that is known.
void append_facts(std::string& text, const WorkerEnd& end) {
  if (end.peak_memory != 0)
    text += fmt::format("\n  used: {} of processor time ({} user, {} system), {} of memory at most",
                        seconds(end.user_time + end.system_time), seconds(end.user_time),
                        seconds(end.system_time), mebibytes(end.peak_memory));
  for (std::size_t frame = 0; frame < end.stack.size(); ++frame)
    text += fmt::format("\n  {}#{} {}", frame == 0 ? "stack: " : "       ", frame, end.stack[frame]);
  if (end.last_words.empty()) return;
  text += "\n  the last lines of its stderr:";
  for (std::size_t start = 0; start < end.last_words.size();) {
    const std::size_t stop = std::min(end.last_words.find('\n', start), end.last_words.size());
    text += "\n    | " + end.last_words.substr(start, stop - start);
    start = stop + 1;
  }
}

std::string describe(const WorkerEnd& end) {
  std::string text = fmt::format("procyon: worker {}", end.pid);
  if (!end.name.empty()) text += fmt::format(" ({})", end.name);
  text += " was lost";
  text += end.task.empty() ? std::string(" while it was idle") : fmt::format(" while it ran {}", end.task);
  if (end.running_for) text += fmt::format(", for {}", seconds(*end.running_for));
  if (end.signal) {
    text += fmt::format(": it was killed by {} (signal {}{})", name_of_signal(*end.signal), *end.signal,
                        end.core_dumped ? ", core dumped" : "");
  } else if (end.exit_code) {
    text += fmt::format(": it ended by itself with exit code {}", *end.exit_code);
  } else {
    text += ": how it ended is not known";
  }
  text += fmt::format("; likely cause: {}.", likely_cause(end));
  if (!end.details.empty()) text += " " + end.details;
  append_facts(text, end);
  return text;
}

std::string describe(const std::string& type, const std::string& text, const std::string& where) {
  return fmt::format("{}: {}{}{}", type, text, where.empty() ? "" : "; thrown at ", where);
}

}  // namespace

RemoteError::RemoteError(std::string type, std::string text, std::string where)
    : std::runtime_error(describe(type, text, where)),
      type_(std::move(type)),
      text_(std::move(text)),
      where_(std::move(where)) {}

WorkerLost::WorkerLost(WorkerEnd end) : std::runtime_error(describe(end)), end_(std::move(end)) {}

MemoryLimitExceeded::MemoryLimitExceeded(const char* sentence) noexcept {
  std::snprintf(sentence_, sizeof sentence_, "%s", sentence);
}

std::string WorkerLost::signal_name() const {
  return end_.signal ? name_of_signal(*end_.signal) : std::string();
}

}  // namespace procyon
