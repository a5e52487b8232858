// Processes, keys and exit statuses as arguments of fmt::format and std::format, where these exist.
//
//   fmt::print("{}\n", mp::current_process());        // <Process name='calc-1' parent=4700 started>
//   fmt::print("{:>60}\n", to_string(process));       // to_string() where a width is wanted
//
// The text is that of to_string(). Included by procyon.hpp.
#pragma once

#include <string>
#include <version>

#include "procyon/auth_key.hpp"
#include "procyon/exit_status.hpp"
#include "procyon/process.hpp"

#if __has_include(<fmt/core.h>)
#include <fmt/core.h>
#endif
#if defined(__cpp_lib_format)
#include <format>
#endif

namespace procyon::detail {

/// A formatter of what has a to_string(); it takes no format specification.
struct TextFormatter {
  template <class Context>
  constexpr auto parse(Context& context) {
    return context.begin();
  }
  template <class T, class Context>
  auto format(const T& value, Context& context) const {
    auto out = context.out();
    for (const char character : to_string(value)) *out++ = character;
    return out;
  }
};

}  // namespace procyon::detail

#if __has_include(<fmt/core.h>)
template <>
struct fmt::formatter<procyon::Process> : procyon::detail::TextFormatter {};
template <>
struct fmt::formatter<procyon::CurrentProcess> : procyon::detail::TextFormatter {};
template <>
struct fmt::formatter<procyon::ParentProcess> : procyon::detail::TextFormatter {};
template <>
struct fmt::formatter<procyon::AuthKey> : procyon::detail::TextFormatter {};
template <>
struct fmt::formatter<procyon::ExitStatus> : procyon::detail::TextFormatter {};
#endif

#if defined(__cpp_lib_format)
template <>
struct std::formatter<procyon::Process> : procyon::detail::TextFormatter {};
template <>
struct std::formatter<procyon::CurrentProcess> : procyon::detail::TextFormatter {};
template <>
struct std::formatter<procyon::ParentProcess> : procyon::detail::TextFormatter {};
template <>
struct std::formatter<procyon::AuthKey> : procyon::detail::TextFormatter {};
template <>
struct std::formatter<procyon::ExitStatus> : procyon::detail::TextFormatter {};
#endif
