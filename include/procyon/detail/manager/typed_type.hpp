// A registered class as the server's engine sees it: functions that make, call and destroy objects it knows nothing of.
//
//   const TypeDescription& type = describe_type<Counter, Methods<&Counter::inc>>();
//   std::shared_ptr<void> counter = type.construct(arguments);
//   type.methods[0].run(counter.get(), arguments, result);
//
// A method that returns an object to be served (is_served, signature.hpp) has returned.run() instead: which of the server's
// classes that object becomes one of is the server's to find out (src/manager/served_class.hpp).
//
// What crosses to the server process is the address of describe_type<...>.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/manager/signature.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon::manager {

/// A method's result that is to be served.
struct ReturnedObject {
  std::shared_ptr<void> (*run)(void* object, wire::Reader& arguments) = nullptr;  // null: it returns a value
  const std::type_info* of = nullptr;
  std::string_view proxy;  // "proxy<Proxy<Child>>"
};

struct MethodEntry {
  MethodId id = 0;
  std::string_view signature;
  void (*run)(void* object, wire::Reader& arguments,
              wire::Writer& result) = nullptr;  // null: it returns an object
  ReturnedObject returned = {};
};

/// By which of its names a class is served whose objects a method returns.
struct ServedName {
  const std::type_info* of = nullptr;
  std::string_view name;
};

struct TypeDescription {
  const std::type_info* of = nullptr;
  std::string_view constructor;  // "(i32,str)"
  bool is_concurrent = false;    // several calls of one object at once
  bool is_quick = false;         // calls run on the server's own thread
  std::span<const MethodEntry> methods;
  std::span<const ServedName> served_names;
  std::shared_ptr<void> (*construct)(wire::Reader& arguments) =
      nullptr;  // null: clients do not make objects of it
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

/// Calls `function` with the object and arguments from `reader`, and `use` with what it returns, while the arguments are
/// still there: it may be a reference to one.
template <class Shape, class Class, class Function, class Use>
auto call_method(Function function, void* object, wire::Reader& reader, Use use) {
  auto values = []<class... Parameters>(wire::Reader& from, wire::TypeList<Parameters...>) {
    static_cast<void>(from);
    return std::tuple<Parameters...>{wire::read<Parameters>(from)...};
  }(reader, typename Shape::Parameters{});
  reader.expect_end("the arguments of a method");
  auto& self = *static_cast<Class*>(object);
  const auto call = [&](auto&... each) -> decltype(auto) {
    return std::invoke(function, self, std::move(each)...);
  };
  if constexpr (std::is_void_v<typename Shape::Returned>) {
    std::apply(call, values);
    return use();
  } else {
    const typename Shape::Returned& returned = std::apply(call, values);
    return use(returned);
  }
}

template <class Shape>
consteval bool check_shape() {
  []<class... Parameters>(wire::TypeList<Parameters...>) {
    (wire::check_transferable<Parameters>(), ...);
  }(typename Shape::Parameters{});
  using Returned = typename Shape::Returned;
  if constexpr (!std::is_void_v<Returned> && !is_served<Returned>) wire::check_transferable<Returned>();
  return true;
}

/// The entry of a method whose function `Make` makes.
template <class Shape, class Class, class Make>
constexpr MethodEntry method_entry(std::string_view text) {
  MethodEntry entry{method_id(text), text};
  if constexpr (is_served<typename Shape::Returned>) {
    using Returned = typename Shape::Returned::element_type;
    entry.returned = {[](void* object, wire::Reader& arguments) {
                        return call_method<Shape, Class>(
                            Make::function(), object, arguments,
                            [](const auto& returned) { return std::shared_ptr<void>(returned); });
                      },
                      &typeid(Returned), signature::proxy_text<Returned>.view()};
  } else {
    entry.run = [](void* object, wire::Reader& arguments, wire::Writer& result) {
      call_method<Shape, Class>(Make::function(), object, arguments, [&result](const auto&... returned) {
        (wire::write<typename Shape::Returned>(result, returned), ...);
      });
    };
  }
  return entry;
}

/// What register_type() takes beside the class.
template <auto... functions>
struct Methods {
  template <class Class>
  static constexpr auto entries() {
    return std::array<MethodEntry, sizeof...(functions)>{entry<Class, functions>()...};
  }

 private:
  template <auto member>
  struct Member {
    static constexpr auto function() { return member; }
  };

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
    return method_entry<Shape, Class, Member<function>>(method_signature<function>());
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
    return {method_entry<Shape, Class, Stateless>(text.view())};
  }

 private:
  struct Stateless {
    static constexpr auto function() { return wire::make_stateless<F>(); }
  };
};

template <class... Arguments>
struct Constructor {};
struct NoConstructor {};
struct Concurrent {};
struct Quick {};

template <class B, Name name>
struct ServedAs {
  static constexpr ServedName entry{&typeid(B), {name.characters, sizeof(name.characters) - 1}};
};
template <class Part>
inline constexpr bool is_served_as = false;
template <class B, Name name>
inline constexpr bool is_served_as<ServedAs<B, name>> = true;

template <class T>
struct ConstructorOf {
  static constexpr bool is_one = false;
};
template <class... Arguments>
struct ConstructorOf<Constructor<Arguments...>> {
  static constexpr bool is_one = true;
  template <class Class>
  static std::shared_ptr<void> construct(wire::Reader& reader) {
    static_assert(std::is_constructible_v<Class, Arguments...>,
                  "procyon: the class has no constructor that takes what mp::constructor<> says");
    std::tuple<wire::stored_t<Arguments>...> values{wire::read<wire::stored_t<Arguments>>(reader)...};
    reader.expect_end("the arguments of a constructor");
    return std::apply([](auto&... each) { return std::make_shared<Class>(std::move(each)...); }, values);
  }
  static constexpr auto text = signature::join(
      signature::Text("("), signature::list_of<>(wire::TypeList<wire::stored_t<Arguments>...>{}),
      signature::Text(")"));
  template <class Class>
  static constexpr auto constructing() {
    return &construct<Class>;
  }
};
template <>
struct ConstructorOf<NoConstructor> {
  static constexpr bool is_one = true;
  static constexpr auto text = signature::Text("");
  template <class Class>
  static constexpr std::nullptr_t constructing() {
    return nullptr;
  }
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
                  std::is_same_v<Part, Quick> || is_served_as<Part>) {
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
  static constexpr auto names() {
    std::array<ServedName, (std::size_t{is_served_as<Parts>} + ... + 0)> all{};
    std::size_t at = 0;
    const auto add = [&]<class Part>(std::type_identity<Part>) {
      if constexpr (is_served_as<Part>) all[at++] = Part::entry;
    };
    (add(std::type_identity<Parts>{}), ...);
    static_cast<void>(at);
    return all;
  }
  static constexpr auto methods = entries();
  static constexpr auto served_names = names();
  static constexpr TypeDescription description{&typeid(T),
                                               Made::text.view(),
                                               (std::is_same_v<Parts, Concurrent> || ...),
                                               (std::is_same_v<Parts, Quick> || ...),
                                               methods,
                                               served_names,
                                               Made::template constructing<T>()};
};

template <class T, class... Parts>
const TypeDescription& describe_type() {
  return Registration<T, Parts...>::description;
}

}  // namespace procyon::manager
