// ValueProxy and ArrayProxy: plain memory in a manager's server, with a lock.
//
//   auto total = manager.Value<double>(0.0);
//   total.with([](double& x) { x += 1.5; });               // under its lock, so no increment is lost
//   auto samples = manager.Array<int>(1000);
//   samples[3] = 7;
//   auto sent = samples.async().at(3);                     // sent.get() waits (manager_result.hpp); in a batch: batch.hpp
//
// An mp::Value or mp::Array in the memory of its server's session (value.hpp, array.hpp): processes of that session use it
// there, without the server, and local() gives it to them. Others read and write through the server, an item or a range of
// them at a time, with() under the lock; so do async() and batches, everywhere. When a process ends inside with(), the next
// one gets OwnerDied (owner_died.hpp).
//
// The type must be trivially copyable, and mean the same bytes to all who use it. A proxy is a reference: copies, and what
// arrives in another process, are the same memory. To be used by any thread, as far as their locking goes.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "procyon/array.hpp"
#include "procyon/detail/manager/item_type.hpp"
#include "procyon/detail/manager/lock_proxy.hpp"
#include "procyon/value.hpp"

namespace procyon {

namespace manager {

/// Items of T at the server, as its bytes.
template <class T, class How>
class ItemCalls : public How {
 public:
  using How::How;

 protected:
  template <class R>
  using Result = typename How::template Result<R>;

  struct ReadItems {
    std::size_t count;
    std::vector<T> operator()(ValueReader& answer) const {
      const auto bytes = answer.get<std::vector<std::byte>>();
      if (bytes.size() != count * sizeof(T))
        wire::throw_bad_value(wire::type_name<T>(), "a wrong number of bytes");
      std::vector<T> items(count);
      if (!bytes.empty()) std::memcpy(items.data(), bytes.data(), bytes.size());
      return items;
    }
  };
  struct ReadItem {
    T operator()(ValueReader& answer) const { return ReadItems{1}(answer).front(); }
  };

  [[nodiscard]] Result<T> read_one(std::uint64_t index) const {
    return this->call("get(u64,u64)->bytes", ReadItem{}, index, std::uint64_t{1});
  }
  [[nodiscard]] Result<std::vector<T>> read(std::uint64_t first, std::uint64_t count) const {
    return this->call("get(u64,u64)->bytes", ReadItems{static_cast<std::size_t>(count)}, first, count);
  }
  Result<void> write(std::uint64_t first, std::span<const T> items) const {
    const auto bytes = std::as_bytes(items);
    return this->call("set(u64,bytes)", ReadNothing{}, first,
                      std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
};

/// The lock of a Value or Array at the server, held while something is done.
class ItemsLock : public LockMethods {
 protected:
  using LockMethods::LockMethods;

  template <class Function>
  decltype(auto) while_held(const char* object, Function&& function) const {
    take(WaitingTime::for_ever(), object);
    const Held held{*this};
    return std::forward<Function>(function)();
  }

 private:
  struct Held {
    const ItemsLock& items;
    ~Held() { items.free_if_there(); }
  };
};

}  // namespace manager

/// The methods of a Value that are one call each, through the server: begun by async(), in a batch by Batch::on()
/// (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class T, class How>
class ValueCalls : public manager::ItemCalls<T, How> {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using manager::ItemCalls<T, How>::ItemCalls;

  [[nodiscard]] Result<T> get() const { return this->read_one(0); }
  Result<void> set(const T& value) const { return this->write(0, std::span(&value, 1)); }
};

/// The same of an Array. All that take an index throw std::out_of_range.
template <class T, class How>
class ArrayCalls : public manager::ItemCalls<T, How> {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using manager::ItemCalls<T, How>::ItemCalls;

  [[nodiscard]] Result<std::size_t> size() const { return this->call("size()->u64", manager::ReadSize{}); }
  [[nodiscard]] Result<bool> empty() const { return this->call("size()->u64", manager::ReadIsZero{}); }
  [[nodiscard]] Result<T> at(std::size_t index) const { return this->read_one(index); }
  Result<void> set(std::size_t index, const T& value) const {
    return this->write(index, std::span(&value, 1));
  }
  [[nodiscard]] Result<std::vector<T>> get_many(std::size_t first, std::size_t count) const {
    return this->read(first, count);
  }
  Result<void> set_many(std::size_t first, std::span<const T> items) const {
    return this->write(first, items);
  }
};

template <class T>
class ValueProxy : public ValueCalls<T, manager::ItemsLock> {
  using Remote = ValueCalls<T, manager::ItemsLock>;

 public:
  using value_type = T;
  template <class How>
  using Calls = ValueCalls<T, How>;
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("Value")); }

