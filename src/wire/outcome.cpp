#include "procyon/outcome.hpp"

#include <fmt/format.h>

#include "wire/exception_text.hpp"

namespace procyon {

std::string Error::what() const { return wire::describe_exception(exception_).text; }

std::string Error::type() const { return wire::describe_exception(exception_).type; }

std::string Error::where() const { return wire::describe_exception(exception_).where; }

namespace detail {

void throw_no_value(const Error& error) {
  throw std::logic_error(
      fmt::format("procyon: this Outcome holds an error and no value ({}: {}); test it before, or call "
                  "value(), which throws the error",
                  error.type(), error.what()));
}

void throw_no_error() {
  throw std::logic_error("procyon: this Outcome holds a value and no error; test it before calling error()");
}

}  // namespace detail

}  // namespace procyon
