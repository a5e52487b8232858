// DictProxy: a dict that lies in a manager's server and that any process can use, as Python's manager.dict().
//
//   mp::Manager manager;
//   auto ages = manager.dict<std::string, int>();
//   ages["Ada"] = 36;
//   int age = ages["Ada"];                             // std::out_of_range if there is none; ages.get("Ada"): optional
//   ages.modify("Ada", [](int& age) { ++age; });       // atomic; so is ages["Ada"] += 1
//   for (const auto& [name, age] : ages.items()) ...
//
// Each call is one message to the server and back, some ten microseconds: get_many(), set_many() and copy() take one for many
// entries. A call is atomic; two calls are not. What get() returns is a copy: to change a value in place use modify(), or let
// the value be a proxy itself (dict<std::string, mp::ListProxy<int>>), which is the same list for all.
//
// The server stores bytes and needs no code of the user's, so any program can make a dict of any transferable types; another
// program that finds it must name the same ones. Keys are compared by their bytes: no floating point, no unordered
// containers in them (a compile error). Entries are in the order in which their keys were first put in.
//
// A proxy is a reference: copies, and what arrives in another process, are the same dict. To be used by any thread. Throws
// ManagerGone when the server is gone. Not for data that the processes of one program change often (Value, Array).
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/key.hpp"
#include "procyon/detail/manager/snapshot.hpp"
#include "procyon/detail/manager/standard_proxy.hpp"

namespace procyon {

template <class K, class V>
class DictProxy : public manager::StandardProxy {
 public:
  using key_type = K;
  using mapped_type = V;
  static consteval auto procyon_type() { return manager::type_text<K, V>(manager::signature::Text("dict")); }

  /// What operator[] returns: reads, writes and changes the entry when it is used.
  class Entry {
   public:
    Entry(const DictProxy& dict, const K& key) : dict_(dict), key_(key) {}
    /// Throws std::out_of_range if there is none.
    [[nodiscard]] V get() const { return dict_.at(key_); }
    operator V() const { return get(); }  // NOLINT: a reference that reads
    const Entry& operator=(const V& value) const {
      dict_.set(key_, value);
      return *this;
    }
    const Entry& operator=(const Entry& other) const { return *this = other.get(); }
    // Atomic, each of them.
    template <class T>
    const Entry& operator+=(const T& other) const {
      dict_.modify(key_, [&](V& value) { value += other; });
      return *this;
    }
    template <class T>
    const Entry& operator-=(const T& other) const {
      dict_.modify(key_, [&](V& value) { value -= other; });
      return *this;
    }

   private:
    DictProxy dict_;
    K key_;
  };

  /// For the library: a proxy of an object that is a dict of these types.
  explicit DictProxy(manager::ObjectReference object) : StandardProxy(std::move(object)) {
    manager::check_key<K>();
    wire::check_transferable<V>();
  }

  // Reading -----------------------------------------------------------------------------------------------------

  Entry operator[](const K& key) const { return Entry(*this, key); }
  /// Throws std::out_of_range if there is no such key.
  [[nodiscard]] V at(const K& key) const {
    auto [version, value] = read(key);
    if (version == 0) manager::throw_no_such_key(manager::type_of<DictProxy>());
    return *std::move(value);
  }
  [[nodiscard]] std::optional<V> get(const K& key) const { return read(key).second; }
  [[nodiscard]] V get(const K& key, const V& otherwise) const { return get(key).value_or(otherwise); }
  /// For each key its value, or nothing: of one moment.
  template <std::ranges::input_range Keys>
  [[nodiscard]] std::vector<std::optional<V>> get_many(Keys&& keys) const {
    manager::ValueWriter encoded(object_reference().shared_link());
    std::uint64_t count = 0;
    for (const K& key : keys) {
      encoded.put(manager::as_key(key));
      ++count;
    }
    manager::ValueReader answer = invoke("get_many(keys)->entries", count, manager::Encoded{encoded});
    std::vector<std::optional<V>> values;
    for (; count > 0; --count) values.push_back(read_entry(answer).second);
    return values;
  }
  [[nodiscard]] bool contains(const K& key) const {
    return invoke("contains(key)->bool", manager::as_key(key)).template get<bool>();
  }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(invoke("size()->u64").template get<std::uint64_t>());
  }
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Ranges of what there is at this moment (detail/manager/snapshot.hpp): keys, values, pairs of both.
  [[nodiscard]] manager::KeySnapshot<K> keys() const {
    return manager::KeySnapshot<K>(invoke("keys()->snapshot").object());
  }
  [[nodiscard]] manager::ValueSnapshot<V> values() const {
    return manager::ValueSnapshot<V>(invoke("values()->snapshot").object());
  }
  [[nodiscard]] manager::ItemSnapshot<K, V> items() const {
    return manager::ItemSnapshot<K, V>(invoke("items()->snapshot").object());
  }
  /// All of it, as it is at this moment.
  [[nodiscard]] std::map<K, V> copy() const {
    std::map<K, V> entries;
    for (auto& [key, value] : items()) entries.emplace(std::move(key), std::move(value));
    return entries;
  }

