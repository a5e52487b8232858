#include "procyon/detail/wire/token.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "procyon/detail/wire/traits.hpp"
#include "wire/modules.hpp"

namespace procyon::wire {

namespace {

constexpr std::string_view type_of_token = "procyon function token";
constexpr std::size_t name_limit = 4096;

std::string display_name(std::string_view name) {
  return name.empty() ? std::string("the program itself") : fmt::format("'{}'", name);
}

// The module and the address, or the reason why there is none.
struct Place {
  const Module* module;
  std::uintptr_t address;
};

[[noreturn]] void throw_not_loaded(Token token, std::string_view name) {
  if (const std::string reason = reason_not_loaded(name); !reason.empty()) {
    throw TokenError(fmt::format(
        "procyon: a function of {} was sent here, but this process could not load that file ({}); it "
        "must stay where it is as long as processes are started",
        display_name(name), reason));
  }
  const std::vector<Module>& modules = current_modules().modules;
  const bool has_another_build =
      !name.empty() && std::any_of(modules.begin(), modules.end(), [&](const Module& m) {
        return m.name == name ||
               (!name.starts_with('/') && m.name.ends_with(name.substr(name.rfind('/') + 1)));
      });
  if (has_another_build) {
    throw TokenError(fmt::format(
        "procyon: a function of {} was sent here, but this process has loaded another build of it: the "
        "file was replaced while the program ran; end the program and start it anew",
        display_name(name)));
  }
  throw TokenError(
      fmt::format("procyon: a function of {} was sent here, but this process has not loaded that build of "
                  "it (id {:016x}); load the same file before functions of it are received",
                  display_name(name), token.module));
}

Place find_place(Token token, std::string_view name) {
  const Module* module = current_modules().find_id(token.module);
  if (module == nullptr) throw_not_loaded(token, name);
  if (module->loaded_twice) {
    throw TokenError(
        fmt::format("procyon: a function of {} was sent here, but this process has loaded two copies of that "
                    "file, so that it is "
                    "not known which one is meant; load one of them only",
                    display_name(module->name)));
  }
  return {module, module->base + token.offset};
}

std::uint64_t checksum(Token token, std::uint64_t signature) {
  std::uint64_t hash = signature;
  for (const std::uint64_t word : {token.module, token.offset}) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
  }
  return hash;
}

struct WireToken {
  Token token;
  std::string_view name;  // lies in the message
};

WireToken read_token(Reader& reader) {
  WireToken result;
  result.token.module = reader.get<std::uint64_t>(type_of_token);
  result.token.offset = reader.get<std::uint64_t>(type_of_token);
  const auto length = reader.get<std::uint16_t>(type_of_token);
  if (length > name_limit) throw_bad_length(type_of_token, length, name_limit);
  result.name = {reinterpret_cast<const char*>(reader.take(length, type_of_token)), length};
  return result;
}

}  // namespace

Token token_of(const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const Module* module = current_modules().find_address(number);
  if (module == nullptr) {
    throw TokenError(
        fmt::format("procyon: the function at {} belongs to no loaded program or library (code made at run "
                    "time?) and cannot be "
                    "named to another process",
                    address));
  }
  if (module->loaded_twice) {
    throw TokenError(
        fmt::format("procyon: the function at {} lies in {}, which is loaded twice in this process, so that "
                    "it cannot be named to "
                    "another process; load one copy only",
                    address, display_name(module->name)));
  }
  return {module->id, number - module->base};
}

const void* resolve(Token token, std::string_view name) {
  const Place place = find_place(token, name);
  if (!place.module->within(place.address, 1, [](const Segment&) { return true; })) {
    throw TokenError(
        fmt::format("procyon: a function at offset {:#x} of {} was sent here, but that file is smaller",
                    token.offset, display_name(place.module->name)));
  }
  return reinterpret_cast<const void*>(place.address);
}

std::string module_name(Token token) {
  const Module* module = current_modules().find_id(token.module);
  return module == nullptr ? std::string() : module->name;
}

void write_token(Writer& writer, Token token) {
  writer.put(token.module);
  writer.put(token.offset);
  // Nearly all functions are the program's own, which is there as long as the process.
  static const std::uint64_t program = current_modules().modules.front().id;
  const std::string name = token.module == program ? std::string() : module_name(token);
  const auto length = static_cast<std::uint16_t>(std::min(name.size(), name_limit));
  writer.put(length);
  writer.append(name.data(), length);
}

void write_descriptor(Writer& writer, Token token, const FunctionDescriptor& descriptor) {
  write_token(writer, token);
  writer.put(descriptor.signature);
}

const FunctionDescriptor& read_descriptor(Reader& reader) {
  const WireToken sent = read_token(reader);
  const auto signature = reader.get<std::uint64_t>(type_of_token);
  const Place place = find_place(sent.token, sent.name);
  if (place.address % alignof(FunctionDescriptor) != 0 ||
      !place.module->is_constant(place.address, sizeof(FunctionDescriptor))) {
    throw TokenError(fmt::format(
        "procyon: offset {:#x} of {} was sent here as a function, but no constant of that program lies "
        "there; the "
        "message was damaged, or the file was linked with -z norelro, which Procyon does not support",
        sent.token.offset, display_name(place.module->name)));
  }
  const auto& descriptor = *reinterpret_cast<const FunctionDescriptor*>(place.address);
  if (descriptor.magic != FunctionDescriptor::expected_magic) {
    throw TokenError(
        fmt::format("procyon: offset {:#x} of {} was sent here as a function, but there is something else; "
                    "the message was damaged",
                    sent.token.offset, display_name(place.module->name)));
  }
  if (descriptor.signature != signature) {
    throw TokenError(
        fmt::format("procyon: a function was sent here as '{}' of {}, but with the mark of other types; both "
                    "processes must run "
                    "the same build",
                    descriptor.type, display_name(place.module->name)));
  }
  return descriptor;
}

void write_code_address(Writer& writer, const void* address, std::uint64_t signature) {
  const Token token = address == nullptr ? Token{} : token_of(address);
  write_token(writer, token);
  writer.put(checksum(token, signature));
}

const void* read_code_address(Reader& reader, std::uint64_t signature, std::string_view type) {
  const WireToken sent = read_token(reader);
  if (reader.get<std::uint64_t>(type) != checksum(sent.token, signature)) {
    throw_bad_value(type, "a function of another type, or damaged bytes");
  }
  if (sent.token == Token{}) return nullptr;
  const Place place = find_place(sent.token, sent.name);
  if (!place.module->is_code(place.address)) {
    throw TokenError(fmt::format(
        "procyon: offset {:#x} of {} was sent here as a function pointer, but no code lies there; the "
        "message was damaged",
        sent.token.offset, display_name(place.module->name)));
  }
  return reinterpret_cast<const void*>(place.address);
}

}  // namespace procyon::wire
