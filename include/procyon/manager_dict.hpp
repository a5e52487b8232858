// DictProxy: a dict that lies in a manager's server and that any process can use, as Python's manager.dict().
//
//   mp::Manager manager;
//   auto ages = manager.dict<std::string, int>();
//   ages["Ada"] = 36;
//   int age = ages["Ada"];                             // std::out_of_range if there is none; ages.get("Ada"): optional
//   ages.modify("Ada", [](int& age) { ++age; });       // atomic; so is ages["Ada"] += 1
//   for (const auto& [name, age] : ages.items()) ...
//
//   auto first = ages.async().at("Ada");               // sent; first.get() waits (manager_result.hpp)
//   batch.on(ages).set("Alan", 41);                    // many calls in one message (batch.hpp)
//
// Each call is one message to the server and back, some ten microseconds: get_many(), set_many() and copy() take one for many
// entries, async() waits for many calls at a time. A call is atomic; two calls are not. What get() returns is a copy: to change
// a value in place use modify(), or let the value be a proxy itself (dict<std::string, mp::ListProxy<int>>), which is the same
// list for all.
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

#include "procyon/detail/manager/calls.hpp"
#include "procyon/detail/manager/key.hpp"
#include "procyon/detail/manager/snapshot.hpp"

namespace procyon {

template <class K, class V>
class DictProxy;

/// The methods of a dict that are one call each: at once in DictProxy, begun by async(), in a batch by Batch::on()
/// (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class K, class V, class How>
class DictCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  // Reading -----------------------------------------------------------------------------------------------------

  /// Throws std::out_of_range if there is no such key.
  [[nodiscard]] Result<V> at(const K& key) const {
    return this->call("get(key)->entry", ReadExisting{}, manager::as_key(key));
  }
  [[nodiscard]] Result<std::optional<V>> get(const K& key) const {
    return this->call("get(key)->entry", ReadEntry{}, manager::as_key(key));
  }
  [[nodiscard]] Result<V> get(const K& key, const V& otherwise) const {
    return this->call("get(key)->entry", ReadEntryOr{otherwise}, manager::as_key(key));
  }
  /// For each key its value, or nothing: of one moment.
  template <std::ranges::input_range Keys>
  [[nodiscard]] Result<std::vector<std::optional<V>>> get_many(Keys&& keys) const {
    const manager::EncodedItems encoded = this->encode_each(
        keys, [](manager::ValueWriter& writer, const K& key) { writer.put(manager::as_key(key)); });
    const auto read = [count = encoded.count](manager::ValueReader& answer) {
      std::vector<std::optional<V>> values;
      for (std::uint64_t left = count; left > 0; --left) values.push_back(ReadEntry{}(answer));
      return values;
    };
    return this->call("get_many(keys)->entries", read, encoded);
  }
  [[nodiscard]] Result<bool> contains(const K& key) const {
    return this->call("contains(key)->bool", manager::ReadPlain<bool>{}, manager::as_key(key));
  }
  [[nodiscard]] Result<std::size_t> size() const { return this->call("size()->u64", manager::ReadSize{}); }
  [[nodiscard]] Result<bool> empty() const { return this->call("size()->u64", manager::ReadIsZero{}); }

  /// Ranges of what there is at this moment (detail/manager/snapshot.hpp): keys, values, pairs of both.
  [[nodiscard]] Result<manager::KeySnapshot<K>> keys() const {
    return this->call("keys()->snapshot", manager::ReadObject<manager::KeySnapshot<K>>{});
  }
  [[nodiscard]] Result<manager::ValueSnapshot<V>> values() const {
    return this->call("values()->snapshot", manager::ReadObject<manager::ValueSnapshot<V>>{});
  }
  [[nodiscard]] Result<manager::ItemSnapshot<K, V>> items() const {
    return this->call("items()->snapshot", manager::ReadObject<manager::ItemSnapshot<K, V>>{});
  }

  // Changing ----------------------------------------------------------------------------------------------------