  // Changing ----------------------------------------------------------------------------------------------------

  void set(const K& key, const V& value) const {
    invoke("set(key,value)", manager::as_key(key), manager::as_value(value));
  }
  /// Sets every pair of a range, all in one moment.
  template <std::ranges::input_range Items>
  void set_many(Items&& items) const {
    manager::ValueWriter encoded(object_reference().shared_link());
    std::uint64_t count = 0;
    for (const auto& [key, value] : items) {
      encoded.put(manager::as_key<K>(key));
      encoded.put(manager::as_value<V>(value));
      ++count;
    }
    invoke("set_many(items)", count, manager::Encoded{encoded});
  }
  /// The same, by the name that Python has.
  template <std::ranges::input_range Items>
  void update(Items&& items) const {
    set_many(std::forward<Items>(items));
  }
  /// The value that there is, or else `value`, which is put in.
  V setdefault(const K& key, const V& value) const {
    return invoke("set_default(key,value)->value", manager::as_key(key), manager::as_value(value))
        .template value<V>();
  }
  /// Whether there was one.
  bool erase(const K& key) const {
    return invoke("erase(key)->bool", manager::as_key(key)).template get<bool>();
  }
  /// Takes it out. Throws std::out_of_range if there is none.
  V pop(const K& key) const {
    std::optional<V> value = try_pop(key);
    if (!value) manager::throw_no_such_key(manager::type_of<DictProxy>());
    return *std::move(value);
  }
  V pop(const K& key, const V& otherwise) const { return try_pop(key).value_or(otherwise); }
  /// Takes out what was put in last; nothing if the dict is empty.
  std::optional<std::pair<K, V>> popitem() const {
    manager::ValueReader answer = invoke("pop_last()->item");
    if (!answer.template get<bool>()) return std::nullopt;
    return manager::ReadKeyAndValue<K, V>{}(answer);
  }
  void clear() const { invoke("clear()"); }

  /// Calls `change(V&)` with the value and stores it, atomically: if somebody else has changed it meanwhile, it reads it
  /// again and calls `change` again. Returns what was stored. Throws std::out_of_range if there is no such key, and what
  /// `change` throws; nothing is changed then.
  template <std::invocable<V&> Change>
  V modify(const K& key, Change&& change) const {
    for (;;) {
      auto [version, value] = read(key);
      if (version == 0) manager::throw_no_such_key(manager::type_of<DictProxy>());
      change(*value);
      if (set_if_unchanged(key, version, *value)) return *std::move(value);
    }
  }
  /// The same; where there is no such key, with a copy of `initial`.
  template <std::invocable<V&> Change>
  V modify(const K& key, Change&& change, const V& initial) const {
    for (;;) {
      auto [version, value] = read(key);
      if (version == 0) value = initial;
      change(*value);
      if (set_if_unchanged(key, version, *value)) return *std::move(value);
    }
  }
  /// Stores `desired` if the value is `expected`; whether it was. For types that may be keys.
  bool compare_exchange(const K& key, const V& expected, const V& desired) const {
    manager::check_key<V>();
    return invoke("set_if_equal(key,value,value)->bool", manager::as_key(key), manager::as_value(expected),
                  manager::as_value(desired))
        .template get<bool>();
  }

 private:
  using Versioned = std::pair<std::uint64_t, std::optional<V>>;  // version 0: there is none

  static Versioned read_entry(manager::ValueReader& answer) {
    const auto version = answer.get<std::uint64_t>();
    if (version == 0) return {0, std::nullopt};
    return {version, answer.value<V>()};
  }
  Versioned read(const K& key) const {
    manager::ValueReader answer = invoke("get(key)->entry", manager::as_key(key));
    return read_entry(answer);
  }
  std::optional<V> try_pop(const K& key) const {
    manager::ValueReader answer = invoke("pop(key)->entry", manager::as_key(key));
    return read_entry(answer).second;
  }
  bool set_if_unchanged(const K& key, std::uint64_t version, const V& value) const {
    return invoke("set_if_unchanged(key,version,value)->bool", manager::as_key(key), version,
                  manager::as_value(value))
        .template get<bool>();
  }
};

}  // namespace procyon
