// What Value, Array, RawValue and RawArray have in common: who keeps the memory, how its one item or its many are read.
//
//   Value<T>    : OneItem<T, Locked>         RawValue<T> : OneItem<T, Unlocked>
//   Array<T>    : ManyItems<T, Locked>       RawArray<T> : ManyItems<T, Unlocked>
//
// Formats, in counted objects. The creator writes all of it before anybody else knows of the object; if it dies before
// that, the block goes back with whatever else it owned or pinned.
//
//   RawValue    the item
//   Value       lock (RobustWord), the item
//   RawArray    length; at byte 64 the items
//   Array       length, lock; at byte 64 the items
//
// The items are the user's: anybody may write them at any time, and a death leaves them as they are. The lock tells the
// next owner of a death inside (robust_word.hpp). Length and place never change.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/arena/type_detail.hpp"
#include "procyon/lock.hpp"

namespace procyon::sync {

/// Refuses, in sentences, what cannot lie in shared memory.
template <class T>
struct CheckedItem {
  static_assert(std::is_trivially_copyable_v<T>,
                "procyon: a Value, Array, RawValue or RawArray lies in memory that processes share, so its "
                "type must be "
                "trivially copyable; use a Queue for objects such as std::string, or a member of fixed size");
  static_assert(
      !std::is_pointer_v<T> && !std::is_member_pointer_v<T>,
      "procyon: a pointer in a Value, Array, RawValue or RawArray would point into another process; "
      "share the "
      "object itself");
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>,
                "procyon: the type of a Value, Array, RawValue or RawArray is a plain object type, without "
                "const, volatile or "
                "reference");
  static_assert(alignof(T) <= 64, "procyon: shared memory is aligned to 64 bytes at most");
};

/// Where an item must lie for atomic access: on a multiple of its size, if the processor knows that size.
template <class T>
inline constexpr std::size_t item_alignment = std::has_single_bit(sizeof(T)) && sizeof(T) <= 16
                                                  ? std::max(alignof(T), sizeof(T))
                                                  : alignof(T);

/// Atomic access to one item, which lies on item_alignment.
template <class T>
std::atomic_ref<T> atomic_access(T& item) {
  static_assert(std::atomic_ref<T>::is_always_lock_free,
                "procyon: this processor has no atomic access to objects of this type: they are too large, "
                "or of a size "
                "that is not a power of two; use with(), which holds the lock");
  return std::atomic_ref<T>(item);
}

template <class T>
struct RawValueState : arena::Counted {
  explicit RawValueState(const T& initial) : value(initial) {}
  alignas(item_alignment<T>) T value;
};

template <class T>
struct ValueState : arena::Counted {
  explicit ValueState(const T& initial) : value(initial) {}
  RobustWord lock;
  alignas(item_alignment<T>) T value;
};

struct RawArrayState : arena::Counted {
  explicit RawArrayState(std::size_t count) : length(count) {}
  std::uint64_t length;
};

struct ArrayState : RawArrayState {
  using RawArrayState::RawArrayState;
  RobustWord lock;
};

inline constexpr std::size_t offset_of_items = 64;

/// Bytes of the items and of what lies before them, beyond `state`. Throws std::length_error.
std::size_t room_for_items(std::size_t state, std::size_t count, std::size_t size);
[[noreturn]] void throw_out_of_range(std::size_t index, std::size_t size);

template <class T>
std::span<T> items_of(const arena::Reference& reference) {
  return {reinterpret_cast<T*>(static_cast<std::byte*>(reference.address()) + offset_of_items),
          static_cast<std::size_t>(reference.get<RawArrayState>().length)};
}

/// A new array whose items are zero. Nobody else knows of it yet.
template <class T, class State>
arena::Reference create_zeroed_array(arena::ObjectType type, std::size_t count) {
  static_assert(sizeof(State) <= offset_of_items);
  auto reference =
      arena::Reference::create_with_room<State>(room_for_items(sizeof(State), count, sizeof(T)), type, count);
  std::memset(static_cast<std::byte*>(reference.address()) + offset_of_items, 0, count * sizeof(T));
  return reference;
}

