// What the harness says: places of kills, reports, and what its environment says to it.
#include <charconv>
#include <cstdlib>
#include <ostream>
#include <stdexcept>

#include "place.hpp"
#include "stepper.hpp"

namespace procyon::crash {

Options Options::from_environment() {
  Options options;
  const char* text = std::getenv("PROCYON_KILL_BUDGET");
  if (text == nullptr || *text == '\0') return options;
  const std::string_view value(text);
  if (value == "full") {
    options.budget.reset();
    return options;
  }
  std::size_t number = 0;
  const auto result = std::from_chars(value.begin(), value.end(), number);
  if (result.ec != std::errc() || result.ptr != value.end()) {
    throw std::invalid_argument("PROCYON_KILL_BUDGET must be a number of kill points or the word full");
  }
  options.budget = number;
  return options;
}

std::string KillPoint::describe() const {
  const std::string after = " after " + std::to_string(step) + " instructions";
  const std::string place = address == 0 ? ""
                                         : ", at " + describe_place(address) +
                                               (caller == 0 ? "" : " called from " + describe_place(caller));
  switch (where) {
    case Where::instruction:
      return "killed" + after + place;
    case Where::call_entry:
      return "killed" + after + " on entry to " + name_of_call(call) + place;
    case Where::in_call:
      return "killed" + after + " asleep in " + name_of_call(call) + place;
    case Where::call_exit:
      return "killed" + after + " on return from " + name_of_call(call) + place;
    case Where::crash_point:
      return "killed at passage " + std::to_string(step) + " of the crash point " + name;
    case Where::finished:
      return "not killed; it finished its operation";
  }
  return "killed";
}

std::ostream& operator<<(std::ostream& out, const KillReport& report) {
  const double seconds = report.stepping.count();
  out << "[   kill   ] " << report.scenario << ": " << report.instructions << " instructions, "
      << report.system_calls << " system calls, " << report.shared_effects << " shared stores; killed at "
      << report.kills << " of " << report.possible << " points";
  if (report.blocked) out << ", blocked at the end";
  if (report.cut) out << ", cut";
  if (report.finished_early > 0) out << ", " << report.finished_early << " finished before";
  if (report.diverged > 0) out << ", " << report.diverged << " diverged";
  out << "; " << report.steps << " steps";
  if (report.steps >= 1000 && seconds > 0)
    out << " (" << static_cast<std::size_t>(static_cast<double>(report.steps) / seconds) << "/s)";
  return out << ", " << static_cast<std::size_t>(report.total.count() * 1000) << " ms; "
             << report.failures.size() << " failures";
}

}  // namespace procyon::crash
