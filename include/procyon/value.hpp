// Value: one object of a plain type in shared memory, with a lock of its own.
//
//   mp::Value<int> counter(0);
//   mp::Process child([](mp::Value<int> counter) { counter.with([](int& n) { ++n; }); }, counter);
//   ...
//   { std::scoped_lock guard(counter.get_lock()); counter.value() += 1; }
//
// value() alone is not atomic: `counter.value() += 1` without the lock loses increments. with() and get_lock() throw
// OwnerDied when a process died inside them (see owner_died.hpp).
//
// The type must be trivially copyable: bytes that mean the same in every process. A pointer inside means nothing there;
// put a Handle-carrying object of the library into an argument or a queue instead.
#pragma once

#include <type_traits>
#include <utility>

#include "procyon/detail/arena/type_detail.hpp"
#include "procyon/lock.hpp"

namespace procyon {

namespace sync {

template <class T>
struct ValueState : arena::Counted {
  explicit ValueState(const T& initial) : value(initial) {}
  RobustWord lock;
  T value;
};

template <class T>
inline constexpr arena::ObjectType value_type{"Value", 4, arena::type_detail<T>()};

}  // namespace sync

template <class T>
class Value {
  static_assert(
      std::is_trivially_copyable_v<T>,
      "procyon: a Value lies in memory that processes share, so its type must be trivially copyable; use a "
      "Queue for objects such as std::string, or an array member of fixed size");
  static_assert(!std::is_pointer_v<T>,
                "procyon: a pointer in a Value would point into another process; share the object itself");
  static_assert(alignof(T) <= 64, "procyon: shared memory is aligned to 64 bytes at most");

 public:
  using procyon_shared_object = void;

  explicit Value(const T& initial = T())
      : Value(arena::Reference::create<sync::ValueState<T>>(sync::value_type<T>, initial)) {}
  /// For the library: another reference to a value.
  explicit Value(arena::Reference reference)
      : reference_(sync::checked(std::move(reference), sync::value_type<T>)),
        lock_(reference_, state().lock) {}

  /// The object itself. Hold get_lock() when others may use it.
  [[nodiscard]] T& value() const { return state().value; }
  /// The lock of this value: an RLock.
  [[nodiscard]] RLock& get_lock() const { return lock_; }

  /// Calls `change(T&)` with the lock held and returns what it returns. Throws OwnerDied.
  template <class Function>
  decltype(auto) with(Function&& change) const {
    const Held held(lock_);
    return std::forward<Function>(change)(state().value);
  }

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  struct Held {
    explicit Held(RLock& lock) : lock_(lock) { lock_.acquire(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { lock_.release(); }
    RLock& lock_;
  };
  [[nodiscard]] sync::ValueState<T>& state() const { return reference_.template get<sync::ValueState<T>>(); }

  arena::Reference reference_;
  mutable RLock lock_;
};

}  // namespace procyon
