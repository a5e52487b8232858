#include "wire/exception_text.hpp"

#include <cxxabi.h>
#include <fmt/format.h>

#include <string_view>

#include "procyon/detail/wire/exceptions.hpp"
#include "procyon/errors.hpp"
#include "wire/demangle.hpp"
#include "wire/throw_site.hpp"

namespace procyon::wire {

namespace {

constexpr int cause_limit = 16;

std::string name_of_current_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type == nullptr ? std::string("an exception of another language") : readable_type(*type);
}

// throw_with_nested throws an object of a type of the library's own, which derives from the type that was meant.
std::string without_nesting(std::string name) {
  constexpr std::string_view prefix = "std::_Nested_exception<";
  if (name.starts_with(prefix) && name.ends_with('>')) {
    name = name.substr(prefix.size(), name.size() - prefix.size() - 1);
    while (name.ends_with(' ')) name.pop_back();
  }
  return name;
}

ExceptionText describe_nested(const std::exception_ptr& exception, int depth);

std::string cause_of(const std::exception& exception, int depth) {
  const auto* nested = dynamic_cast<const std::nested_exception*>(&exception);
  if (nested == nullptr || nested->nested_ptr() == nullptr) return {};
  if (depth == cause_limit) return "; caused by more exceptions";
  const ExceptionText cause = describe_nested(nested->nested_ptr(), depth + 1);
  return fmt::format("; caused by {}: {}", cause.type, cause.text);
}

ExceptionText describe_nested(const std::exception_ptr& exception, int depth) {
  if (exception == nullptr) return {"no exception", "an error without an exception was reported", {}};
  ExceptionText result;
  try {
    std::rethrow_exception(exception);
  } catch (const RemoteError& error) {
    result = {error.type(), error.text(), error.where()};
    return result;
  } catch (const std::exception& error) {
    result.type = without_nesting(name_of_current_type());
    result.text = safe_what(error) + cause_of(error, depth);
  } catch (const std::string& text) {
    result = {"std::string", text, {}};
  } catch (const char* text) {
    result = {"const char*", text == nullptr ? "null" : text, {}};
  } catch (int number) {
    result = {"int", fmt::format("{}", number), {}};
  } catch (long number) {
    result = {"long", fmt::format("{}", number), {}};
  } catch (unsigned number) {
    result = {"unsigned int", fmt::format("{}", number), {}};
  } catch (double number) {
    result = {"double", fmt::format("{}", number), {}};
  } catch (...) {
    result.type = name_of_current_type();
    result.text = "an object that is no std::exception was thrown";
  }
  result.where = throw_site_of(exception);
  return result;
}

}  // namespace

std::string readable_type(const std::type_info& type) {
  const std::string name = demangle(type.name());
  // What streams throw is a private class derived from the one that everybody knows.
  return name == "std::__ios_failure" ? std::string("std::ios_base::failure") : name;
}

ExceptionText describe_exception(const std::exception_ptr& exception) {
  return describe_nested(exception, 0);
}

std::string describe_cause(const std::exception& exception) { return cause_of(exception, 0); }

std::string safe_what(const std::exception& exception) {
  try {
    const char* text = exception.what();
    return text == nullptr ? std::string("(its what() returned null)") : std::string(text);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    return "(its what() threw an exception itself)";
  }
}

std::string cut_text(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  constexpr std::string_view mark = "... (cut)";
  std::size_t end = limit - mark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  text += mark;
  return text;
}

}  // namespace procyon::wire
