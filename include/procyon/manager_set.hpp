// SetProxy: a set that lies in a manager's server and that any process can use, as Python's manager.set().
//
//   mp::Manager manager;
//   auto seen = manager.set<std::string>();
//   if (seen.add(url)) fetch(url);                    // true for one process only
//
// Each call is one message to the server and back, and atomic: add() also tells whether the element is new. The server
// compares bytes and needs no code of the user's; so there is no floating point and no unordered container in the elements.
// Iteration is in the order in which they were added.
//
// A proxy is a reference: copies, and what arrives in another process, are the same set. To be used by any thread. Throws
// ManagerGone when the server is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/key.hpp"
#include "procyon/detail/manager/snapshot.hpp"
#include "procyon/detail/manager/standard_proxy.hpp"

namespace procyon {

template <class T>
class SetProxy : public manager::StandardProxy {
 public:
  using value_type = T;
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("set")); }

  /// For the library: a proxy of an object that is a set of this type.
  explicit SetProxy(manager::ObjectReference object) : StandardProxy(std::move(object)) {
    manager::check_key<T>();
  }

  /// Whether it is new.
  bool add(const T& element) const { return call_with("add(elements)->u64", one(element)) == 1; }
  /// Whether it was there: of the two names of Python's set this is discard(), and remove() tells instead of throwing.
  bool erase(const T& element) const { return call_with("erase(elements)->u64", one(element)) == 1; }
  bool discard(const T& element) const { return erase(element); }
  bool remove(const T& element) const { return erase(element); }
  /// Takes out the one that was added first; nothing if the set is empty.
  std::optional<T> pop() const {
    manager::ValueReader answer = invoke("pop()->optional<element>");
    if (!answer.template get<bool>()) return std::nullopt;
    return answer.template key<T>();
  }
  void clear() const { invoke("clear()"); }

  // With all elements of a range, in one moment.

  /// Adds them. Returns how many are new.
  template <std::ranges::input_range Elements>
  std::size_t update(Elements&& elements) const {
    return call_with("add(elements)->u64", elements);
  }
  /// Takes them out. Returns how many were there.
  template <std::ranges::input_range Elements>
  std::size_t difference_update(Elements&& elements) const {
    return call_with("erase(elements)->u64", elements);
  }
  /// Keeps only these.
  template <std::ranges::input_range Elements>
  void intersection_update(Elements&& elements) const {
    send("retain(elements)", elements);
  }
  /// Takes out those that are there, and adds the others.
  template <std::ranges::input_range Elements>
  void symmetric_difference_update(Elements&& elements) const {
    send("toggle(elements)", elements);
  }

  [[nodiscard]] bool contains(const T& element) const {
    return invoke("contains(element)->bool", manager::as_key(element)).template get<bool>();
  }
  /// How many of these are there. For a range without repetitions: issuperset() is "all of them", isdisjoint() "none".
  template <std::ranges::input_range Elements>
  [[nodiscard]] std::size_t count_contained(Elements&& elements) const {
    return call_with("count_contained(elements)->u64", elements);
  }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(invoke("size()->u64").template get<std::uint64_t>());
  }
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// A range of what there is at this moment (detail/manager/snapshot.hpp).
  [[nodiscard]] manager::KeySnapshot<T> elements() const {
    return manager::KeySnapshot<T>(invoke("elements()->snapshot").object());
  }
  /// All of it, as it is at this moment: for the unions and intersections that change nothing.
  [[nodiscard]] std::set<T> copy() const {
    std::set<T> copied;
    for (T& element : elements()) copied.insert(std::move(element));
    return copied;
  }

 private:
  static std::span<const T> one(const T& element) { return std::span(&element, 1); }

  template <class Elements>
  manager::ValueReader send(std::string_view method, Elements&& elements) const {
    manager::ValueWriter encoded(object_reference().shared_link());
    std::uint64_t count = 0;
    for (const T& element : elements) {
      encoded.put(manager::as_key<T>(element));
      ++count;
    }
    return invoke(method, count, manager::Encoded{encoded});
  }
  template <class Elements>
  std::size_t call_with(std::string_view method, Elements&& elements) const {
    return static_cast<std::size_t>(send(method, elements).template get<std::uint64_t>());
  }
};

}  // namespace procyon
