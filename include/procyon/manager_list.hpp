// ListProxy: a list that lies in a manager's server and that any process can use, as Python's manager.list().
//
//   mp::Manager manager;
//   auto samples = manager.list<double>();
//   samples.push_back(1.5);
//   samples.extend(std::vector{2.5, 3.5});
//   double first = samples[0];
//   samples[0] = 4.0;
//   for (double sample : samples.items()) ...
//
// Each call is one message to the server and back; it is atomic, two calls are not. What is read is a copy: to change an item
// in place use modify(), or let the items be proxies. The server stores bytes and needs no code of the user's. Indices count
// from 0; a negative one is an error, not an item from the end.
//
// A proxy is a reference: copies, and what arrives in another process, are the same list. To be used by any thread. Throws
// ManagerGone when the server is gone. Not for handing items over (Queue), nor for numbers that the processes of one program
// change often (Array).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/key.hpp"
#include "procyon/detail/manager/snapshot.hpp"
#include "procyon/detail/manager/standard_proxy.hpp"

namespace procyon {

template <class T>
class ListProxy : public manager::StandardProxy {
 public:
  using value_type = T;
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("list")); }

  /// What operator[] returns: reads, writes and changes the item when it is used.
  class Item {
   public:
    Item(const ListProxy& list, std::size_t index) : list_(list), index_(index) {}
    [[nodiscard]] T get() const { return list_.at(index_); }
    operator T() const { return get(); }  // NOLINT: a reference that reads
    const Item& operator=(const T& value) const {
      list_.set(index_, value);
      return *this;
    }
    const Item& operator=(const Item& other) const { return *this = other.get(); }
    // Atomic, each of them.
    template <class Other>
    const Item& operator+=(const Other& other) const {
      list_.modify(index_, [&](T& value) { value += other; });
      return *this;
    }
    template <class Other>
    const Item& operator-=(const Other& other) const {
      list_.modify(index_, [&](T& value) { value -= other; });
      return *this;
    }

   private:
    ListProxy list_;
    std::size_t index_;
  };

  /// For the library: a proxy of an object that is a list of this type.
  explicit ListProxy(manager::ObjectReference object) : StandardProxy(std::move(object)) {
    wire::check_transferable<T>();
  }

  // Reading. All that take an index throw std::out_of_range if there is no such item. -----------------------------

  Item operator[](std::size_t index) const { return Item(*this, index); }
  [[nodiscard]] T at(std::size_t index) const { return read(index).second; }
  [[nodiscard]] T front() const { return at(0); }
  [[nodiscard]] T back() const {
    std::vector<T> last = get_last();
    if (last.empty()) manager::throw_empty_list(manager::type_of<ListProxy>());
    return std::move(last.front());
  }
  /// A slice: `most` items from `first` on, fewer where the list ends.
  [[nodiscard]] std::vector<T> get_many(std::size_t first, std::size_t most) const {
    return read_values(invoke("get_many(u64,u64)->values", std::uint64_t{first}, std::uint64_t{most}));
  }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(invoke("size()->u64").template get<std::uint64_t>());
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Where the first such item is, if there is one. Items are compared by their bytes.
  [[nodiscard]] std::optional<std::size_t> index(const T& value) const {
    manager::check_key<T>();
    return invoke("index(value)->optional<u64>", manager::as_value(value))
        .template get<std::optional<std::uint64_t>>();
  }
  [[nodiscard]] bool contains(const T& value) const { return index(value).has_value(); }
  [[nodiscard]] std::size_t count(const T& value) const {
    manager::check_key<T>();
    return static_cast<std::size_t>(
        invoke("count(value)->u64", manager::as_value(value)).template get<std::uint64_t>());
  }
  /// A range of what there is at this moment (detail/manager/snapshot.hpp).
  [[nodiscard]] manager::ValueSnapshot<T> items() const {
    return manager::ValueSnapshot<T>(invoke("items()->version,snapshot").object());
  }
  /// All of it, as it is at this moment.
  [[nodiscard]] std::vector<T> copy() const { return items().to_vector(); }

  // Changing ----------------------------------------------------------------------------------------------------

  void set(std::size_t index, const T& value) const {
    invoke("set(u64,value)", std::uint64_t{index}, manager::as_value(value));
  }
  void push_back(const T& value) const {
    invoke("extend(values)", std::uint64_t{1}, manager::as_value(value));
  }
  /// The same, by the name that Python has.
  void append(const T& value) const { push_back(value); }
  /// Appends what a range has, all in one moment.
  template <std::ranges::input_range Items>
  void extend(Items&& items) const {
    const auto [encoded, count] = encode(items);
    invoke("extend(values)", count, manager::Encoded{encoded});
  }
  /// Before the item at `index`, or at the end if that is the size.
  void insert(std::size_t index, const T& value) const {
    invoke("insert(u64,value)", std::uint64_t{index}, manager::as_value(value));
  }
  /// Takes the last item out. Throws std::out_of_range if there is none.
  T pop() const { return invoke("pop_last()->value").template value<T>(); }
  T pop(std::size_t index) const {
    return invoke("pop(u64)->value", std::uint64_t{index}).template value<T>();
  }
  /// Drops `count` items from `first` on.
  void erase(std::size_t first, std::size_t count = 1) const {
    invoke("erase(u64,u64)", std::uint64_t{first}, std::uint64_t{count});
  }
  /// Drops the first item that has this value; whether there was one.
  bool remove(const T& value) const {
    manager::check_key<T>();
    return invoke("remove(value)->bool", manager::as_value(value)).template get<bool>();
  }
  void reverse() const { invoke("reverse()"); }
  void clear() const { invoke("clear()"); }
  /// Puts what a range has in the place of all there was.
  template <std::ranges::input_range Items>
  void assign(Items&& items) const {
    const std::vector<T> copied(std::ranges::begin(items), std::ranges::end(items));
    transform([&](std::vector<T>& all) { all = copied; });
  }
  template <class Less = std::less<>>
  void sort(Less less = {}) const {
    transform([&](std::vector<T>& all) { std::ranges::stable_sort(all, less); });
  }

  /// Calls `change(T&)` with an item and stores it, atomically: if somebody else has changed it meanwhile, it reads it again
  /// and calls `change` again. Returns what was stored.
  template <std::invocable<T&> Change>
  T modify(std::size_t index, Change&& change) const {
    for (;;) {
      auto [version, value] = read(index);
      change(value);
      if (invoke("set_if_unchanged(u64,version,value)->bool", std::uint64_t{index}, version,
                 manager::as_value(value))
              .template get<bool>())
        return value;
    }
  }
  /// The same with all items, as a std::vector<T>&: for what needs them all. They are sent to and fro.
  template <std::invocable<std::vector<T>&> Change>
  void transform(Change&& change) const {
    for (;;) {
      manager::ValueReader answer = invoke("items()->version,snapshot");
      const auto version = answer.template get<std::uint64_t>();
      std::vector<T> all = manager::ValueSnapshot<T>(answer.object()).to_vector();
      change(all);
      const auto [encoded, count] = encode(all);
      if (invoke("assign_if_unchanged(version,values)->bool", version, count, manager::Encoded{encoded})
              .template get<bool>())
        return;
    }
  }

 private:
  std::pair<std::uint64_t, T> read(std::size_t index) const {
    manager::ValueReader answer = invoke("get(u64)->item", std::uint64_t{index});
    const auto version = answer.template get<std::uint64_t>();
    return {version, answer.template value<T>()};
  }
  std::vector<T> get_last() const { return read_values(invoke("get_last()->values")); }
  static std::vector<T> read_values(manager::ValueReader answer) {
    std::vector<T> values;
    for (auto count = answer.get<std::uint64_t>(); count > 0; --count) values.push_back(answer.value<T>());
    return values;
  }
  template <class Items>
  std::pair<manager::ValueWriter, std::uint64_t> encode(Items& items) const {
    manager::ValueWriter encoded(object_reference().shared_link());
    std::uint64_t count = 0;
    for (const T& item : items) {
      encoded.put(manager::as_value(item));
      ++count;
    }
    return {std::move(encoded), count};
  }
};

}  // namespace procyon
