// The standard library's types that hold other values: pair, tuple, optional, variant, smart pointers; and path, bitset.
//
// A smart pointer crosses as the value it owns, so two shared_ptr to one object arrive as two objects. A pointer to a
// base class is refused: the derived part would be lost.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "procyon/detail/wire/containers.hpp"
#include "procyon/detail/wire/traits.hpp"

namespace procyon::wire {

namespace detail {

inline bool read_flag(Reader& reader, std::string_view type) {
  const auto flag = reader.get<std::uint8_t>(type);
  if (flag > 1) throw_bad_value(type, "a mark of presence that is neither 0 nor 1");
  return flag == 1;
}

// True if a T* may point to an object of a derived class.
template <class T>
inline constexpr bool may_be_derived = std::is_polymorphic_v<T> && !std::is_final_v<T>;

}  // namespace detail

template <class First, class Second>
struct Codec<std::pair<First, Second>> {
  using Parts = TypeList<First, Second>;
  static void write(Writer& writer, const std::pair<First, Second>& pair) {
    wire::write(writer, pair.first);
    wire::write(writer, pair.second);
  }
  static std::pair<First, Second> read(Reader& reader) {
    return std::pair<First, Second>{wire::read<std::remove_cv_t<First>>(reader),
                                    wire::read<std::remove_cv_t<Second>>(reader)};
  }
};

template <class... Types>
struct Codec<std::tuple<Types...>> {
  using Parts = TypeList<Types...>;
  static void write(Writer& writer, const std::tuple<Types...>& tuple) {
    static_cast<void>(writer);
    std::apply([&writer](const auto&... members) { (wire::write(writer, members), ...); }, tuple);
  }
  static std::tuple<Types...> read(Reader& reader) {
    static_cast<void>(reader);
    return std::tuple<Types...>{wire::read<std::remove_cv_t<Types>>(reader)...};
  }
};

template <class T>
struct Codec<std::optional<T>> {
  using Parts = TypeList<T>;
  static void write(Writer& writer, const std::optional<T>& value) {
    writer.put(static_cast<std::uint8_t>(value.has_value() ? 1 : 0));
    if (value) wire::write(writer, *value);
  }
  static std::optional<T> read(Reader& reader) {
    if (!detail::read_flag(reader, type_name<std::optional<T>>())) return std::nullopt;
    return std::optional<T>(std::in_place, wire::read<std::remove_cv_t<T>>(reader));
  }
};

template <class... Types>
struct Codec<std::variant<Types...>> {
  using Variant = std::variant<Types...>;
  using Parts = TypeList<Types...>;

  static void write(Writer& writer, const Variant& variant) {
    if (variant.valueless_by_exception()) throw_unencodable(type_name<Variant>(), "it lost its value");
    writer.put(static_cast<std::uint16_t>(variant.index()));
    std::visit([&writer](const auto& value) { wire::write(writer, value); }, variant);
  }

  static Variant read(Reader& reader) {
    const auto index = reader.get<std::uint16_t>(type_name<Variant>());
    if (index >= sizeof...(Types))
      throw_bad_value(type_name<Variant>(), "the number of an alternative it does not have");
    return read_alternative(reader, index, std::index_sequence_for<Types...>());
  }

 private:
  template <std::size_t position>
  static Variant read_one(Reader& reader) {
    using Alternative = std::variant_alternative_t<position, Variant>;
    return Variant(std::in_place_index<position>, wire::read<Alternative>(reader));
  }

  template <std::size_t... positions>
  static Variant read_alternative(Reader& reader, std::size_t index, std::index_sequence<positions...>) {
    static constexpr std::array<Variant (*)(Reader&), sizeof...(positions)> readers{&read_one<positions>...};
    return readers[index](reader);
  }
};

template <>
struct Codec<std::monostate> {
  using Parts = TypeList<>;
  static void write(Writer&, const std::monostate&) {}
  static std::monostate read(Reader&) { return {}; }
};

template <class T>
requires(std::is_object_v<T> && !std::is_array_v<T> &&
         !detail::may_be_derived<T>) struct Codec<std::unique_ptr<T>> {
  using Parts = TypeList<T>;
  static void write(Writer& writer, const std::unique_ptr<T>& pointer) {
    writer.put(static_cast<std::uint8_t>(pointer ? 1 : 0));
    typename Writer::Nesting nesting(writer);
    if (pointer) wire::write(writer, *pointer);
  }
  static std::unique_ptr<T> read(Reader& reader) {
    if (!detail::read_flag(reader, type_name<std::unique_ptr<T>>())) return nullptr;
    Reader::Nesting nesting(reader);
    return std::unique_ptr<T>(new T(wire::read<std::remove_cv_t<T>>(reader)));
  }
};

template <class T>
requires(std::is_object_v<T> && !std::is_array_v<T> &&
         !detail::may_be_derived<T>) struct Codec<std::shared_ptr<T>> {
  using Parts = TypeList<T>;
  static void write(Writer& writer, const std::shared_ptr<T>& pointer) {
    writer.put(static_cast<std::uint8_t>(pointer ? 1 : 0));
    typename Writer::Nesting nesting(writer);
    if (pointer) wire::write(writer, *pointer);
  }
  static std::shared_ptr<T> read(Reader& reader) {
    if (!detail::read_flag(reader, type_name<std::shared_ptr<T>>())) return nullptr;
    Reader::Nesting nesting(reader);
    return std::make_shared<T>(wire::read<std::remove_cv_t<T>>(reader));
  }
};

template <>
struct Codec<std::filesystem::path> {
  using Parts = TypeList<>;
  static void write(Writer& writer, const std::filesystem::path& path) { wire::write(writer, path.native()); }
  static std::filesystem::path read(Reader& reader) {
    return std::filesystem::path(wire::read<std::filesystem::path::string_type>(reader));
  }
};

template <std::size_t count>
struct Codec<std::bitset<count>> {
  using Parts = TypeList<>;
  static void write(Writer& writer, const std::bitset<count>& bits) {
    for (std::size_t start = 0; start < count; start += 8) {
      unsigned byte = 0;
      for (std::size_t bit = 0; bit < 8 && start + bit < count; ++bit)
        byte |= (bits[start + bit] ? 1U : 0U) << bit;
      writer.put(static_cast<std::uint8_t>(byte));
    }
  }
  static std::bitset<count> read(Reader& reader) {
    std::bitset<count> bits;
    for (std::size_t start = 0; start < count; start += 8) {
      const unsigned byte = reader.get<std::uint8_t>(type_name<std::bitset<count>>());
      for (std::size_t bit = 0; bit < 8 && start + bit < count; ++bit)
        bits[start + bit] = ((byte >> bit) & 1U) != 0;
    }
    return bits;
  }
};

}  // namespace procyon::wire
