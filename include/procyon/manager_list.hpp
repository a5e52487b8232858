// ListProxy: a list that lies in a manager's server and that any process can use, as Python's manager.list().
//
//   mp::Manager manager;
//   auto samples = manager.list<double>();
//   samples.push_back(1.5);
//   samples.extend(std::vector{2.5, 3.5});
//   double first = samples[0];
//   samples[0] = 4.0;
//   for (double sample : samples.items()) ...
//   auto sent = samples.async().push_back(5.5);       // sent.get() waits (manager_result.hpp); in a batch: batch.hpp
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

#include "procyon/detail/manager/calls.hpp"
#include "procyon/detail/manager/key.hpp"
#include "procyon/detail/manager/snapshot.hpp"

namespace procyon {

template <class T>
class ListProxy;

/// The methods of a list that are one call each: at once in ListProxy, begun by async(), in a batch by Batch::on()
/// (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch. All that take an index throw
/// std::out_of_range if there is no such item.
template <class T, class How>
class ListCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  // Reading -----------------------------------------------------------------------------------------------------

  [[nodiscard]] Result<T> at(std::size_t index) const {
    return this->call("get(u64)->item", ReadItem{}, std::uint64_t{index});
  }
  [[nodiscard]] Result<T> front() const { return at(0); }
  [[nodiscard]] Result<T> back() const { return this->call("get_last()->values", ReadLast{}); }
  /// A slice: `most` items from `first` on, fewer where the list ends.
  [[nodiscard]] Result<std::vector<T>> get_many(std::size_t first, std::size_t most) const {
    return this->call("get_many(u64,u64)->values", ReadItems{}, std::uint64_t{first}, std::uint64_t{most});
  }
  [[nodiscard]] Result<std::size_t> size() const { return this->call("size()->u64", manager::ReadSize{}); }
  [[nodiscard]] Result<bool> empty() const { return this->call("size()->u64", manager::ReadIsZero{}); }
  /// Where the first such item is, if there is one. Items are compared by their bytes.
  [[nodiscard]] Result<std::optional<std::size_t>> index(const T& value) const {
    manager::check_key<T>();
    return this->call("index(value)->optional<u64>", manager::ReadOptional<manager::ReadSize>{},
                      manager::as_value(value));
  }
  [[nodiscard]] Result<bool> contains(const T& value) const {
    manager::check_key<T>();
    return this->call("index(value)->optional<u64>", manager::ReadPlain<bool>{}, manager::as_value(value));
  }
  [[nodiscard]] Result<std::size_t> count(const T& value) const {
    manager::check_key<T>();
    return this->call("count(value)->u64", manager::ReadSize{}, manager::as_value(value));
  }
  /// A range of what there is at this moment (detail/manager/snapshot.hpp).
  [[nodiscard]] Result<manager::ValueSnapshot<T>> items() const {
    return this->call("items()->version,snapshot", manager::ReadObject<manager::ValueSnapshot<T>>{});
  }

  // Changing ----------------------------------------------------------------------------------------------------

  Result<void> set(std::size_t index, const T& value) const {
    return this->call("set(u64,value)", manager::ReadNothing{}, std::uint64_t{index},
                      manager::as_value(value));
  }
  Result<void> push_back(const T& value) const {
    return this->call("extend(values)", manager::ReadNothing{}, std::uint64_t{1}, manager::as_value(value));
  }
  /// The same, by the name that Python has.
  Result<void> append(const T& value) const { return push_back(value); }
  /// Appends what a range has, all in one moment.
  template <std::ranges::input_range Items>
  Result<void> extend(Items&& items) const {
    return this->call("extend(values)", manager::ReadNothing{}, encode_items(items));
  }
  /// Before the item at `index`, or at the end if that is the size.
  Result<void> insert(std::size_t index, const T& value) const {
    return this->call("insert(u64,value)", manager::ReadNothing{}, std::uint64_t{index},
                      manager::as_value(value));
  }
  /// Takes the last item out. Throws std::out_of_range if there is none.
  Result<T> pop() const { return this->call("pop_last()->value", manager::ReadValue<T>{}); }
  Result<T> pop(std::size_t index) const {
    return this->call("pop(u64)->value", manager::ReadValue<T>{}, std::uint64_t{index});
  }
  /// Drops `count` items from `first` on.
  Result<void> erase(std::size_t first, std::size_t count = 1) const {
    return this->call("erase(u64,u64)", manager::ReadNothing{}, std::uint64_t{first}, std::uint64_t{count});
  }
  /// Drops the first item that has this value; whether there was one.
  Result<bool> remove(const T& value) const {
    manager::check_key<T>();
    return this->call("remove(value)->bool", manager::ReadPlain<bool>{}, manager::as_value(value));
  }
  Result<void> reverse() const { return this->call("reverse()", manager::ReadNothing{}); }
  Result<void> clear() const { return this->call("clear()", manager::ReadNothing{}); }

