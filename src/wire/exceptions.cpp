// The encoding of an exception:
//
//   u16     its place in the table below
//   string  name of its type      string  text      string  where it was thrown
//   and for some what their constructors need besides: see write_details().
#include "procyon/detail/wire/exceptions.hpp"

#include <algorithm>
#include <any>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "procyon/detail/wire/codec.hpp"
#include "procyon/detail/wire/token.hpp"
#include "procyon/errors.hpp"
#include "wire/exception_text.hpp"

namespace procyon::wire {

namespace {

constexpr std::size_t name_limit = 1024;

// The rest of what some exceptions are made of.
struct Details {
  std::uint8_t category = 0;
  int code = 0;
  std::string path1;
  std::string path2;
  std::optional<WorkerEnd> end;
};

using Make = std::exception_ptr (*)(const ExceptionText&, const Details&);

template <class Exception>
std::exception_ptr make_with_text(const ExceptionText& text, const Details&) {
  return std::make_exception_ptr(Exception(text.text));
}

template <class Exception>
std::exception_ptr make_plain(const ExceptionText&, const Details&) {
  return std::make_exception_ptr(Exception());
}

std::exception_ptr make_remote(const ExceptionText& text, const Details&) {
  return std::make_exception_ptr(RemoteError(text.type, text.text, text.where));
}

template <class Lost>
std::exception_ptr make_lost(const ExceptionText&, const Details& details) {
  return std::make_exception_ptr(Lost(details.end.value_or(WorkerEnd{})));
}

bool makes_lost(Make make) {
  return make == &make_lost<WorkerLost> || make == &make_lost<CpuLimitExceeded> ||
         make == &make_lost<KilledForMemory>;
}

const std::error_category* const categories[] = {nullptr, &std::generic_category(), &std::system_category(),
                                                 &std::iostream_category()};

std::error_code code_of(const Details& details) { return {details.code, *categories[details.category]}; }

std::exception_ptr make_system(const ExceptionText& text, const Details& details) {
  if (text.text.empty()) return std::make_exception_ptr(std::system_error(code_of(details)));
  return std::make_exception_ptr(std::system_error(code_of(details), text.text));
}

std::exception_ptr make_filesystem(const ExceptionText& text, const Details& details) {
  using std::filesystem::filesystem_error;
  // Each constructor makes another text, even of empty paths.
  if (!details.path2.empty()) {
    return std::make_exception_ptr(
        filesystem_error(text.text, details.path1, details.path2, code_of(details)));
  }
  if (!details.path1.empty()) {
    return std::make_exception_ptr(filesystem_error(text.text, details.path1, code_of(details)));
  }
  return std::make_exception_ptr(filesystem_error(text.text, code_of(details)));
}

std::exception_ptr make_ios(const ExceptionText& text, const Details& details) {
  return std::make_exception_ptr(std::ios_base::failure(text.text, code_of(details)));
}

struct Known {
  const std::type_info* type;
  Make make;
};

// The first entry stands for everything that is not in the table.
const std::array known_exceptions{
    Known{&typeid(RemoteError), &make_remote},
    Known{&typeid(WorkerLost), &make_lost<WorkerLost>},
    Known{&typeid(CpuLimitExceeded), &make_lost<CpuLimitExceeded>},
    Known{&typeid(KilledForMemory), &make_lost<KilledForMemory>},
    Known{&typeid(MemoryLimitExceeded), &make_with_text<MemoryLimitExceeded>},
    Known{&typeid(std::system_error), &make_system},
    Known{&typeid(std::filesystem::filesystem_error), &make_filesystem},
    Known{&typeid(std::ios_base::failure), &make_ios},
    Known{&typeid(std::exception), &make_plain<std::exception>},
    Known{&typeid(std::runtime_error), &make_with_text<std::runtime_error>},
    Known{&typeid(std::logic_error), &make_with_text<std::logic_error>},
    Known{&typeid(std::invalid_argument), &make_with_text<std::invalid_argument>},
    Known{&typeid(std::domain_error), &make_with_text<std::domain_error>},
    Known{&typeid(std::length_error), &make_with_text<std::length_error>},
    Known{&typeid(std::out_of_range), &make_with_text<std::out_of_range>},
    Known{&typeid(std::range_error), &make_with_text<std::range_error>},
    Known{&typeid(std::overflow_error), &make_with_text<std::overflow_error>},
    Known{&typeid(std::underflow_error), &make_with_text<std::underflow_error>},
    Known{&typeid(std::bad_alloc), &make_plain<std::bad_alloc>},
    Known{&typeid(std::bad_array_new_length), &make_plain<std::bad_array_new_length>},
    Known{&typeid(std::bad_cast), &make_plain<std::bad_cast>},
    Known{&typeid(std::bad_any_cast), &make_plain<std::bad_any_cast>},
    Known{&typeid(std::bad_typeid), &make_plain<std::bad_typeid>},
    Known{&typeid(std::bad_exception), &make_plain<std::bad_exception>},
    Known{&typeid(std::bad_weak_ptr), &make_plain<std::bad_weak_ptr>},
    Known{&typeid(std::bad_optional_access), &make_plain<std::bad_optional_access>},
    Known{&typeid(std::bad_variant_access), &make_plain<std::bad_variant_access>},
    Known{&typeid(std::bad_function_call), &make_plain<std::bad_function_call>},
    Known{&typeid(ProcessError), &make_with_text<ProcessError>},
    Known{&typeid(BufferTooShort), &make_with_text<BufferTooShort>},
    Known{&typeid(AuthenticationError), &make_with_text<AuthenticationError>},
    Known{&typeid(TimeoutError), &make_with_text<TimeoutError>},
    Known{&typeid(Empty), &make_with_text<Empty>},
    Known{&typeid(Full), &make_with_text<Full>},
    Known{&typeid(PeerGone), &make_with_text<PeerGone>},
    Known{&typeid(EndOfFile), &make_with_text<EndOfFile>},
    Known{&typeid(BrokenPool), &make_with_text<BrokenPool>},
    Known{&typeid(Cancelled), &make_with_text<Cancelled>},
    Known{&typeid(Interrupted), &make_with_text<Interrupted>},
    Known{&typeid(ManagerGone), &make_with_text<ManagerGone>},
    Known{&typeid(BrokenBarrier), &make_with_text<BrokenBarrier>},
    Known{&typeid(ObjectGone), &make_with_text<ObjectGone>},
    Known{&typeid(SessionError), &make_with_text<SessionError>},
    Known{&typeid(DecodeError), &make_with_text<DecodeError>},
    Known{&typeid(EncodeError), &make_with_text<EncodeError>},
    Known{&typeid(TokenError), &make_with_text<TokenError>},
};
constexpr std::uint16_t place_of_remote = 0;

// The place of the type of that name; names, because a nested exception's own type is only known by its name.
std::uint16_t place_of(const std::string& type) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    result.reserve(std::size(known_exceptions));
    for (const Known& known : known_exceptions) result.push_back(readable_type(*known.type));
    return result;
  }();
  const auto found = std::find(names.begin(), names.end(), type);
  return found == names.end() ? place_of_remote : static_cast<std::uint16_t>(found - names.begin());
}

