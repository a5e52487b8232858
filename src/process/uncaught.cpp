#include "process/uncaught.hpp"

#include <unistd.h>

#include <exception>

#include "process/log.hpp"
#include "wire/exception_text.hpp"

namespace procyon::process {

void report_uncaught(const std::string& process_name) noexcept {
  try {
    const wire::ExceptionText words = wire::describe_exception(std::current_exception());
    std::string line = "Process " + process_name + " (pid " + std::to_string(::getpid()) + "): " + words.type;
    if (!words.text.empty()) line += ": " + words.text;
    if (!words.where.empty()) line += ", thrown in " + words.where;
    report(line);
  } catch (...) {
    report("procyon: a process ended by an exception that there was not enough memory to describe");
  }
}

}  // namespace procyon::process
