// Values to bytes and back.
//
//   Writer writer;
//   wire::write(writer, std::vector<double>{1, 2, 3});
//   Reader reader(writer.bytes());
//   auto values = wire::read<std::vector<double>>(reader);
//
// The encoding: scalars and trivially copyable types without pointers are their bytes; a length is a 64-bit number in
// front of its elements; aggregates are their members one after another, nothing between them. Nothing in it says what
// the type is: whoever sends across an untyped channel adds type_hash<T>().
//
// Both ends are processes of the same machine that run the same build; for anything else use a file format.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/archive.hpp"
#include "procyon/detail/wire/bitwise.hpp"
#include "procyon/detail/wire/containers.hpp"
#include "procyon/detail/wire/fields.hpp"
#include "procyon/detail/wire/function_pointer.hpp"
#include "procyon/detail/wire/reflection.hpp"
#include "procyon/detail/wire/standard.hpp"
#include "procyon/detail/wire/traits.hpp"
#include "procyon/detail/wire/transferable.hpp"

namespace procyon::wire {

namespace detail {

template <class T>
concept BooleanLike = std::is_same_v<T, bool> ||(std::is_enum_v<T>&& requires {
  requires std::is_same_v < std::underlying_type_t<T>,
  bool > ;
});

template <class T>
void write_array(Writer& writer, const T& array) {
  if constexpr (bitwise<T>) {
    writer.append(static_cast<const void*>(std::addressof(array)), sizeof(T));
  } else {
    for (const auto& element : array) write(writer, element);
  }
}

template <class... Fields>
consteval bool has_array(TypeList<Fields...>) {
  return (std::is_array_v<Fields> || ...);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // a bit-field is initialised from a value of its declared type
template <class T, class... Fields>
T read_aggregate(Reader& reader, TypeList<Fields...> fields) {
  if constexpr (has_array(fields)) {
    // An array cannot be initialised from a value that was read; such types are made first and filled then.
    T value{};
    visit_fields(value, [&reader](auto&... members) { (read_into(reader, members), ...); });
    return value;
  } else {
    // Initialisers in braces are evaluated from left to right.
    return T{read<std::remove_cv_t<Fields>>(reader)...};
  }
}
#pragma GCC diagnostic pop

}  // namespace detail

template <class T>
void write(Writer& writer, const T& value) {
  if constexpr (HasCodec<T>) {
    Codec<T>::write(writer, value);
  } else if constexpr (SharedObject<T>) {
    writer.put(writer.require_attachments(type_name<T>()).put_object(value.reference()));
  } else if constexpr (CarriesDescriptor<T>) {
    writer.put(writer.require_attachments(type_name<T>()).put_descriptor(value.procyon_descriptor()));
  } else if constexpr (has_serialize<T>) {
    WriteArchive archive(writer);
    // One member serves both directions, so it cannot be const; writing does not change the object.
    const_cast<T&>(value).serialize(archive);
  } else if constexpr (detail::CodePointer<T>) {
    detail::write_code_value(writer, value);
  } else if constexpr (std::is_array_v<T>) {
    detail::write_array(writer, value);
  } else if constexpr (detail::BooleanLike<T>) {
    writer.put(static_cast<std::uint8_t>(static_cast<bool>(value) ? 1 : 0));
  } else if constexpr (bitwise<T>) {
    writer.put(value);
  } else if constexpr (stateless<T>) {
    static_cast<void>(value);
  } else if constexpr (ReflectedAggregate<T>) {
    visit_fields(value, [&writer](const auto&... members) { (write(writer, members), ...); });
  } else {
    check_transferable<T>();
  }
}

template <class T>
T read(Reader& reader) {
  if constexpr (HasCodec<T>) {
    return Codec<T>::read(reader);
  } else if constexpr (SharedObject<T>) {
    const auto index = reader.get<std::uint32_t>(type_name<T>());
    return T(reader.require_attachments(type_name<T>()).take_object(index));
  } else if constexpr (CarriesDescriptor<T>) {
    const auto index = reader.get<std::uint32_t>(type_name<T>());
    return T::procyon_from_descriptor(reader.require_attachments(type_name<T>()).take_descriptor(index));
  } else if constexpr (has_serialize<T>) {
    T value;
    ReadArchive archive(reader);
    value.serialize(archive);
    return value;
  } else if constexpr (detail::CodePointer<T>) {
    return detail::read_code_value<T>(reader);
  } else if constexpr (detail::BooleanLike<T>) {
    const auto byte = reader.get<std::uint8_t>(type_name<T>());
    if (byte > 1) throw_bad_value(type_name<T>(), "a byte that is neither false nor true");
    return static_cast<T>(byte == 1);
  } else if constexpr (bitwise<T>) {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), reader.take(sizeof(T), type_name<T>()), sizeof(T));
    return std::bit_cast<T>(bytes);
  } else if constexpr (stateless<T>) {
    return make_stateless<T>();
  } else if constexpr (ReflectedAggregate<T>) {
    return detail::read_aggregate<T>(reader, FieldTypes<T>{});
  } else {
    check_transferable<T>();
  }
}

template <class T>
void read_into(Reader& reader, T& value) {
  if constexpr (std::is_array_v<T>) {
    if constexpr (bitwise<T>) {
      std::memcpy(static_cast<void*>(std::addressof(value)), reader.take(sizeof(T), type_name<T>()),
                  sizeof(T));
    } else {
      for (auto& element : value) read_into(reader, element);
    }
  } else if constexpr (!HasCodec<T> && !SharedObject<T> && !CarriesDescriptor<T> && has_serialize<T>) {
    ReadArchive archive(reader);
    value.serialize(archive);
  } else {
    value = read<T>(reader);
  }
}

}  // namespace procyon::wire
