// Array: a fixed number of objects of a plain type in shared memory, with a lock. RawArray: the same without a lock.
//
//   mp::Array<double> samples(1000);                           // zeroes
//   mp::Array<int> primes{2, 3, 5, 7};                         // or of any range: mp::Array<int> copy(a_vector)
//   mp::Process child([](mp::Array<double> samples) {
//     samples.with([](std::span<double> all) { std::ranges::sort(all); });
//   }, samples);
//   ...
//   for (double sample : samples) sum += sample;               // reads and writes as a std::span does
//
// As with std::vector, Array<int>(3) has three items and Array<int>{3} has one.
//
// Items may be read and written by anybody at any time; with() and get_lock() are for those who must agree, and throw
// OwnerDied when a process died inside them (see owner_died.hpp). atomic(i) needs no lock.
//
// Both are references: copies, and what arrives in another process, are the same array. The length is fixed: use a Queue
// for what grows, and a SharedMemory for programs that are not related. The items begin on a cache line.
#pragma once

#include <initializer_list>
#include <span>
#include <utility>

#include "procyon/detail/sync/shared_items.hpp"

namespace procyon {

namespace sync {

template <class T>
inline constexpr arena::ObjectType array_type{"Array", 21, arena::type_detail<T>()};
template <class T>
inline constexpr arena::ObjectType raw_array_type{"RawArray", 22, arena::type_detail<T>()};

}  // namespace sync

/// size() data() begin() end() operator[] at() items() atomic(i), get_lock(), with().
template <class T>
class Array : public sync::ManyItems<T, sync::Locked> {
 public:
  /// `count` items whose bytes are zero. Throws SessionError when shared memory is exhausted, std::length_error.
  explicit Array(std::size_t count)
      : Array(Checked{}, sync::create_zeroed_array<T, sync::ArrayState>(sync::array_type<T>, count)) {}
  Array(std::initializer_list<T> items) : Array(std::span<const T>(items.begin(), items.size())) {}
  /// A new array with copies of what the range has.
  template <sync::ItemsFor<T, Array> Range>
  explicit Array(Range&& range)
      : Array(Checked{},
              sync::create_array_of<T, sync::ArrayState>(sync::array_type<T>, std::forward<Range>(range))) {}
  /// For the library: another reference to an array.
  explicit Array(arena::Reference reference)
      : Array(Checked{}, sync::checked(std::move(reference), sync::array_type<T>)) {}

  /// Calls `change(std::span<T>)` with the lock held and returns what it returns. Throws OwnerDied.
  template <class Function>
  decltype(auto) with(Function&& change) const {
    return this->while_held(
        [&]() -> decltype(auto) { return std::forward<Function>(change)(this->items()); });
  }

 private:
  struct Checked {};
  Array(Checked, const arena::Reference& reference)
      : sync::ManyItems<T, sync::Locked>(sync::items_of<T>(reference), reference,
                                         reference.get<sync::ArrayState>().lock) {}
};

/// size() data() begin() end() operator[] at() items() atomic(i).
template <class T>
class RawArray : public sync::ManyItems<T, sync::Unlocked> {
 public:
  /// `count` items whose bytes are zero. Throws SessionError when shared memory is exhausted, std::length_error.
  explicit RawArray(std::size_t count)
      : RawArray(Checked{},
                 sync::create_zeroed_array<T, sync::RawArrayState>(sync::raw_array_type<T>, count)) {}
  RawArray(std::initializer_list<T> items) : RawArray(std::span<const T>(items.begin(), items.size())) {}
  /// A new array with copies of what the range has.
  template <sync::ItemsFor<T, RawArray> Range>
  explicit RawArray(Range&& range)
      : RawArray(Checked{}, sync::create_array_of<T, sync::RawArrayState>(sync::raw_array_type<T>,
                                                                          std::forward<Range>(range))) {}
  /// For the library: another reference to an array.
  explicit RawArray(arena::Reference reference)
      : RawArray(Checked{}, sync::checked(std::move(reference), sync::raw_array_type<T>)) {}

 private:
  struct Checked {};
  RawArray(Checked, const arena::Reference& reference)
      : sync::ManyItems<T, sync::Unlocked>(sync::items_of<T>(reference), reference) {}
};

}  // namespace procyon
