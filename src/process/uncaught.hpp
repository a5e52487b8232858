// The last words of a process that ends by an exception that nobody caught.
#pragma once

#include <string>

namespace procyon::process {

/// To be called in a handler, `catch (...)`: writes
///   Process calc-1 (pid 4711): std::runtime_error: no such file, thrown in load(std::string const&)+0x52
/// to stderr.
void report_uncaught(const std::string& process_name) noexcept;

}  // namespace procyon::process
