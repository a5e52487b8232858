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
// A method that returns std::shared_ptr<Child>, of a class that is registered too, returns a newly served object: its caller
// gets a Proxy<Child>.
//
//   struct Library {
//     std::shared_ptr<Book> open(const std::string& title) { return std::make_shared<Book>(title); }
//   };
//   server.register_type<Library>("Library", mp::methods<&Library::open>());
//   server.register_type<Book>("Book", mp::no_constructor, mp::methods<&Book::read>());
//   mp::Proxy<Book> book = library.call(mp::m<&Library::open>, "Ulysses");
//
// That object lives while somebody has a proxy of it, or the server's own classes a shared_ptr. The same pointer returned
// twice, also shared_from_this(), is the same served object, as long as there are proxies of it: calls of it through proxies
// take turns as its own registration says. What the server's classes do with it beside that takes no turns: a class that is
// used from both sides has its own locks. Null is an empty proxy. A class that is not registered, or by several names (see
// served_as), is a std::logic_error when the server starts.
//
// Only a result as a whole is served. Copied as values are: shared_ptr inside of containers, shared_ptr<const Child>,
// unique_ptr<Child>, and pointers to what is no class of yours (numbers, text, containers).
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

/// Clients do not make objects; they get those that methods return.
inline constexpr manager::NoConstructor no_constructor{};

/// For a class B that is registered by several names: those of its objects that methods of this class return are served as
/// what was registered by `name`. One that is served by two names is two served objects, whose calls do not wait for one another.
template <class B, manager::Name name>
constexpr manager::ServedAs<B, name> served_as() {
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
