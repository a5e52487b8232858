// What is thrown when bytes are not what they should be.
//
//   catch (const procyon::wire::DecodeError& error) { log(error.what()); }
//
// It means that a message was cut, damaged, or written as another type; the reader's position is then
// undefined and the rest of the message must be thrown away.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace procyon::wire {

class DecodeError : public std::runtime_error {
 public:
  explicit DecodeError(const std::string& sentence) : std::runtime_error(sentence) {}
};

// What is thrown when a value cannot be sent: no attachments on this channel, too deeply nested, without a
// value.
class EncodeError : public std::runtime_error {
 public:
  explicit EncodeError(const std::string& sentence) : std::runtime_error(sentence) {}
};

// The sentences, out of line: they are the cold path of every read.
[[noreturn]] void throw_too_short(std::string_view type, std::size_t needed, std::size_t position,
                                  std::size_t size);
[[noreturn]] void throw_bad_length(std::string_view type, std::size_t length, std::size_t remaining);
[[noreturn]] void throw_bad_value(std::string_view type, std::string_view why);
[[noreturn]] void throw_left_over(std::string_view type, std::size_t remaining);
[[noreturn]] void throw_too_deep(bool writing);
[[noreturn]] void throw_no_attachments(std::string_view type, bool writing);
[[noreturn]] void throw_unencodable(std::string_view type, std::string_view why);

// How deep values may lie within each other (a list of unique_ptr, a tree of vectors): beyond it, a hostile
// message could use up the stack of whoever reads it. Writers keep to the same limit, so that it is the
// sender who is told.
inline constexpr std::size_t nesting_limit = 1000;

}  // namespace procyon::wire
