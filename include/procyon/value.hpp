// Value: one object of a plain type in shared memory, with a lock of its own. RawValue: the same without a lock.
//
//   mp::Value<int> counter(0);
//   mp::Process child([](mp::Value<int> counter) { counter.with([](int& n) { ++n; }); }, counter);
//   ...
//   { std::scoped_lock guard(counter.get_lock()); counter.value() += 1; }
//   counter.atomic().fetch_add(1);                 // without the lock; not to be mixed with the lock
//
// value() alone is not atomic: `counter.value() += 1` without the lock loses increments. with() and get_lock() throw
// OwnerDied when a process died inside them (see owner_died.hpp). atomic() is complete or not begun when a process dies.
//
// Both are references: copies, and what arrives in another process, are the same object. The type must be trivially
// copyable: bytes that mean the same in every process. A pointer inside means nothing there; put a handle of the library
// into an argument or a queue instead.
#pragma once

#include <utility>

#include "procyon/detail/sync/shared_items.hpp"

namespace procyon {

namespace sync {

template <class T>
inline constexpr arena::ObjectType value_type{"Value", 4, arena::type_detail<T>()};
template <class T>
inline constexpr arena::ObjectType raw_value_type{"RawValue", 23, arena::type_detail<T>()};

}  // namespace sync

/// value(), atomic(), get_lock(), with(). Thread-safe as far as their user's locking goes.
template <class T>
class Value : public sync::OneItem<T, sync::Locked> {
 public:
  /// Throws SessionError when shared memory is exhausted.
  explicit Value(const T& initial = T())
      : Value(Checked{}, arena::Reference::create<State>(sync::value_type<T>, initial)) {}
  /// For the library: another reference to a value.
  explicit Value(arena::Reference reference)
      : Value(Checked{}, sync::checked(std::move(reference), sync::value_type<T>)) {}

  /// Calls `change(T&)` with the lock held and returns what it returns. Throws OwnerDied.
  template <class Function>
  decltype(auto) with(Function&& change) const {
    return this->while_held(
        [&]() -> decltype(auto) { return std::forward<Function>(change)(this->value()); });
  }

 private:
  using State = sync::ValueState<T>;
  struct Checked {};
  Value(Checked, const arena::Reference& reference)
      : sync::OneItem<T, sync::Locked>(reference.get<State>().value, reference, reference.get<State>().lock) {
  }
};

/// value(), atomic(). For data that one process writes before others look, and for atomic access.
template <class T>
class RawValue : public sync::OneItem<T, sync::Unlocked> {
 public:
  /// Throws SessionError when shared memory is exhausted.
  explicit RawValue(const T& initial = T())
      : RawValue(Checked{}, arena::Reference::create<State>(sync::raw_value_type<T>, initial)) {}
  /// For the library: another reference to a value.
  explicit RawValue(arena::Reference reference)
      : RawValue(Checked{}, sync::checked(std::move(reference), sync::raw_value_type<T>)) {}

 private:
  using State = sync::RawValueState<T>;
  struct Checked {};
  RawValue(Checked, const arena::Reference& reference)
      : sync::OneItem<T, sync::Unlocked>(reference.get<State>().value, reference) {}
};

}  // namespace procyon
