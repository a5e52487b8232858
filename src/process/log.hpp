// What the library has to say: records for whoever asked for them (logging.hpp), warnings, and last words on stderr.
//
//   if (logs(LogLevel::debug)) log(LogLevel::debug, "process '" + name + "' ended: " + status.describe());
//
// Not while the state's mutex is held: a record carries the name of the process.
#pragma once

#include <cstdint>
#include <string_view>

#include "procyon/logging.hpp"

namespace procyon::process {

/// Whether a record of that level would go anywhere. Costs one load while nobody has asked for records.
bool logs(LogLevel level) noexcept;
void log(LogLevel level, std::string_view sentence) noexcept;

/// A record if records are written; otherwise one line on stderr, "procyon: warning: ...". Never throws.
void warn(std::string_view sentence) noexcept;

/// One line on stderr, for what a child says of itself.
void report(std::string_view line) noexcept;

/// How this process logs, for its children: 0 if it does not. Of a level that is between ours, the lower one.
std::uint32_t logging_of_this_process() noexcept;
/// In a child: to log as its parent did.
void log_as_parent(std::uint32_t logging);
/// In the program itself: as PROCYON_LOG says.
void log_as_environment_says();

}  // namespace procyon::process
