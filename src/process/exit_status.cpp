#include "procyon/exit_status.hpp"

#include <string.h>

#include <ostream>

namespace procyon {

namespace {
constexpr int number_of_unknown = 255;
}

int ExitStatus::as_number() const {
  if (code) return *code;
  return signal ? -*signal : number_of_unknown;
}

std::string ExitStatus::describe() const {
  if (code) return "exit code " + std::to_string(*code);
  if (!signal) return "exit status unknown";
  return "signal " + std::to_string(*signal) + " (" + signal_name(*signal) +
         (core_dumped ? "), core dumped" : ")");
}

std::ostream& operator<<(std::ostream& stream, const ExitStatus& status) {
  return stream << status.describe();
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

}  // namespace procyon
