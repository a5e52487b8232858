// What BaseManager::register_type() takes: which functions of a class clients may call, and how.
//
//   struct Counter {
//     int n = 0;
//     int inc(int by) { return n += by; }
//   };
//   server.register_type<Counter>("Counter", mp::methods<&Counter::inc>(),
//                                 mp::method<"reset">([](Counter& counter) { counter.n = 0; }));
//   server.register_type<Store>("Store", mp::constructor<std::string>(), mp::methods<&Store::put, &Store::get>(), mp::concurrent);
//
// A method is known by its name and its types ("inc(i32)->i32"), so a program that was built apart, by another compiler too,
// can call it. Arguments are taken by value or const reference; what may be one: docs/functions-that-may-cross.md.
//
// Calls of one object run one after another, in the order in which they came, on a thread of the server's: the class needs
// no locks, and a long call holds up only those who call the same object.
#pragma once

#include <type_traits>

#include "procyon/detail/manager/typed_type.hpp"

namespace procyon {

/// Member functions, by their own names. Of an overloaded one choose by a cast, or use method<>().
template <auto... functions>
constexpr manager::Methods<functions...> methods() {
  return {};
}

/// Anything else, by a name of your choice: a lambda without captures whose first argument is the object.
template <manager::Name name, class F>
constexpr manager::NamedMethod<name, F> method(F) {
  static_assert(wire::stateless<F>,
                "procyon: the function for mp::method<> runs in the server, so it must be a lambda that "
                "captures nothing; what "
                "it needs belongs into the object");
  return {};
}

/// Clients make objects with these arguments; without it, with none.
template <class... Arguments>
constexpr manager::Constructor<Arguments...> constructor() {
  return {};
}

/// Calls of one object run at the same time, each on a thread of its own: the class has its own locks.
inline constexpr manager::Concurrent concurrent{};

/// Calls run on the server's own thread, without the way to another: for methods that never wait and take a few microseconds.
/// One that takes longer holds up every client.
inline constexpr manager::Quick quick{};

/// A method for Proxy::call(): mp::m<&Counter::inc>.
template <auto function>
struct MethodTag {};
template <auto function>
inline constexpr MethodTag<function> m{};

}  // namespace procyon