template <class T, class State, class Range>
arena::Reference create_array_of(arena::ObjectType type, Range&& range) {
  if constexpr (std::ranges::sized_range<Range> && std::ranges::forward_range<Range>) {
    const auto count = static_cast<std::size_t>(std::ranges::size(range));
    auto reference = create_zeroed_array<T, State>(type, count);
    T* next = items_of<T>(reference).data();
    for (auto&& item : range) *next++ = static_cast<T>(std::forward<decltype(item)>(item));
    return reference;
  } else {
    std::vector<T> items;
    for (auto&& item : range) items.push_back(static_cast<T>(std::forward<decltype(item)>(item)));
    return create_array_of<T, State>(type, items);
  }
}

/// Something to make an Array of T of, other than another one of the very same type (that is the same array).
template <class Range, class T, class Array>
concept ItemsFor =
    std::ranges::input_range<Range> && std::convertible_to<std::ranges::range_reference_t<Range>, T> &&
    !std::derived_from<std::remove_cvref_t<Range>, Array>;

/// Keeps the object alive.
class Unlocked {
 public:
  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 protected:
  explicit Unlocked(arena::Reference reference) : reference_(std::move(reference)) {}

 private:
  arena::Reference reference_;
};

/// Likewise, and has the lock that lies inside it.
class Locked {
 public:
  /// The lock of this object: an RLock.
  [[nodiscard]] RLock& get_lock() const { return lock_; }
  [[nodiscard]] const arena::Reference& reference() const { return lock_.reference(); }

 protected:
  Locked(arena::Reference reference, RobustWord& word) : lock_(std::move(reference), word) {}

  template <class Function>
  decltype(auto) while_held(Function&& function) const {
    const Held held(lock_);
    return std::forward<Function>(function)();
  }

 private:
  struct Held {
    explicit Held(RLock& lock) : lock_(lock) { lock_.acquire(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { lock_.release(); }
    RLock& lock_;
  };
  mutable RLock lock_;
};

template <class T, class Keeper>
class OneItem : private CheckedItem<T>, public Keeper {
 public:
  using procyon_shared_object = void;
  using value_type = T;

  /// The object itself, whatever others do with it meanwhile.
  [[nodiscard]] T& value() const { return *item_; }
  /// Atomic access to it, among all who use atomic access: load(), store(), fetch_add(), compare_exchange_strong(), ...
  /// Does not compile where the processor has none for this type. Not beyond the life of this object.
  [[nodiscard]] std::atomic_ref<T> atomic() const { return atomic_access(*item_); }

 protected:
  template <class... Kept>
  explicit OneItem(T& item, Kept&&... kept) : Keeper(std::forward<Kept>(kept)...), item_(&item) {}

 private:
  T* item_;
};

template <class T, class Keeper>
class ManyItems : private CheckedItem<T>, public Keeper {
 public:
  using procyon_shared_object = void;
  using value_type = T;

  // As std::span: a const array is one that always names the same items, which may be written.
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] T* data() const { return items_.data(); }
  [[nodiscard]] T* begin() const { return items_.data(); }
  [[nodiscard]] T* end() const { return items_.data() + items_.size(); }
  [[nodiscard]] T& operator[](std::size_t index) const { return items_[index]; }
  /// Throws std::out_of_range.
  [[nodiscard]] T& at(std::size_t index) const {
    if (index >= items_.size()) throw_out_of_range(index, items_.size());
    return items_[index];
  }
  /// Not beyond the life of this object.
  [[nodiscard]] std::span<T> items() const { return items_; }
  /// Atomic access to one item, see OneItem. Throws std::out_of_range.
  [[nodiscard]] std::atomic_ref<T> atomic(std::size_t index) const { return atomic_access(at(index)); }

 protected:
  template <class... Kept>
  explicit ManyItems(std::span<T> items, Kept&&... kept)
      : Keeper(std::forward<Kept>(kept)...), items_(items) {}

 private:
  std::span<T> items_;
};

}  // namespace procyon::sync