  /// For the library: a proxy of an object that is a Value of this type.
  explicit ValueProxy(manager::ObjectReference object) : Remote(std::move(object)) {
    if (arena::Reference found = this->find_local(this->object_reference())) local_.emplace(std::move(found));
  }

  /// The same methods, sent to the server without waiting, also within its session: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const {
    return Calls<manager::Begun>(this->object_reference());
  }

  [[nodiscard]] T get() const { return local_ ? local_->value() : Remote::get(); }
  void set(const T& value) const { local_ ? void(local_->value() = value) : Remote::set(value); }
  /// Calls `change(T&)` with the lock held and returns what it returns. Throws OwnerDied.
  template <class Function>
  auto with(Function&& change) const {
    if (local_) return local_->with(std::forward<Function>(change));
    return this->while_held("Value", [&] {
      T value = get();
      if constexpr (std::is_void_v<std::invoke_result_t<Function, T&>>) {
        std::forward<Function>(change)(value);
        set(value);
      } else {
        auto result = std::forward<Function>(change)(value);
        set(value);
        return result;
      }
    });
  }

  /// The value itself, if it lies in this process's session: for value(), atomic() and get_lock().
  [[nodiscard]] const std::optional<Value<T>>& local() const { return local_; }

 private:
  std::optional<Value<T>> local_;
};

template <class T>
class ArrayProxy : public ArrayCalls<T, manager::ItemsLock> {
  using Remote = ArrayCalls<T, manager::ItemsLock>;

 public:
  using value_type = T;
  template <class How>
  using Calls = ArrayCalls<T, How>;
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("Array")); }

  /// What operator[] returns: reads and writes the item when it is used.
  class Item {
   public:
    Item(const ArrayProxy& array, std::size_t index) : array_(array), index_(index) {}
    [[nodiscard]] T get() const { return array_.at(index_); }
    operator T() const { return get(); }  // NOLINT: a reference that reads
    const Item& operator=(const T& value) const {
      array_.set(index_, value);
      return *this;
    }
    const Item& operator=(const Item& other) const { return *this = other.get(); }

   private:
    const ArrayProxy& array_;
    std::size_t index_;
  };

  /// For the library: a proxy of an object that is an Array of this type.
  explicit ArrayProxy(manager::ObjectReference object) : Remote(std::move(object)) {
    if (arena::Reference found = this->find_local(this->object_reference())) local_.emplace(std::move(found));
  }

  /// The same methods, sent to the server without waiting, also within its session: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const {
    return Calls<manager::Begun>(this->object_reference());
  }

  [[nodiscard]] std::size_t size() const { return local_ ? local_->size() : Remote::size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  Item operator[](std::size_t index) const { return Item(*this, index); }
  /// Throws std::out_of_range, as all that take an index.
  [[nodiscard]] T at(std::size_t index) const { return local_ ? local_->at(index) : Remote::at(index); }
  void set(std::size_t index, const T& value) const {
    local_ ? void(local_->at(index) = value) : Remote::set(index, value);
  }
  [[nodiscard]] std::vector<T> get_many(std::size_t first, std::size_t count) const {
    if (!local_) return Remote::get_many(first, count);
    if (first > size() || count > size() - first) sync::throw_out_of_range(first + count, size());
    const auto items = local_->items().subspan(first, count);
    return {items.begin(), items.end()};
  }
  void set_many(std::size_t first, std::span<const T> items) const {
    if (!local_) return Remote::set_many(first, items);
    if (first > size() || items.size() > size() - first)
      sync::throw_out_of_range(first + items.size(), size());
    std::ranges::copy(items, local_->items().begin() + static_cast<std::ptrdiff_t>(first));
  }
  /// All of it.
  [[nodiscard]] std::vector<T> copy() const { return get_many(0, size()); }
  /// Calls `change(std::span<T>)` with all items and the lock held, and returns what it returns. Throws OwnerDied.
  template <class Function>
  auto with(Function&& change) const {
    if (local_) return local_->with(std::forward<Function>(change));
    return this->while_held("Array", [&] {
      std::vector<T> items = copy();
      if constexpr (std::is_void_v<std::invoke_result_t<Function, std::span<T>>>) {
        std::forward<Function>(change)(std::span<T>(items));
        set_many(0, items);
      } else {
        auto result = std::forward<Function>(change)(std::span<T>(items));
        set_many(0, items);
        return result;
      }
    });
  }

  /// The array itself, if it lies in this process's session: for its memory, atomic() and get_lock().
  [[nodiscard]] const std::optional<Array<T>>& local() const { return local_; }

 private:
  std::optional<Array<T>> local_;
};

}  // namespace procyon
