// A registered class as the server's engine sees it: functions that make, call and destroy objects it knows nothing of.
//
//   const TypeDescription& type = describe_type<Counter, Methods<&Counter::inc>>();
//   void* counter = type.construct(arguments);
//   type.methods[0].run(counter, arguments, result);
//
// What crosses to the server process is the address of describe_type<...>.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/manager/signature.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon::manager {

struct MethodEntry {
  MethodId id = 0;
  std::string_view signature;
  void (*run)(void* object, wire::Reader& arguments, wire::Writer& result) = nullptr;
};

struct TypeDescription {
  std::string_view constructor;  // "(i32,str)"
  bool is_concurrent = false;    // several calls of one object at once
  bool is_quick = false;         // calls run on the server's own thread
  std::span<const MethodEntry> methods;
  void* (*construct)(wire::Reader& arguments) = nullptr;
  void (*destroy)(void* object) noexcept = nullptr;
};

using DescribeType = const TypeDescription& (*)();

/// A literal as a template argument: method<"reset">.
template <std::size_t size>
struct Name {
  // NOLINTNEXTLINE: to be made from a literal
  constexpr Name(const char (&text)[size]) {
    for (std::size_t i = 0; i < size; ++i) characters[i] = text[i];
  }
  char characters[size];
};

/// Calls `function` with the object and arguments from `reader`, and writes what it returns.
template <class Shape, class Class, class Function>
void run_method(Function function, void* object, wire::Reader& reader, wire::Writer& result) {
  auto values = []<class... Parameters>(wire::Reader& from, wire::TypeList<Parameters...>) {
    static_cast<void>(from);
    return std::tuple<Parameters...>{wire::read<Parameters>(from)...};
  }(reader, typename Shape::Parameters{});
  reader.expect_end("the arguments of a method");
  auto& self = *static_cast<Class*>(object);
  const auto call = [&](auto&... each) -> decltype(auto) {
    return std::invoke(function, self, std::move(each)...);
  };
  if constexpr (std::is_void_v<typename Shape::Result>) {
    std::apply(call, values);
  } else {
    const typename Shape::Result& returned = std::apply(call, values);
    wire::write<typename Shape::Result>(result, returned);
  }
}

template <class Shape>
consteval bool check_shape() {
  []<class... Parameters>(wire::TypeList<Parameters...>) {
    (wire::check_transferable<Parameters>(), ...);
  }(typename Shape::Parameters{});
  if constexpr (!std::is_void_v<typename Shape::Result>) wire::check_transferable<typename Shape::Result>();
  return true;
}

/// What register_type() takes beside the class.
template <auto... functions>
struct Methods {
  template <class Class>
  static constexpr auto entries() {
    return std::array<MethodEntry, sizeof...(functions)>{entry<Class, functions>()...};
  }

 private:
  template <class Class, auto function>
  static constexpr MethodEntry entry() {
    using Shape = signature::ShapeOfMember<decltype(function)>;
    static_assert(std::is_member_function_pointer_v<decltype(function)>,
                  "procyon: mp::methods<> takes member functions, as in mp::methods<&Counter::inc>(); for "
                  "anything else "
                  "use mp::method<\"name\">([](Counter& object, int argument) { ... })");
    static_assert(std::is_base_of_v<typename Shape::Class, Class>,
                  "procyon: this is no member function of the class that is registered");
    static_assert(check_shape<Shape>());
    return {method_id(method_signature<function>()), method_signature<function>(),
            [](void* object, wire::Reader& arguments, wire::Writer& result) {
              run_method<Shape, Class>(function, object, arguments, result);
            }};
  }
};

template <Name name, class F>
struct NamedMethod {
  using Shape = signature::ShapeOfFunction<decltype(&F::operator())>;
  static constexpr auto text = signature::join(
      [] {
        signature::Text<sizeof(name.characters) - 1> plain;
        for (std::size_t i = 0; i + 1 < sizeof(name.characters); ++i)
          plain.characters[i] = name.characters[i];
        return plain;
      }(),
      Shape::text);

  template <class Class>
  static constexpr std::array<MethodEntry, 1> entries() {
    static_assert(
        std::is_base_of_v<typename Shape::Class, Class>,
        "procyon: the first argument of the function for mp::method<> is a reference to the class that is "
        "registered");
    static_assert(check_shape<Shape>());
    return {{{method_id(text.view()), text.view(),
              [](void* object, wire::Reader& arguments, wire::Writer& result) {
                run_method<Shape, Class>(wire::make_stateless<F>(), object, arguments, result);
              }}}};
  }
};

template <class... Arguments>
struct Constructor {};
struct Concurrent {};
struct Quick {};

template <class T>
struct ConstructorOf {
  static constexpr bool is_one = false;
};
template <class... Arguments>
struct ConstructorOf<Constructor<Arguments...>> {
  static constexpr bool is_one = true;
  template <class Class>
  static void* construct(wire::Reader& reader) {
    static_assert(std::is_constructible_v<Class, Arguments...>,
                  "procyon: the class has no constructor that takes what mp::constructor<> says");
    std::tuple<wire::stored_t<Arguments>...> values{wire::read<wire::stored_t<Arguments>>(reader)...};
    reader.expect_end("the arguments of a constructor");
    return std::apply([](auto&... each) { return static_cast<void*>(new Class(std::move(each)...)); },
                      values);
  }
  static constexpr auto text = signature::join(
      signature::Text("("), signature::list_of<>(wire::TypeList<wire::stored_t<Arguments>...>{}),
      signature::Text(")"));
};

template <class Part>
concept HasEntries = requires {
  Part::template entries<int>;
}
|| requires { typename Part::Shape; };

template <class T, class... Parts>
struct Registration {
  // The constructor that was named, or that without arguments.
  template <class...>
  struct Chosen {
    using Type = ConstructorOf<Constructor<>>;
  };
  template <class First, class... Rest>
  struct Chosen<First, Rest...> {
    using Type = std::conditional_t<ConstructorOf<First>::is_one, ConstructorOf<First>,
                                    typename Chosen<Rest...>::Type>;
  };
  using Made = typename Chosen<Parts...>::Type;

  template <class Part>
  static constexpr auto entries_of() {
    if constexpr (ConstructorOf<Part>::is_one || std::is_same_v<Part, Concurrent> ||
                  std::is_same_v<Part, Quick>) {
      return std::array<MethodEntry, 0>{};
    } else {
      return Part::template entries<T>();
    }
  }
  static constexpr auto entries() {
    constexpr std::size_t count = (std::tuple_size_v<decltype(entries_of<Parts>())> + ... + 0);
    std::array<MethodEntry, count> all{};
    std::size_t at = 0;
    const auto add = [&](const auto& some) {
      for (const MethodEntry& entry : some) all[at++] = entry;
    };
    (add(entries_of<Parts>()), ...);
    return all;
  }
  static constexpr auto methods = entries();
  static constexpr TypeDescription description{Made::text.view(),
                                               (std::is_same_v<Parts, Concurrent> || ...),
                                               (std::is_same_v<Parts, Quick> || ...),
                                               methods,
                                               &Made::template construct<T>,
                                               [](void* object) noexcept { delete static_cast<T*>(object); }};
};

template <class T, class... Parts>
const TypeDescription& describe_type() {
  return Registration<T, Parts...>::description;
}

}  // namespace procyon::manager
