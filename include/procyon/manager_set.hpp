// SetProxy: a set that lies in a manager's server and that any process can use, as Python's manager.set().
//
//   mp::Manager manager;
//   auto seen = manager.set<std::string>();
//   if (seen.add(url)) fetch(url);                    // true for one process only
//   auto sent = seen.async().add(url);                // sent.get() waits (manager_result.hpp); in a batch: batch.hpp
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

#include "procyon/detail/manager/calls.hpp"
#include "procyon/detail/manager/key.hpp"
#include "procyon/detail/manager/snapshot.hpp"

namespace procyon {

/// The methods of a set that are one call each: at once in SetProxy, begun by async(), in a batch by Batch::on()
/// (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class T, class How>
class SetCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  /// Whether it is new.
  Result<bool> add(const T& element) const {
    return call_with("add(elements)->u64", manager::ReadIsOne{}, one(element));
  }
  /// Whether it was there: of the two names of Python's set this is discard(), and remove() tells instead of throwing.
  Result<bool> erase(const T& element) const {
    return call_with("erase(elements)->u64", manager::ReadIsOne{}, one(element));
  }
  Result<bool> discard(const T& element) const { return erase(element); }
  Result<bool> remove(const T& element) const { return erase(element); }
  /// Takes out the one that was added first; nothing if the set is empty.
  Result<std::optional<T>> pop() const {
    return this->call("pop()->optional<element>", manager::ReadOptional<manager::ReadKey<T>>{});
  }
  Result<void> clear() const { return this->call("clear()", manager::ReadNothing{}); }

  // With all elements of a range, in one moment.

  /// Adds them. Returns how many are new.
  template <std::ranges::input_range Elements>
  Result<std::size_t> update(Elements&& elements) const {
    return call_with("add(elements)->u64", manager::ReadSize{}, elements);
  }
  /// Takes them out. Returns how many were there.
  template <std::ranges::input_range Elements>
  Result<std::size_t> difference_update(Elements&& elements) const {
    return call_with("erase(elements)->u64", manager::ReadSize{}, elements);
  }
  /// Keeps only these.
  template <std::ranges::input_range Elements>
  Result<void> intersection_update(Elements&& elements) const {
    return call_with("retain(elements)", manager::ReadNothing{}, elements);
  }
  /// Takes out those that are there, and adds the others.
  template <std::ranges::input_range Elements>
  Result<void> symmetric_difference_update(Elements&& elements) const {
    return call_with("toggle(elements)", manager::ReadNothing{}, elements);
  }

  [[nodiscard]] Result<bool> contains(const T& element) const {
    return this->call("contains(element)->bool", manager::ReadPlain<bool>{}, manager::as_key(element));
  }
  /// How many of these are there. For a range without repetitions: issuperset() is "all of them", isdisjoint() "none".
  template <std::ranges::input_range Elements>
  [[nodiscard]] Result<std::size_t> count_contained(Elements&& elements) const {
    return call_with("count_contained(elements)->u64", manager::ReadSize{}, elements);
  }
  [[nodiscard]] Result<std::size_t> size() const { return this->call("size()->u64", manager::ReadSize{}); }
  [[nodiscard]] Result<bool> empty() const { return this->call("size()->u64", manager::ReadIsZero{}); }

  /// A range of what there is at this moment (detail/manager/snapshot.hpp).
  [[nodiscard]] Result<manager::KeySnapshot<T>> elements() const {
    return this->call("elements()->snapshot", manager::ReadObject<manager::KeySnapshot<T>>{});
  }

 private:
  static std::span<const T> one(const T& element) { return std::span(&element, 1); }

  template <class Read, class Elements>
  Result<manager::ReadResult<Read>> call_with(std::string_view method, Read read, Elements&& elements) const {
    const auto put = [](manager::ValueWriter& writer, const T& element) {
      writer.put(manager::as_key(element));
    };
    return this->call(method, read, this->encode_each(elements, put));
  }
};

template <class T>
class SetProxy : public SetCalls<T, manager::AtOnce> {
 public:
  using value_type = T;
  template <class How>
  using Calls = SetCalls<T, How>;
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("set")); }

  /// For the library: a proxy of an object that is a set of this type.
  explicit SetProxy(manager::ObjectReference object) : Calls<manager::AtOnce>(std::move(object)) {
    manager::check_key<T>();
  }

  /// The same methods, which send the call and do not wait: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const {
    return Calls<manager::Begun>(this->object_reference());
  }

  /// All of it, as it is at this moment: for the unions and intersections that change nothing.
  [[nodiscard]] std::set<T> copy() const {
    std::set<T> copied;
    for (T& element : this->elements()) copied.insert(std::move(element));
    return copied;
  }
};

}  // namespace procyon
