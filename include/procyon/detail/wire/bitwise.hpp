// Which types are sent as their bytes.
//
// Trivial copyability is not enough (a lambda that captures by reference has it, and so has a struct with a
// pointer): every leaf must mean the same in another process. bool is left out, because a byte that is
// neither 0 nor 1 must not become one: it is checked when it is read.
#pragma once

#include <array>
#include <chrono>
#include <complex>
#include <type_traits>

#include "procyon/detail/wire/fields.hpp"
#include "procyon/detail/wire/reflection.hpp"
#include "procyon/detail/wire/traits.hpp"

namespace procyon {

// Specialise as true for a trivially copyable class of your own that is not an aggregate and whose bytes mean
// the same in every process: no pointers, no references, no descriptors.
//
//   template <> inline constexpr bool procyon::enable_bitwise<Fixed> = true;
template <class T>
inline constexpr bool enable_bitwise = false;

}  // namespace procyon

namespace procyon::wire {

namespace detail {

template <class T>
struct LibraryBitwise : std::false_type {};
template <class T>
struct LibraryBitwise<std::complex<T>> : std::is_arithmetic<T> {};
template <class Representation, class Period>
struct LibraryBitwise<std::chrono::duration<Representation, Period>> : std::is_arithmetic<Representation> {};
template <class Clock, class Duration>
struct LibraryBitwise<std::chrono::time_point<Clock, Duration>> : LibraryBitwise<Duration> {};

template <class T>
consteval bool is_bitwise();

template <class... Fields>
consteval bool all_bitwise(TypeList<Fields...>) {
  return (is_bitwise<Fields>() && ...);
}

template <class T>
struct ArrayElement {};
template <class T, std::size_t count>
struct ArrayElement<std::array<T, count>> {
  using Type = T;
  static constexpr std::size_t size = count;
};

template <class T>
consteval bool is_bitwise() {
  using Plain = std::remove_cv_t<T>;
  if constexpr (enable_bitwise<Plain>) {
    static_assert(std::is_trivially_copyable_v<Plain>,
                  "procyon: enable_bitwise<T> is true for a type that is not trivially copyable");
    return true;
  } else if constexpr (!std::is_trivially_copyable_v<Plain> || std::is_volatile_v<T>) {
    return false;
  } else if constexpr (std::is_same_v<Plain, bool>) {
    return false;
  } else if constexpr (std::is_enum_v<Plain>) {
    return !std::is_same_v<std::underlying_type_t<Plain>, bool>;
  } else if constexpr (std::is_arithmetic_v<Plain> || std::is_member_object_pointer_v<Plain>) {
    return true;
  } else if constexpr (std::is_array_v<Plain>) {
    return is_bitwise<std::remove_all_extents_t<Plain>>();
  } else if constexpr (requires { typename ArrayElement<Plain>::Type; }) {
    return ArrayElement<Plain>::size > 0 && is_bitwise<typename ArrayElement<Plain>::Type>();
  } else if constexpr (LibraryBitwise<Plain>::value) {
    return true;
  } else if constexpr (ReflectedAggregate<Plain>) {
    if constexpr (HasCodec<Plain> || SharedObject<Plain> || CarriesDescriptor<Plain> ||
                  has_serialize<Plain>) {
      return false;
    } else if constexpr (field_count<Plain> == 0) {
      return false;
    } else {
      return all_bitwise(FieldTypes<Plain>{});
    }
  } else {
    return false;
  }
}

}  // namespace detail

// True if values of T, and contiguous ranges of them, are copied as bytes.
template <class T>
inline constexpr bool bitwise = detail::is_bitwise<T>();

}  // namespace procyon::wire
