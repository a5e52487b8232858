// Which types may be keys of a server's dict and elements of its set: those whose equal values are equal bytes.
//
// The server compares bytes. So there are no keys of floating point (0.0 == -0.0, NaN != NaN), no unordered containers (their
// order is their own affair), no proxies, and no plain structs with unused bytes between their members. A class with
// serialize() is taken at its word.
#pragma once

#include <type_traits>
#include <utility>

#include "procyon/detail/manager/proxy_base.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon::manager {

namespace detail {

template <class T>
concept HasHasher = requires {
  typename T::hasher;
};

template <class T>
consteval bool is_key();

template <class... Parts>
consteval bool all_are_keys(wire::TypeList<Parts...>) {
  return (is_key<std::remove_cv_t<Parts>>() && ...);
}

template <class T>
consteval bool is_key() {
  if constexpr (std::is_floating_point_v<T> || HasHasher<T> || std::is_base_of_v<ProxyBase, T> ||
                wire::SharedObject<T> || wire::CarriesDescriptor<T>) {
    return false;
  } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return true;
  } else if constexpr (wire::HasCodec<T> && requires { typename T::value_type; }) {
    return is_key<typename T::value_type>();  // a container, whose Parts leave out what is copied as bytes
  } else if constexpr (wire::HasCodec<T>) {
    return all_are_keys(typename wire::Codec<T>::Parts{});
  } else if constexpr (wire::has_serialize<T>) {
    return true;
  } else if constexpr (wire::bitwise<T>) {
    return std::has_unique_object_representations_v<T>;
  } else if constexpr (wire::ReflectedAggregate<T>) {
    return all_are_keys(wire::FieldTypes<T>{});
  } else {
    return wire::stateless<T>;
  }
}

}  // namespace detail

template <class T>
concept KeyType = detail::is_key<T>();

/// Does not compile, and says why, if T cannot be a key.
template <class T>
consteval void check_key() {
  wire::check_transferable<T>();
  static_assert(
      KeyType<T>,
      "procyon: a manager's server compares keys, elements of sets and expected values by their bytes, so "
      "their type cannot have floating-point numbers, unordered containers, proxies, shared objects or "
      "structs with unused bytes in it; use integers, text, enums, and ordered containers and aggregates "
      "of these");
}

}  // namespace procyon::manager
