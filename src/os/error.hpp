// System errors as sentences: what was attempted on what, then the system's own words.
//
//   if (fd < 0) throw_system_error("creating the memory of the session");
//   // std::system_error: "creating the memory of the session: Too many open files"
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace procyon::os {

[[noreturn]] inline void throw_system_error(const std::string& attempt, int error = errno) {
  throw std::system_error(error, std::system_category(), attempt);
}

/// `result`, or an exception if a system call reported failure by a negative one.
template <class Result>
Result check(Result result, const char* attempt) {
  if (result < 0) throw_system_error(attempt);
  return result;
}

}  // namespace procyon::os
