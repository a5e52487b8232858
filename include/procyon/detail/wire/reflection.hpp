// The members of plain aggregates, found without the user naming them.
//
//   field_count<Point>                               2
//   FieldTypes<Point>                                TypeList<double, double>
//   visit_fields(point, [](auto&... fields) {...});  all members at once
//
// Up to 32 members, of any kind that `{}` can initialise, C arrays included, and nested. Not seen through:
// base classes (has_bases says so), more members, and aggregates that mix C arrays with members that cannot
// be made from `{}`.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/traits.hpp"

namespace procyon::wire {

inline constexpr std::size_t field_limit = 32;

namespace detail {

// Converts to whatever a member wants to be made from.
struct Anything {
  template <class T>
  operator T() const;
};

// Likewise for members that are references to what may change.
struct AnyLvalue {
  template <class T>
  operator T&() const;
};

// Converts only to a base class of T.
template <class T>
struct AnyBaseOf {
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>) operator Base() const;
};

template <std::size_t, class Initializer = Anything>
using AnythingAt = Initializer;

template <class T, class Initializer, std::size_t... positions>
consteval bool takes(std::index_sequence<positions...>) {
  return requires { T{AnythingAt<positions, Initializer>{}...}; };
}

template <class T, std::size_t... before, std::size_t... inside, std::size_t... after>
consteval bool takes_group(std::index_sequence<before...>, std::index_sequence<inside...>,
                           std::index_sequence<after...>) {
  return requires { T{AnythingAt<before>{}..., {AnythingAt<inside>{}...}, AnythingAt<after>{}...}; };
}

// True if `T{{}, {}, ...}` with `count` empty initialisers is well-formed: each stands for one whole member,
// a C array too, whereas an initialiser that is an object would stand for one element of it.
template <class T, std::size_t count>
consteval bool takes_empty() {
  static_assert(count <= field_limit + 1);
  if constexpr (count == 0) return requires {
      T{};
    };
  else if constexpr (count == 1)
    return requires { T{{}}; };
  else if constexpr (count == 2)
    return requires { T{{}, {}}; };
  else if constexpr (count == 3)
    return requires { T{{}, {}, {}}; };
  else if constexpr (count == 4)
    return requires { T{{}, {}, {}, {}}; };
  else if constexpr (count == 5)
    return requires { T{{}, {}, {}, {}, {}}; };
  else if constexpr (count == 6)
    return requires { T{{}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 7)
    return requires { T{{}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 8)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 9)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 10)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 11)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 12)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 13)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 14)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 15)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 16)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 17)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 18)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 19)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 20)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (count == 21)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 22)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 23)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 24)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 25)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 26)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 27)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 28)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 29)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 30)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 31)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 32)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
  else if constexpr (count == 33)
    return requires {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
        {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    };
}

// How many members the first `count` of empty initialisers stand for at most; npos if no number fits.
inline constexpr std::size_t no_count = static_cast<std::size_t>(-1);

template <class T, std::size_t count = field_limit + 1>
consteval std::size_t count_by_empty() {
  if constexpr (takes_empty<T, count>()) {
    return count;
  } else if constexpr (count == 0) {
    return no_count;
  } else {
    return count_by_empty<T, count - 1>();
  }
}

// For aggregates with a member that cannot be made from `{}` (it has no default constructor).
template <class T, class Initializer, std::size_t count = field_limit + 1>
consteval std::size_t count_by_objects() {
  if constexpr (takes<T, Initializer>(std::make_index_sequence<count>())) {
    return count;
  } else if constexpr (count == 0) {
    return no_count;
  } else {
    return count_by_objects<T, Initializer, count - 1>();
  }
}

// True if some initialiser of `total` is one of several for a C array, which the count then mistakes for
// members.
template <class T, std::size_t total, std::size_t position = 0, std::size_t length = 2>
consteval bool has_expanded_array() {
  if constexpr (position + 2 > total) {
    return false;
  } else if constexpr (position + length > total) {
    return has_expanded_array<T, total, position + 1, 2>();
  } else if constexpr (takes_group<T>(std::make_index_sequence<position>(),
                                      std::make_index_sequence<length>(),
                                      std::make_index_sequence<total - position - length>()) &&
                       !takes_group<T>(std::make_index_sequence<position>(),
                                       std::make_index_sequence<length>(),
                                       std::make_index_sequence<total - position - 1>())) {
    return true;
  } else {
    return has_expanded_array<T, total, position, length + 1>();
  }
}

template <class T>
consteval bool find_bases() {
  if constexpr (std::is_aggregate_v<T> && std::is_class_v<T>) {
    return requires { T{AnyBaseOf<T>{}}; };
  } else {
    return false;
  }
}

template <class T>
consteval std::size_t count_fields() {
  if constexpr (!std::is_aggregate_v<T> || !std::is_class_v<T>) {
    return no_count;
  } else if constexpr (std::is_empty_v<T>) {
    return 0;
  } else if constexpr (find_bases<T>()) {
    return no_count;
  } else {
    constexpr std::size_t by_empty = count_by_empty<T>();
    if constexpr (by_empty != no_count) {
      return by_empty <= field_limit ? by_empty : no_count;
    } else {
      constexpr std::size_t by_anything = count_by_objects<T, Anything>();
      if constexpr (by_anything == no_count) {
        constexpr std::size_t by_lvalues = count_by_objects<T, AnyLvalue>();
        return by_lvalues <= field_limit ? by_lvalues : no_count;
      } else if constexpr (by_anything > field_limit) {
        return no_count;
      } else if constexpr (has_expanded_array<T, by_anything>()) {
        return no_count;
      } else {
        return by_anything;
      }
    }
  }
}

}  // namespace detail

