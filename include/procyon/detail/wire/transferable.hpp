// Which types may cross to another process, and the sentence for each that may not.
//
//   static_assert(wire::Transferable<Job>);
//   wire::check_transferable<Job>();     does not compile, and says why, when Job cannot cross
//   wire::stored_t<const char (&)[6]>    std::string: the type that is sent for an argument of this type
//
// The check looks through containers and the members of aggregates. Inside a class with `serialize` it cannot look; what
// the archive is called with there is checked when that is compiled.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "procyon/detail/wire/bitwise.hpp"
#include "procyon/detail/wire/containers.hpp"
#include "procyon/detail/wire/fields.hpp"
#include "procyon/detail/wire/function_pointer.hpp"
#include "procyon/detail/wire/reflection.hpp"
#include "procyon/detail/wire/standard.hpp"
#include "procyon/detail/wire/traits.hpp"

namespace procyon::wire {

enum class Problem {
  none,
  reference,
  raw_pointer,
  c_string,
  string_view,
  span,
  reference_wrapper,
  std_function,
  captures,
  no_default_constructor,
  base_classes,
  hidden_fields,
  is_union,
  polymorphic_pointer,
  secret,
  stays_in_its_process,
  class_type,
};

// What was found: the problem and the type that has it.
template <Problem found, class Type>
struct Finding {
  static constexpr Problem problem = found;
  using Offender = Type;
};

namespace detail {

template <class T>
inline constexpr Problem refused_library_type = Problem::none;
template <class Character, class Traits>
inline constexpr Problem refused_library_type<std::basic_string_view<Character, Traits>> =
    Problem::string_view;
template <class T, std::size_t extent>
inline constexpr Problem refused_library_type<std::span<T, extent>> = Problem::span;
template <class T>
inline constexpr Problem refused_library_type<std::initializer_list<T>> = Problem::span;
template <class T>
inline constexpr Problem refused_library_type<std::reference_wrapper<T>> = Problem::reference_wrapper;
template <class Signature>
inline constexpr Problem refused_library_type<std::function<Signature>> = Problem::std_function;
template <class T, class Deleter>
inline constexpr Problem refused_library_type<std::unique_ptr<T, Deleter>> =
    !HasCodec<std::unique_ptr<T, Deleter>> && std::is_polymorphic_v<T> ? Problem::polymorphic_pointer
                                                                       : Problem::none;
template <class T>
inline constexpr Problem refused_library_type<std::shared_ptr<T>> =
    !HasCodec<std::shared_ptr<T>> && std::is_polymorphic_v<T> ? Problem::polymorphic_pointer : Problem::none;

template <class T, class... Visited>
consteval auto find_problem();

template <class... Visited>
consteval auto find_in_parts(TypeList<>) {
  return Finding<Problem::none, void>{};
}

template <class... Visited, class First, class... Rest>
consteval auto find_in_parts(TypeList<First, Rest...>) {
  constexpr auto finding = find_problem<First, Visited...>();
  if constexpr (finding.problem != Problem::none) {
    return finding;
  } else {
    return find_in_parts<Visited...>(TypeList<Rest...>{});
  }
}

template <class T>
consteval auto find_in_pointer() {
  using Pointee = std::remove_cv_t<std::remove_pointer_t<T>>;
  if constexpr (std::is_same_v<Pointee, char>) {
    return Finding<Problem::c_string, T>{};
  } else {
    return Finding<Problem::raw_pointer, T>{};
  }
}

template <class T>
consteval auto find_in_class() {
  if constexpr (std::is_union_v<T>) {
    return Finding<Problem::is_union, T>{};
  } else if constexpr (is_closure<T>()) {
    return Finding<Problem::captures, T>{};
  } else if constexpr (std::is_aggregate_v<T> && has_bases<T>) {
    return Finding<Problem::base_classes, T>{};
  } else if constexpr (std::is_aggregate_v<T>) {
    return Finding<Problem::hidden_fields, T>{};
  } else {
    return Finding<Problem::class_type, T>{};
  }
}

// `Visited` are the types that this one lies in: a type that contains itself (a tree) has been looked at already.
template <class T, class... Visited>
consteval auto find_problem() {
  using Plain = std::remove_cv_t<T>;
  if constexpr ((std::is_same_v<Plain, Visited> || ...)) {
    return Finding<Problem::none, void>{};
  } else if constexpr (std::is_reference_v<T>) {
    return Finding<Problem::reference, T>{};
  } else if constexpr (refused_library_type<Plain> != Problem::none) {
    return Finding<refused_library_type<Plain>, Plain>{};
  } else if constexpr (IsSecret<Plain>) {
    return Finding<Problem::secret, Plain>{};
  } else if constexpr (StaysInItsProcess<Plain>) {
    return Finding<Problem::stays_in_its_process, Plain>{};
  } else if constexpr (HasCodec<Plain>) {
    return find_in_parts<Plain, Visited...>(typename Codec<Plain>::Parts{});
  } else if constexpr (CodePointer<Plain> || SharedObject<Plain> || CarriesDescriptor<Plain>) {
    return Finding<Problem::none, void>{};
  } else if constexpr (std::is_pointer_v<Plain> || std::is_null_pointer_v<Plain>) {
    return find_in_pointer<Plain>();
  } else if constexpr (has_serialize<Plain>) {
    if constexpr (std::is_default_constructible_v<Plain>) {
      return Finding<Problem::none, void>{};
    } else {
      return Finding<Problem::no_default_constructor, Plain>{};
    }
  } else if constexpr (bitwise<Plain> || std::is_same_v<Plain, bool> || std::is_enum_v<Plain> ||
                       stateless<Plain>) {
    return Finding<Problem::none, void>{};
  } else if constexpr (std::is_bounded_array_v<Plain>) {
    return find_problem<std::remove_all_extents_t<Plain>, Visited...>();
  } else if constexpr (ReflectedAggregate<Plain>) {
    return find_in_parts<Plain, Visited...>(FieldTypes<Plain>{});
  } else {
    return find_in_class<Plain>();
  }
}

// The sentences. `Offender` is the type that cannot cross and `Within` what it was found in; compilers print both.
template <Problem problem, class Offender, class Within>
struct Refuse {
  static_assert(
      problem != Problem::reference,
      "procyon: a reference cannot cross to another process, which has memory of its own; pass the value, or "
      "a shared object (mp::Value, mp::Array, mp::Queue) that both processes see");
  static_assert(
      problem != Problem::raw_pointer,
      "procyon: a raw pointer cannot cross to another process, where its address means nothing; pass the "
      "value itself, std::unique_ptr or std::shared_ptr (the value is copied), or a shared object");
  static_assert(
      problem != Problem::c_string,
      "procyon: a const char* inside another type cannot cross to another process, where its address means "
      "nothing; make it a std::string");
  static_assert(
      problem != Problem::string_view,
      "procyon: a std::string_view cannot cross to another process: it does not own its text; pass a "
      "std::string");
  static_assert(problem != Problem::span,
                "procyon: a std::span cannot cross to another process: it does not own its elements; pass a "
                "std::vector, or an mp::Array that both processes see");
  static_assert(
      problem != Problem::reference_wrapper,
      "procyon: std::ref cannot cross to another process, which has memory of its own; pass the value, or a "
      "shared object (mp::Value, mp::Array, mp::Queue) that both processes see");
  static_assert(
      problem != Problem::std_function,
      "procyon: a std::function cannot cross to another process: what it holds is hidden from the compiler; "
      "pass the function, the captureless lambda or mp::partial(f, values...) itself");
  static_assert(
      problem != Problem::captures,
      "procyon: this lambda captures variables; captures cannot cross to another process, because the "
      "compiler hides what they are: pass the values with mp::partial(f, values...) or as arguments, or use "
      "the fork context, where everything is inherited");
  static_assert(
      problem != Problem::no_default_constructor,
      "procyon: a class with a serialize member needs a default constructor to cross to another process: "
      "the receiver makes an object first and reads its members then");
  static_assert(
      problem != Problem::base_classes,
      "procyon: an aggregate with base classes cannot be taken apart to cross to another process; give it a "
      "member  template <class Archive> void serialize(Archive& archive) { archive(a, b, c); }");
  static_assert(
      problem != Problem::hidden_fields,
      "procyon: the members of this aggregate cannot be found (more than 32, or C arrays beside members "
      "without a default constructor); give it a member  template <class Archive> void "
      "serialize(Archive& archive) { archive(a, b, c); }");
  static_assert(
      problem != Problem::is_union,
      "procyon: a union cannot cross to another process, because nothing says which member is alive; use "
      "std::variant");
  static_assert(
      problem != Problem::polymorphic_pointer,
      "procyon: a smart pointer to a class with virtual functions cannot cross to another process: the "
      "derived part of the object would be lost; use std::variant, or a pointer to a final class");
  static_assert(
      problem != Problem::secret,
      "procyon: an AuthKey is a secret and does not cross to another process by accident; a child has its "
      "parent's already (mp::current_process().authkey()), or Process::set_authkey() gives it another; to "
      "send "
      "it on purpose, send a copy of its bytes()");
  static_assert(problem != Problem::stays_in_its_process,
                "procyon: this object can only be used by the process that made it (a Process, a Pool, a "
                "result), so it "
                "cannot cross to another; pass what the other process needs of it: a name, a pid, a queue");
  static_assert(
      problem != Problem::class_type,
      "procyon: this class cannot cross to another process: its members are hidden from the compiler; give "
      "it a member  template <class Archive> void serialize(Archive& archive) { archive(a, b, c); }  or make "
      "it an aggregate; if its bytes mean the same in every process, specialise procyon::enable_bitwise");
  static constexpr bool transferable = problem == Problem::none;
};

}  // namespace detail

template <class T>
using FindingFor = decltype(detail::find_problem<T>());

// True if values of T can be sent and received.
template <class T>
concept Transferable = FindingFor<T>::problem == Problem::none;

// Does not compile unless T is Transferable; the compiler prints the sentence and the type that it is about.
template <class T>
consteval void check_transferable() {
  // The sentence is a static_assert of the class that this makes the compiler look into.
  static_cast<void>(
      detail::Refuse<FindingFor<T>::problem, typename FindingFor<T>::Offender, T>::transferable);
}

namespace detail {

template <class T>
struct Stored {
  using Type = T;
};
template <>
struct Stored<const char*> {
  using Type = std::string;
};
template <>
struct Stored<char*> {
  using Type = std::string;
};
template <>
struct Stored<std::vector<bool>::reference> {
  using Type = bool;
};

}  // namespace detail

// The type that is sent for an argument expression of type Argument: without reference and const, text literals as
// std::string, functions as pointers. Whether it can be sent is another question.
template <class Argument>
using stored_t = typename detail::Stored<std::decay_t<Argument>>::Type;

}  // namespace procyon::wire