 protected:
  using Versioned = std::pair<std::uint64_t, T>;

  Result<Versioned> get_versioned(std::size_t index) const {
    return this->call("get(u64)->item", ReadVersioned{}, std::uint64_t{index});
  }
  Result<bool> set_if_unchanged(std::size_t index, std::uint64_t version, const T& value) const {
    return this->call("set_if_unchanged(u64,version,value)->bool", manager::ReadPlain<bool>{},
                      std::uint64_t{index}, version, manager::as_value(value));
  }
  Result<std::pair<std::uint64_t, manager::ValueSnapshot<T>>> items_versioned() const {
    const auto read = [](manager::ValueReader& answer) {
      const auto version = answer.get<std::uint64_t>();
      return std::pair(version, manager::ValueSnapshot<T>(answer.object()));
    };
    return this->call("items()->version,snapshot", read);
  }
  Result<bool> assign_if_unchanged(std::uint64_t version, const std::vector<T>& items) const {
    return this->call("assign_if_unchanged(version,values)->bool", manager::ReadPlain<bool>{}, version,
                      encode_items(items));
  }

 private:
  struct ReadVersioned {
    Versioned operator()(manager::ValueReader& answer) const {
      const auto version = answer.get<std::uint64_t>();
      return {version, answer.value<T>()};
    }
  };
  struct ReadItem {
    T operator()(manager::ValueReader& answer) const { return ReadVersioned{}(answer).second; }
  };
  struct ReadItems {
    std::vector<T> operator()(manager::ValueReader& answer) const {
      std::vector<T> items;
      for (auto count = answer.get<std::uint64_t>(); count > 0; --count) items.push_back(answer.value<T>());
      return items;
    }
  };
  struct ReadLast {
    T operator()(manager::ValueReader& answer) const {
      std::vector<T> last = ReadItems{}(answer);
      if (last.empty()) manager::throw_empty_list(manager::type_of<ListProxy<T>>());
      return std::move(last.front());
    }
  };

  template <class Items>
  manager::EncodedItems encode_items(Items& items) const {
    return this->encode_each(
        items, [](manager::ValueWriter& writer, const T& item) { writer.put(manager::as_value(item)); });
  }
};

template <class T>
class ListProxy : public ListCalls<T, manager::AtOnce> {
 public:
  using value_type = T;
  template <class How>
  using Calls = ListCalls<T, How>;
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
  explicit ListProxy(manager::ObjectReference object) : Calls<manager::AtOnce>(std::move(object)) {
    wire::check_transferable<T>();
  }

  Item operator[](std::size_t index) const { return Item(*this, index); }
  /// The same methods, which send the call and do not wait: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const {
    return Calls<manager::Begun>(this->object_reference());
  }

  /// All of it, as it is at this moment.
  [[nodiscard]] std::vector<T> copy() const { return this->items().to_vector(); }
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
      auto [version, value] = this->get_versioned(index);
      change(value);
      if (this->set_if_unchanged(index, version, value)) return value;
    }
  }
  /// The same with all items, as a std::vector<T>&: for what needs them all. They are sent to and fro.
  template <std::invocable<std::vector<T>&> Change>
  void transform(Change&& change) const {
    for (;;) {
      auto [version, items] = this->items_versioned();
      std::vector<T> all = items.to_vector();
      change(all);
      if (this->assign_if_unchanged(version, all)) return;
    }
  }
};

}  // namespace procyon