// True if T is an aggregate with base classes.
template <class T>
inline constexpr bool has_bases = detail::find_bases<T>();

// The number of members; only meaningful for a ReflectedAggregate.
template <class T>
inline constexpr std::size_t field_count = detail::count_fields<T>();

// An aggregate class whose members are all known.
template <class T>
concept ReflectedAggregate = std::is_class_v<T> && std::is_aggregate_v<T> && field_count<T>
!= detail::no_count;

// Calls visitor(member, member, ...), and returns what it returns.
template <class T, class Visitor>
constexpr decltype(auto) visit_fields(T& value, Visitor&& visitor) {
  constexpr std::size_t count = field_count<std::remove_const_t<T>>;
  if constexpr (count == 0) {
    return visitor();
  } else if constexpr (count == 1) {
    auto& [m1] = value;
    return visitor(m1);
  } else if constexpr (count == 2) {
    auto& [m1, m2] = value;
    return visitor(m1, m2);
  } else if constexpr (count == 3) {
    auto& [m1, m2, m3] = value;
    return visitor(m1, m2, m3);
  } else if constexpr (count == 4) {
    auto& [m1, m2, m3, m4] = value;
    return visitor(m1, m2, m3, m4);
  } else if constexpr (count == 5) {
    auto& [m1, m2, m3, m4, m5] = value;
    return visitor(m1, m2, m3, m4, m5);
  } else if constexpr (count == 6) {
    auto& [m1, m2, m3, m4, m5, m6] = value;
    return visitor(m1, m2, m3, m4, m5, m6);
  } else if constexpr (count == 7) {
    auto& [m1, m2, m3, m4, m5, m6, m7] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7);
  } else if constexpr (count == 8) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8);
  } else if constexpr (count == 9) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9);
  } else if constexpr (count == 10) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10);
  } else if constexpr (count == 11) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11);
  } else if constexpr (count == 12) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12);
  } else if constexpr (count == 13) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13);
  } else if constexpr (count == 14) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14);
  } else if constexpr (count == 15) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15);
  } else if constexpr (count == 16) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16);
  } else if constexpr (count == 17) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17);
  } else if constexpr (count == 18) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18);
  } else if constexpr (count == 19) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19);
  } else if constexpr (count == 20) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20);
  } else if constexpr (count == 21) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] =
        value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21);
  } else if constexpr (count == 22) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22);
  } else if constexpr (count == 23) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23);
  } else if constexpr (count == 24) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24);
  } else if constexpr (count == 25) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25);
  } else if constexpr (count == 26) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26);
  } else if constexpr (count == 27) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27);
  } else if constexpr (count == 28) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28);
  } else if constexpr (count == 29) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29);
  } else if constexpr (count == 30) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29, m30);
  } else if constexpr (count == 31) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31);
  } else if constexpr (count == 32) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32);
  }
}

namespace detail {

// Never called: its result type lists the members' declared types (a reference stays one).
template <class T>
auto list_fields(T& value) {
  constexpr std::size_t count = field_count<T>;
  if constexpr (count == 0) {
    return TypeList<>{};
  } else if constexpr (count == 1) {
    auto& [m1] = value;
    return TypeList<decltype(m1)>{};
  } else if constexpr (count == 2) {
    auto& [m1, m2] = value;
    return TypeList<decltype(m1), decltype(m2)>{};
  } else if constexpr (count == 3) {
    auto& [m1, m2, m3] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3)>{};
  } else if constexpr (count == 4) {
    auto& [m1, m2, m3, m4] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4)>{};
  } else if constexpr (count == 5) {
    auto& [m1, m2, m3, m4, m5] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5)>{};
  } else if constexpr (count == 6) {
    auto& [m1, m2, m3, m4, m5, m6] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6)>{};
  } else if constexpr (count == 7) {
    auto& [m1, m2, m3, m4, m5, m6, m7] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7)>{};
  } else if constexpr (count == 8) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8)>{};
  } else if constexpr (count == 9) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9)>{};
  } else if constexpr (count == 10) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10)>{};
  } else if constexpr (count == 11) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11)>{};
  } else if constexpr (count == 12) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12)>{};
  } else if constexpr (count == 13) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13)>{};
  } else if constexpr (count == 14) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14)>{};
  } else if constexpr (count == 15) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15)>{};
  } else if constexpr (count == 16) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16)>{};
  } else if constexpr (count == 17) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17)>{};
  } else if constexpr (count == 18) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17),
                    decltype(m18)>{};
  } else if constexpr (count == 19) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19)>{};
  } else if constexpr (count == 20) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20)>{};
  } else if constexpr (count == 21) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] =
        value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21)>{};
  } else if constexpr (count == 22) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22)>{};
  } else if constexpr (count == 23) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23)>{};
  } else if constexpr (count == 24) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23),
                    decltype(m24)>{};
  } else if constexpr (count == 25) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25)>{};
  } else if constexpr (count == 26) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26)>{};
  } else if constexpr (count == 27) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27)>{};
  } else if constexpr (count == 28) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28)>{};
  } else if constexpr (count == 29) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29)>{};
  } else if constexpr (count == 30) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29),
                    decltype(m30)>{};
  } else if constexpr (count == 31) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29), decltype(m30),
                    decltype(m31)>{};
  } else if constexpr (count == 32) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29), decltype(m30),
                    decltype(m31), decltype(m32)>{};
  }
}

}  // namespace detail

template <class T>
using FieldTypes = decltype(detail::list_fields(std::declval<T&>()));

}  // namespace procyon::wire
