#include "procyon/detail/wire/decode_error.hpp"

#include <fmt/format.h>

namespace procyon::wire {

void throw_too_short(std::string_view type, std::size_t needed, std::size_t position, std::size_t size) {
  throw DecodeError(fmt::format(
      "procyon: cannot decode a value of type '{}': {} bytes are needed at position {}, but the message ends "
      "at {}; it was cut, or written as another type",
      type, needed, position, size));
}

void throw_bad_length(std::string_view type, std::size_t length, std::size_t remaining) {
  throw DecodeError(fmt::format(
      "procyon: cannot decode a value of type '{}': it claims {} elements, but only {} bytes are left; the "
      "message was damaged, or written as another type",
      type, length, remaining));
}

void throw_bad_value(std::string_view type, std::string_view why) {
  throw DecodeError(fmt::format(
      "procyon: cannot decode a value of type '{}': {}; the message was damaged, or written as another type",
      type, why));
}

void throw_left_over(std::string_view type, std::size_t remaining) {
  throw DecodeError(fmt::format(
      "procyon: {} bytes are left after a value of type '{}'; the message was written as another type",
      remaining, type));
}

void throw_too_deep(bool writing) {
  if (writing) {
    throw EncodeError(
        fmt::format("procyon: a value lies more than {} levels deep within others (a long list of pointers, "
                    "a deep tree) and cannot "
                    "cross to another process; send it flat, for instance as a vector",
                    nesting_limit));
  }
  throw DecodeError(
      fmt::format("procyon: cannot decode a value that lies more than {} levels deep within others; the "
                  "message was damaged",
                  nesting_limit));
}

void throw_no_attachments(std::string_view type, bool writing) {
  if (writing) {
    throw EncodeError(
        fmt::format("procyon: a value of type '{}' cannot be sent here: this channel carries bytes only, no "
                    "shared objects and no "
                    "descriptors",
                    type));
  }
  throw DecodeError(
      fmt::format("procyon: a value of type '{}' cannot be received here: this channel carries bytes only, "
                  "no shared objects and no "
                  "descriptors",
                  type));
}

void throw_unencodable(std::string_view type, std::string_view why) {
  throw EncodeError(fmt::format("procyon: a value of type '{}' cannot be sent: {}", type, why));
}

}  // namespace procyon::wire
