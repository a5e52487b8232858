// Warnings of the library to its user, on stderr: "procyon: warning: ...".
#pragma once

#include <string_view>

namespace procyon::process {

/// One line, written by one system call. Never throws.
void warn(std::string_view sentence) noexcept;

/// One line without the prefix, for what a child says of itself.
void report(std::string_view line) noexcept;

}  // namespace procyon::process