struct Encodable {
  std::uint16_t place = place_of_remote;
  ExceptionText text;
  Details details;
};

std::uint8_t category_number(const std::error_category& category) {
  for (std::size_t number = 1; number < std::size(categories); ++number) {
    if (category == *categories[number]) return static_cast<std::uint8_t>(number);
  }
  return 0;
}

// What was given to the constructor of a system_error: its what() without the text that the code adds.
std::string own_text(const std::system_error& error) {
  std::string text = error.std::system_error::what();  // not the override of a derived class, which says more
  const std::string added = error.code().message();
  if (text == added) return {};
  if (text.size() > added.size() + 2 && text.ends_with(": " + added))
    text.resize(text.size() - added.size() - 2);
  return text;
}

void describe_system_error(Encodable& result, const std::system_error& error) {
  result.details.category = category_number(error.code().category());
  if (result.details.category == 0) {
    result.place = place_of_remote;  // a category of the user's own has no address here
    return;
  }
  result.details.code = error.code().value();
  result.text.text = own_text(error) + describe_cause(error);
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    result.details.path1 = file->path1().native();
    result.details.path2 = file->path2().native();
  }
}

Encodable analyse(const std::exception_ptr& exception) {
  Encodable result;
  result.text = describe_exception(exception);
  if (exception == nullptr) return result;
  try {
    std::rethrow_exception(exception);
  } catch (const RemoteError&) {
    return result;
  } catch (const std::exception& error) {
    result.place = place_of(result.text.type);
    if (const auto* lost = dynamic_cast<const WorkerLost*>(&error)) {
      result.details.end = lost->end();
    } else if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
      if (result.place != place_of_remote) describe_system_error(result, *system);
    }
  } catch (...) {
    // Not an exception of the library: described above.
  }
  result.text.type = cut_text(std::move(result.text.type), name_limit);
  result.text.text = cut_text(std::move(result.text.text), exception_text_limit);
  result.text.where = cut_text(std::move(result.text.where), name_limit);
  return result;
}

void write_details(Writer& writer, const Encodable& exception) {
  const Make make = known_exceptions[exception.place].make;
  const Details& details = exception.details;
  if (make == &make_system || make == &make_ios || make == &make_filesystem) {
    write(writer, details.category);
    write(writer, details.code);
  }
  if (make == &make_filesystem) {
    write(writer, details.path1);
    write(writer, details.path2);
  }
  if (makes_lost(make)) write(writer, details.end.value_or(WorkerEnd{}));
}

Details read_details(Reader& reader, Make make) {
  Details details;
  if (make == &make_system || make == &make_ios || make == &make_filesystem) {
    details.category = read<std::uint8_t>(reader);
    details.code = read<int>(reader);
    if (details.category == 0 || details.category >= std::size(categories)) {
      throw_bad_value("std::error_category", "a number that stands for none");
    }
  }
  if (make == &make_filesystem) {
    details.path1 = read<std::string>(reader);
    details.path2 = read<std::string>(reader);
  }
  if (makes_lost(make)) details.end = read<WorkerEnd>(reader);
  return details;
}

void write_encodable(Writer& writer, const Encodable& exception) {
  writer.put(exception.place);
  write(writer, exception.text.type);
  write(writer, exception.text.text);
  write(writer, exception.text.where);
  write_details(writer, exception);
}

}  // namespace

void encode_exception(Writer& writer, const std::exception_ptr& exception) {
  const std::size_t before = writer.size();
  try {
    write_encodable(writer, analyse(exception));
  } catch (const std::bad_alloc&) {
    writer.truncate(before);
    static const std::uint16_t place = place_of("std::bad_alloc");
    Encodable no_memory;
    no_memory.place = place;
    write_encodable(writer, no_memory);
  }
}

std::exception_ptr decode_exception(Reader& reader) {
  const auto place = reader.get<std::uint16_t>("exception");
  if (place >= known_exceptions.size())
    throw_bad_value("exception", "a kind of exception that does not exist");
  ExceptionText text;
  text.type = read<std::string>(reader);
  text.text = read<std::string>(reader);
  text.where = read<std::string>(reader);
  const Make make = known_exceptions[place].make;
  return make(text, read_details(reader, make));
}

}  // namespace procyon::wire
