#include "procyon/detail/channel/connection_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "procyon/detail/wire/decode_error.hpp"
#include "procyon/detail/wire/type_name.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::channel {

namespace {

struct ValueHeader {
  std::array<unsigned char, 8> magic;
  std::uint64_t type;
  std::uint16_t descriptors;
  std::uint16_t objects;
  std::uint32_t name_length;
};
static_assert(sizeof(ValueHeader) == 24);

constexpr std::array<unsigned char, 8> magic{0x89, 'P', 'r', 'o', 'c', 'y', 'o', 'n'};
constexpr std::size_t longest_name = 1024;

// The name comes from another process: whatever it holds, the sentence stays readable.
std::string readable_name(std::span<const std::byte> bytes) {
  std::string name(bytes.size(), '?');
  std::transform(bytes.begin(), bytes.end(), name.begin(), [](std::byte byte) {
    const char character = static_cast<char>(byte);
    return character >= ' ' && character <= '~' ? character : '?';
  });
  return name;
}

[[noreturn]] void throw_plain_bytes(std::size_t size, std::string_view type) {
  throw wire::DecodeError(fmt::format(
      "procyon: recv() was to receive a value of type '{}', but the message is {} plain bytes; receive it "
      "with recv_bytes(), or send it with send()",
      type, size));
}

}  // namespace

void begin_value(wire::Writer& writer, std::string_view type) {
  const std::string_view name = type.substr(0, longest_name);
  writer.put(
      ValueHeader{magic, wire::detail::hash_text(type), 0, 0, static_cast<std::uint32_t>(name.size())});
  writer.append(name.data(), name.size());
}

std::span<const std::byte> value_in(std::span<const std::byte> message, std::string_view type) {
  ValueHeader header;
  if (message.size() < sizeof(header)) throw_plain_bytes(message.size(), type);
  std::memcpy(&header, message.data(), sizeof(header));
  if (header.magic != magic) throw_plain_bytes(message.size(), type);
  const std::span<const std::byte> rest = message.subspan(sizeof(header));
  if (header.name_length > std::min(rest.size(), longest_name))
    wire::throw_bad_value(type, "the name of its type is longer than the message");
  if (header.type != wire::detail::hash_text(type)) {
    throw wire::DecodeError(fmt::format(
        "procyon: recv() was to receive a value of type '{}', but the message holds one of type '{}'; ask "
        "for what is sent. The message is lost",
        type, readable_name(rest.first(header.name_length))));
  }
  if (header.descriptors != 0 || header.objects != 0)
    wire::throw_bad_value(type, "it came with descriptors or shared objects, which this end cannot take");
  return rest.subspan(header.name_length);
}

}  // namespace procyon::channel
