// What can be said about an exception that was caught.
#pragma once

#include <exception>
#include <string>
#include <typeinfo>

namespace procyon::wire {

// A type's name as it is written in the source.
std::string readable_type(const std::type_info& type);

struct ExceptionText {
  std::string type;
  std::string text;   // what() or the value, with what it was nested in
  std::string where;  // the function that threw it; empty if unknown
};

// Throws nothing but std::bad_alloc.
ExceptionText describe_exception(const std::exception_ptr& exception);

// `text` cut to `limit` bytes, marked as cut, not in the middle of a UTF-8 character.
std::string cut_text(std::string text, std::size_t limit);

// What an exception that is being handled says besides `text`: "; caused by ..." for what it was nested in, or nothing.
std::string describe_cause(const std::exception& exception);

// exception.what(), whatever that does.
std::string safe_what(const std::exception& exception);

}  // namespace procyon::wire
