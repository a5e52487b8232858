#include "procyon/errors.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

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

std::string describe(const WorkerEnd& end) {
  std::string text = fmt::format("procyon: worker {} was lost", end.pid);
  text += end.task.empty() ? std::string(" while it was idle") : fmt::format(" while it ran {}", end.task);
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

std::string WorkerLost::signal_name() const {
  return end_.signal ? name_of_signal(*end_.signal) : std::string();
}

}  // namespace procyon
