// The names of types and methods as messages of a manager carry them: found at compile time, and the same for g++ and clang.
//
//   signature_of<std::map<std::string, int>>()      "map<str,i32>"
//   signature_of<Point>()                           "pod{f64,f64}" (an aggregate that is sent as its bytes)
//   method_signature<&Counter::inc>()               "inc(i32)->i32"
//
// It says how the codec writes a type, not what it is called, so that two programs may have classes of their own for the same
// thing. Types with a serialize member have their unqualified name, as nobody can look inside.
//
// A method whose result is a Proxy, or an object that the server will serve (is_served), returns a "proxy": a caller without
// the class can call it, too, and of which class the object is stands beside it in the answer.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ratio>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "procyon/detail/wire/codec.hpp"

namespace procyon {

template <class T>
class Proxy;

}  // namespace procyon

namespace procyon::manager {

class ProxyBase;

/// Whether a method that returns a T returns an object to be served, of which its caller gets a proxy, and not a value:
/// std::shared_ptr<B> of a class B that may change and that the codec does not know as a value of the standard library's.
template <class T>
inline constexpr bool is_served = false;
template <class B>
inline constexpr bool is_served<std::shared_ptr<B>> =
    std::is_class_v<B> && !std::is_const_v<B> && !wire::HasCodec<B>;

/// What the caller of a method that returns a T gets.
template <class T>
struct ResultOf {
  using Type = T;
};
template <class B>
requires(is_served<std::shared_ptr<B>>) struct ResultOf<std::shared_ptr<B>> {
  using Type = Proxy<B>;
};

namespace signature {

/// A text of the compiler's.
template <std::size_t length>
struct Text {
  constexpr Text() = default;
  // NOLINTNEXTLINE: to be made from a literal
  constexpr Text(const char (&text)[length + 1]) {
    for (std::size_t i = 0; i < length; ++i) characters[i] = text[i];
  }
  char characters[length + 1] = {};
  [[nodiscard]] constexpr std::string_view view() const { return {characters, length}; }
};
template <std::size_t size>
Text(const char (&)[size]) -> Text<size - 1>;

template <std::size_t... lengths>
consteval auto join(const Text<lengths>&... parts) {
  Text<(lengths + ... + 0)> joined;
  std::size_t at = 0;
  const auto add = [&](std::string_view part) {
    for (const char character : part) joined.characters[at++] = character;
  };
  (add(parts.view()), ...);
  return joined;
}

template <std::size_t number>
consteval auto digits() {
  if constexpr (number < 10) {
    Text<1> digit;
    digit.characters[0] = static_cast<char>('0' + number);
    return digit;
  } else {
    return join(digits<number / 10>(), digits<number % 10>());
  }
}

/// The last name in "a::b::Name<c::d>", without what stands in brackets.
constexpr std::string_view unqualified(std::string_view name) {
  const std::string_view plain = name.substr(0, name.find('<'));
  const std::size_t scope = plain.rfind("::");
  return scope == std::string_view::npos ? plain : plain.substr(scope + 2);
}

template <class T>
consteval auto name_of() {
  constexpr std::string_view name = unqualified(wire::type_name<T>());
  Text<name.size()> text;
  for (std::size_t i = 0; i < name.size(); ++i) text.characters[i] = name[i];
  return text;
}

template <class T, class... Within>
consteval auto of();

template <class... Within>
consteval auto list_of(wire::TypeList<>) {
  return Text("");
}
template <class... Within, class First, class... Rest>
consteval auto list_of(wire::TypeList<First, Rest...>) {
  if constexpr (sizeof...(Rest) == 0) {
    return of<First, Within...>();
  } else {
    return join(of<First, Within...>(), Text(","), list_of<Within...>(wire::TypeList<Rest...>{}));
  }
}

// The class behind a Proxy is not sent, so its members say nothing: it is called by its name.
template <class T>
consteval auto name_or_signature() {
  if constexpr (std::is_class_v<T> && !wire::HasCodec<T> && !std::is_base_of_v<ProxyBase, T>) {
    return name_of<T>();
  } else {
    return of<T>();
  }
}
consteval auto names_of(wire::TypeList<>) { return Text(""); }
template <class First, class... Rest>
consteval auto names_of(wire::TypeList<First, Rest...>) {
  if constexpr (sizeof...(Rest) == 0) {
    return name_or_signature<First>();
  } else {
    return join(name_or_signature<First>(), Text(","), names_of(wire::TypeList<Rest...>{}));
  }
}

template <std::size_t length>
consteval auto around(const Text<length>& name, const auto& inner) {
  return join(name, Text("<"), inner, Text(">"));
}

template <class T>
consteval auto number() {
  if constexpr (std::is_same_v<T, bool>) {
    return Text("bool");
  } else if constexpr (std::is_floating_point_v<T>) {
    return join(Text("f"), digits<8 * sizeof(T)>());
  } else if constexpr (std::is_signed_v<T>) {
    return join(Text("i"), digits<8 * sizeof(T)>());
  } else {
    return join(Text("u"), digits<8 * sizeof(T)>());
  }
}

// What a template of the standard library is called here; the empty text for the others.
template <class T>
struct Library {
  static constexpr auto name = Text("");
};
template <class... Types>
struct Named {
  using Parts = wire::TypeList<Types...>;
};
template <class T, class A>
struct Library<std::vector<T, A>> : Named<T> {
  static constexpr auto name = Text("list");
};
template <class A>
struct Library<std::vector<bool, A>> : Named<bool> {
  static constexpr auto name = Text("bits");
};
template <class T, class A>
struct Library<std::deque<T, A>> : Named<T> {
  static constexpr auto name = Text("list");
};
template <class T, class A>
struct Library<std::list<T, A>> : Named<T> {
  static constexpr auto name = Text("list");
};
template <class T, class C, class A>
struct Library<std::set<T, C, A>> : Named<T> {
  static constexpr auto name = Text("set");
};
template <class T, class C, class A>
struct Library<std::multiset<T, C, A>> : Named<T> {
  static constexpr auto name = Text("set");
};
template <class T, class H, class E, class A>
struct Library<std::unordered_set<T, H, E, A>> : Named<T> {
  static constexpr auto name = Text("set");
};
template <class T, class H, class E, class A>
struct Library<std::unordered_multiset<T, H, E, A>> : Named<T> {
  static constexpr auto name = Text("set");
};
template <class K, class V, class C, class A>
struct Library<std::map<K, V, C, A>> : Named<K, V> {
  static constexpr auto name = Text("map");
};
template <class K, class V, class C, class A>
struct Library<std::multimap<K, V, C, A>> : Named<K, V> {
  static constexpr auto name = Text("map");
};
template <class K, class V, class H, class E, class A>
struct Library<std::unordered_map<K, V, H, E, A>> : Named<K, V> {
  static constexpr auto name = Text("map");
};
template <class K, class V, class H, class E, class A>
struct Library<std::unordered_multimap<K, V, H, E, A>> : Named<K, V> {
  static constexpr auto name = Text("map");
};
template <class T>
struct Library<std::optional<T>> : Named<T> {
  static constexpr auto name = Text("optional");
};
template <class... Types>
struct Library<std::variant<Types...>> : Named<Types...> {
  static constexpr auto name = Text("variant");
};
template <class T, class D>
struct Library<std::unique_ptr<T, D>> : Named<T> {
  static constexpr auto name = Text("ptr");
};
template <class T>
struct Library<std::shared_ptr<T>> : Named<T> {
  static constexpr auto name = Text("ptr");
};
template <class T>
struct Library<std::complex<T>> : Named<T> {
  static constexpr auto name = Text("complex");
};

template <class T>
inline constexpr bool is_text = false;
template <class Character, class Traits, class A>
inline constexpr bool is_text<std::basic_string<Character, Traits, A>> = sizeof(Character) == 1;

template <class T>
struct Members {};
template <class First, class Second>
struct Members<std::pair<First, Second>> : Named<First, Second> {};
template <class... Types>
struct Members<std::tuple<Types...>> : Named<Types...> {};

template <class T>
struct Time {};
template <class Representation, class Period>
struct Time<std::chrono::duration<Representation, Period>> {
  static consteval auto text() {
    return join(Text("duration<"), number<Representation>(), Text(","),
                digits<static_cast<std::size_t>(Period::num)>(), Text("/"),
                digits<static_cast<std::size_t>(Period::den)>(), Text(">"));
  }
};
template <class Clock, class Duration>
struct Time<std::chrono::time_point<Clock, Duration>> {
  static consteval auto text() { return join(name_of<Clock>(), Text(":"), Time<Duration>::text()); }
};

template <class T>
struct FixedArray {};
template <class T, std::size_t size>
struct FixedArray<std::array<T, size>> {
  using Element = T;
  static constexpr std::size_t count = size;
};

// A proxy is called by its class and what that is of: "ListProxy<i32>".
template <class T>
struct TemplateParts {};
template <template <class...> class Template, class... Types>
struct TemplateParts<Template<Types...>> : Named<Types...> {};

template <class Proxy>
consteval auto proxy_name() {
  if constexpr (requires { typename TemplateParts<Proxy>::Parts; }) {
    return join(name_of<Proxy>(), Text("<"), names_of(typename TemplateParts<Proxy>::Parts{}), Text(">"));
  } else {
    return name_of<Proxy>();
  }
}

// `Within` are the types that this one lies in: a type that contains itself is there called by its name.
template <class T, class... Within>
consteval auto of() {
  using Plain = std::remove_cv_t<T>;
  if constexpr (std::is_void_v<Plain>) {
    return Text("void");
  } else if constexpr ((std::is_same_v<Plain, Within> || ...)) {
    return name_of<Plain>();
  } else if constexpr (std::is_base_of_v<ProxyBase, Plain>) {
    return join(Text("proxy<"), proxy_name<Plain>(), Text(">"));
  } else if constexpr (std::is_enum_v<Plain>) {
    return number<std::underlying_type_t<Plain>>();
  } else if constexpr (std::is_arithmetic_v<Plain>) {
    return number<Plain>();
  } else if constexpr (is_text<Plain>) {
    return Text("str");
  } else if constexpr (std::is_same_v<Plain, std::filesystem::path>) {
    return Text("path");
  } else if constexpr (Library<Plain>::name.view().size() != 0) {
    return around(Library<Plain>::name, list_of<Plain, Within...>(typename Library<Plain>::Parts{}));
  } else if constexpr (requires { typename Members<Plain>::Parts; }) {
    return join(Text("{"), list_of<Plain, Within...>(typename Members<Plain>::Parts{}), Text("}"));
  } else if constexpr (requires { Time<Plain>::text(); }) {
    return Time<Plain>::text();
  } else if constexpr (requires { typename FixedArray<Plain>::Element; }) {
    return join(Text("array<"), of<typename FixedArray<Plain>::Element, Within...>(), Text(","),
                digits<FixedArray<Plain>::count>(), Text(">"));
  } else if constexpr (std::is_bounded_array_v<Plain>) {
    return join(Text("array<"), of<std::remove_extent_t<Plain>, Within...>(), Text(","),
                digits<std::extent_v<Plain>>(), Text(">"));
  } else if constexpr (!wire::has_serialize<Plain> && !wire::HasCodec<Plain> && !wire::SharedObject<Plain> &&
                       !wire::CarriesDescriptor<Plain> && !wire::stateless<Plain> &&
                       wire::ReflectedAggregate<Plain>) {
    const auto members = list_of<Plain, Within...>(wire::FieldTypes<Plain>{});
    if constexpr (wire::bitwise<Plain>) {
      return join(Text("pod{"), members, Text("}"));
    } else {
      return join(Text("{"), members, Text("}"));
    }
  } else {
    return name_of<Plain>();
  }
}

template <class T>
inline constexpr auto text_of = of<T>();

// The name of a member function, from "... = &Counter::inc; ..." (g++) or "... = &Counter::inc]" (clang).
template <auto function>
consteval std::string_view spelling() {
  return {__PRETTY_FUNCTION__, sizeof(__PRETTY_FUNCTION__) - 1};
}
template <auto function>
consteval auto function_name() {
  constexpr std::string_view name = [] {
    std::string_view text = spelling<function>();
    text = text.substr(0, std::min(text.rfind(';'), text.rfind(']')));
    return text.substr(text.rfind("::") + 2);
  }();
  Text<name.size()> text;
  for (std::size_t i = 0; i < name.size(); ++i) text.characters[i] = name[i];
  return text;
}

template <class T>
inline constexpr bool is_proxy_of_class = false;
template <class T>
inline constexpr bool is_proxy_of_class<Proxy<T>> = true;

template <class Returned>
consteval auto result() {
  if constexpr (is_served<Returned> || is_proxy_of_class<Returned>) {
    return Text("proxy");
  } else {
    return of<Returned>();
  }
}

/// signature_of<Proxy<B>>(), where that class is not known yet.
template <class B>
inline constexpr auto proxy_text = join(Text("proxy<Proxy<"), names_of(wire::TypeList<B>{}), Text(">>"));

/// What a function returns and takes, as it is sent. `Returned` is what it returns there, `Result` what its caller gets.
template <class R, class... Arguments>
struct Shape {
  using Returned = std::decay_t<R>;
  using Result = typename ResultOf<Returned>::Type;
  using Parameters = wire::TypeList<wire::stored_t<Arguments>...>;
  using Values = std::tuple<wire::stored_t<Arguments>...>;
  static constexpr auto text = join(Text("("), list_of<>(Parameters{}), Text(")->"), result<Returned>());
};

template <class F>
struct ShapeOfMember {};
template <class R, class C, class... Arguments>
struct ShapeOfMember<R (C::*)(Arguments...)> : Shape<R, Arguments...> {
  using Class = C;
};
template <class R, class C, class... Arguments>
struct ShapeOfMember<R (C::*)(Arguments...) const> : Shape<R, Arguments...> {
  using Class = C;
};
template <class R, class C, class... Arguments>
struct ShapeOfMember<R (C::*)(Arguments...) noexcept> : Shape<R, Arguments...> {
  using Class = C;
};
template <class R, class C, class... Arguments>
struct ShapeOfMember<R (C::*)(Arguments...) const noexcept> : Shape<R, Arguments...> {
  using Class = C;
};

/// Of a captureless function object whose first argument is the object.
template <class F>
struct ShapeOfFunction {};
template <class R, class C, class Self, class... Arguments>
struct ShapeOfFunction<R (C::*)(Self, Arguments...) const> : Shape<R, Arguments...> {
  using Class = std::remove_cvref_t<Self>;
};

template <auto function>
inline constexpr auto method_text = join(function_name<function>(), ShapeOfMember<decltype(function)>::text);

}  // namespace signature

/// How the codec writes a T.
template <class T>
consteval std::string_view signature_of() {
  return signature::text_of<T>.view();
}

/// "inc(i32)->i32"
template <auto function>
consteval std::string_view method_signature() {
  return signature::method_text<function>.view();
}

}  // namespace procyon::manager