  Result<void> set(const K& key, const V& value) const {
    return this->call("set(key,value)", manager::ReadNothing{}, manager::as_key(key),
                      manager::as_value(value));
  }
  /// Sets every pair of a range, all in one moment.
  template <std::ranges::input_range Items>
  Result<void> set_many(Items&& items) const {
    const auto put = [](manager::ValueWriter& writer, const auto& item) {
      const auto& [key, value] = item;
      writer.put(manager::as_key<K>(key));
      writer.put(manager::as_value<V>(value));
    };
    return this->call("set_many(items)", manager::ReadNothing{}, this->encode_each(items, put));
  }
  /// The same, by the name that Python has.
  template <std::ranges::input_range Items>
  Result<void> update(Items&& items) const {
    return set_many(std::forward<Items>(items));
  }
  /// The value that there is, or else `value`, which is put in.
  Result<V> setdefault(const K& key, const V& value) const {
    return this->call("set_default(key,value)->value", manager::ReadValue<V>{}, manager::as_key(key),
                      manager::as_value(value));
  }
  /// Stores `desired` if the value is `expected`; whether it was. For types that may be keys.
  Result<bool> compare_exchange(const K& key, const V& expected, const V& desired) const {
    manager::check_key<V>();
    return this->call("set_if_equal(key,value,value)->bool", manager::ReadPlain<bool>{}, manager::as_key(key),
                      manager::as_value(expected), manager::as_value(desired));
  }
  /// Whether there was one.
  Result<bool> erase(const K& key) const {
    return this->call("erase(key)->bool", manager::ReadPlain<bool>{}, manager::as_key(key));
  }
  /// Takes it out. Throws std::out_of_range if there is none.
  Result<V> pop(const K& key) const {
    return this->call("pop(key)->entry", ReadExisting{}, manager::as_key(key));
  }
  Result<V> pop(const K& key, const V& otherwise) const {
    return this->call("pop(key)->entry", ReadEntryOr{otherwise}, manager::as_key(key));
  }
  /// Takes out what was put in last; nothing if the dict is empty.
  Result<std::optional<std::pair<K, V>>> popitem() const {
    return this->call("pop_last()->item", manager::ReadOptional<manager::ReadKeyAndValue<K, V>>{});
  }
  Result<void> clear() const { return this->call("clear()", manager::ReadNothing{}); }

 protected:
  using Versioned = std::pair<std::uint64_t, std::optional<V>>;  // version 0: there is none

  Result<Versioned> get_versioned(const K& key) const {
    return this->call("get(key)->entry", ReadVersioned{}, manager::as_key(key));
  }
  Result<bool> set_if_unchanged(const K& key, std::uint64_t version, const V& value) const {
    return this->call("set_if_unchanged(key,version,value)->bool", manager::ReadPlain<bool>{},
                      manager::as_key(key), version, manager::as_value(value));
  }

 private:
  struct ReadVersioned {
    Versioned operator()(manager::ValueReader& answer) const {
      const auto version = answer.get<std::uint64_t>();
      if (version == 0) return {0, std::nullopt};
      return {version, answer.value<V>()};
    }
  };
  struct ReadEntry {
    std::optional<V> operator()(manager::ValueReader& answer) const { return ReadVersioned{}(answer).second; }
  };
  struct ReadExisting {
    V operator()(manager::ValueReader& answer) const {
      std::optional<V> value = ReadEntry{}(answer);
      if (!value) manager::throw_no_such_key(manager::type_of<DictProxy<K, V>>());
      return *std::move(value);
    }
  };
  struct ReadEntryOr {
    V otherwise;
    V operator()(manager::ValueReader& answer) const { return ReadEntry{}(answer).value_or(otherwise); }
  };
};

template <class K, class V>
class DictProxy : public DictCalls<K, V, manager::AtOnce> {
 public:
  using key_type = K;
  using mapped_type = V;
  template <class How>
  using Calls = DictCalls<K, V, How>;
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
  explicit DictProxy(manager::ObjectReference object) : Calls<manager::AtOnce>(std::move(object)) {
    manager::check_key<K>();
    wire::check_transferable<V>();
  }

  Entry operator[](const K& key) const { return Entry(*this, key); }
  /// The same methods, which send the call and do not wait: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const {
    return Calls<manager::Begun>(this->object_reference());
  }

  /// All of it, as it is at this moment.
  [[nodiscard]] std::map<K, V> copy() const {
    std::map<K, V> entries;
    for (auto& [key, value] : this->items()) entries.emplace(std::move(key), std::move(value));
    return entries;
  }

  /// Calls `change(V&)` with the value and stores it, atomically: if somebody else has changed it meanwhile, it reads it
  /// again and calls `change` again. Returns what was stored. Throws std::out_of_range if there is no such key, and what
  /// `change` throws; nothing is changed then.
  template <std::invocable<V&> Change>
  V modify(const K& key, Change&& change) const {
    for (;;) {
      auto [version, value] = this->get_versioned(key);
      if (version == 0) manager::throw_no_such_key(manager::type_of<DictProxy>());
      change(*value);
      if (this->set_if_unchanged(key, version, *value)) return *std::move(value);
    }
  }
  /// The same; where there is no such key, with a copy of `initial`.
  template <std::invocable<V&> Change>
  V modify(const K& key, Change&& change, const V& initial) const {
    for (;;) {
      auto [version, value] = this->get_versioned(key);
      if (version == 0) value = initial;
      change(*value);
      if (this->set_if_unchanged(key, version, *value)) return *std::move(value);
    }
  }
};

}  // namespace procyon
