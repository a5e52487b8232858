// How many members a plain aggregate has, found without the user naming them; fields.hpp then gets at each.
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

}  // namespace procyon::wire
