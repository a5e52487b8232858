// How a message of a Connection says what value it holds.
//
//   magic       8 bytes: no message of plain bytes, and no Python pickle, begins so by chance
//   type        u64, hash of the name of the type
//   descriptors u16, objects u16: how many travel beside the bytes; both 0 so far
//   name length u32, then the name itself, cut after 1024 characters: for the sentence of an error
//   the value   as the codec writes it
//
// The hash decides whether the types are the same; both ends run the same build.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace procyon::wire {
class Writer;
}

namespace procyon::channel {

/// Writes what stands before the value.
void begin_value(wire::Writer& writer, std::string_view type);

/// The bytes of the value in a message. Throws wire::DecodeError when the message holds a value of another type, with
/// both names, or none.
std::span<const std::byte> value_in(std::span<const std::byte> message, std::string_view type);

}  // namespace procyon::channel
