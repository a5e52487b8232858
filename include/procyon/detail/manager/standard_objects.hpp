// The functions that make standard objects in a server: what Manager, and a manager that is connected to another's, share.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/wire/call.hpp"
#include "procyon/manager_barrier.hpp"
#include "procyon/manager_condition.hpp"
#include "procyon/manager_dict.hpp"
#include "procyon/manager_event.hpp"
#include "procyon/manager_list.hpp"
#include "procyon/manager_lock.hpp"
#include "procyon/manager_namespace.hpp"
#include "procyon/manager_pool.hpp"
#include "procyon/manager_queue.hpp"
#include "procyon/manager_semaphore.hpp"
#include "procyon/manager_set.hpp"
#include "procyon/manager_value.hpp"

namespace procyon::manager {

/// `Owner` has link(), the connection to the server. All of these throw ManagerGone when the server is gone.
template <class Owner>
class StandardObjects {
 public:
  template <class K, class V>
  [[nodiscard]] DictProxy<K, V> dict() {
    return make<DictProxy<K, V>>();
  }
  /// With the pairs of a range.
  template <class K, class V, std::ranges::input_range Items>
  [[nodiscard]] DictProxy<K, V> dict(Items&& items) {
    auto made = dict<K, V>();
    made.set_many(std::forward<Items>(items));
    return made;
  }
  template <class T>
  [[nodiscard]] ListProxy<T> list() {
    return make<ListProxy<T>>();
  }
  template <class T, std::ranges::input_range Items>
  [[nodiscard]] ListProxy<T> list(Items&& items) {
    auto made = list<T>();
    made.extend(std::forward<Items>(items));
    return made;
  }
  template <class T>
  [[nodiscard]] SetProxy<T> set() {
    return make<SetProxy<T>>();
  }
  template <class T, std::ranges::input_range Elements>
  [[nodiscard]] SetProxy<T> set(Elements&& elements) {
    auto made = set<T>();
    made.update(std::forward<Elements>(elements));
    return made;
  }
  [[nodiscard]] NamespaceProxy Namespace() { return make<NamespaceProxy>(); }

  [[nodiscard]] LockProxy Lock() { return make<LockProxy>(); }
  [[nodiscard]] RLockProxy RLock() { return make<RLockProxy>(); }
  /// Throws std::invalid_argument unless 0 <= value <= 2^31 - 1.
  [[nodiscard]] SemaphoreProxy Semaphore(std::int64_t value = 1) { return make<SemaphoreProxy>(value); }
  [[nodiscard]] BoundedSemaphoreProxy BoundedSemaphore(std::int64_t value = 1) {
    return make<BoundedSemaphoreProxy>(value);
  }
  /// With a lock of its own.
  [[nodiscard]] ConditionProxy Condition() { return make<ConditionProxy>(); }
  /// With the lock of that RLock, which it shares. Throws std::invalid_argument if it is another manager's.
  [[nodiscard]] ConditionProxy Condition(const RLockProxy& lock) {
    return make<ConditionProxy>(as_value(lock));
  }
  /// Not with a Lock, which processes of the session take and free without the server.
  template <std::same_as<LockProxy> Plain>
  ConditionProxy Condition(const Plain&) {
    static_assert(
        !std::same_as<Plain, LockProxy>,
        "procyon: a manager's Condition takes an RLock() of that manager, not a Lock(), which lies in shared "
        "memory and is taken there without the server; within one session, use mp::Condition(*lock.local())");
    return Condition();
  }
  [[nodiscard]] EventProxy Event() { return make<EventProxy>(); }
  /// Throws std::invalid_argument unless 1 <= parties <= 65536.
  [[nodiscard]] BarrierProxy Barrier(std::size_t parties) { return make_barrier(parties, no_timeout, {}); }
  template <class Action>
  [[nodiscard]] BarrierProxy Barrier(std::size_t parties, const Action& action) {
    return make_barrier(parties, no_timeout, encode(action));
  }
  /// `timeout` is for those who wait without one of their own.
  template <class Action, class Rep, class Period>
  [[nodiscard]] BarrierProxy Barrier(std::size_t parties, const Action& action,
                                     std::chrono::duration<Rep, Period> timeout) {
    return make_barrier(parties, std::chrono::nanoseconds(timeout).count(), encode(action));
  }

  template <class T>
  [[nodiscard]] ValueProxy<T> Value(const T& initial = T()) {
    return make<ValueProxy<T>>(item_type_of<T>(), bytes_of(std::span(&initial, 1)));
  }
  /// `count` items whose bytes are zero.
  template <class T>
  [[nodiscard]] ArrayProxy<T> Array(std::size_t count) {
    return make<ArrayProxy<T>>(item_type_of<T>(), std::uint64_t{count}, std::string());
  }
  /// With copies of what the range has.
  template <class T, std::ranges::input_range Items>
  [[nodiscard]] ArrayProxy<T> Array(Items&& items) {
    std::vector<T> copied;
    for (auto&& item : items) copied.push_back(static_cast<T>(item));
    return make<ArrayProxy<T>>(item_type_of<T>(), std::uint64_t{copied.size()}, bytes_of<T>(copied));
  }

  /// Throws what Pool's constructor does.
  [[nodiscard]] PoolProxy Pool(const ManagedPoolOptions& options = {}) { return make<PoolProxy>(options); }

  /// Of at most `maxsize` messages; 0: as many as memory holds.
  template <class T>
  [[nodiscard]] QueueProxy<T> Queue(std::size_t maxsize = 0) {
    return Queue<T>(QueueOptions{.maxsize = maxsize});
  }
  template <class T>
  [[nodiscard]] QueueProxy<T> Queue(const QueueOptions& options) {
    return make<QueueProxy<T>>(arena::type_detail<T>(), options);
  }
  template <class T>
  [[nodiscard]] JoinableQueueProxy<T> JoinableQueue(std::size_t maxsize = 0) {
    return JoinableQueue<T>(QueueOptions{.maxsize = maxsize});
  }
  template <class T>
  [[nodiscard]] JoinableQueueProxy<T> JoinableQueue(const QueueOptions& options) {
    return make<JoinableQueueProxy<T>>(arena::type_detail<T>(), options);
  }

 private:
  static constexpr std::int64_t no_timeout = -1;

  template <class Proxy, class... Arguments>
  Proxy make(const Arguments&... arguments) {
    return create_object<Proxy>(static_cast<Owner&>(*this).link(), arguments...);
  }
  BarrierProxy make_barrier(std::size_t parties, std::int64_t timeout, const std::string& action) {
    return make<BarrierProxy>(std::uint64_t{parties}, timeout, action);
  }
  template <class Action>
  static std::string encode(const Action& action) {
    wire::Writer writer;
    wire::encode_procedure(writer, action);
    return {reinterpret_cast<const char*>(writer.bytes().data()), writer.size()};
  }
  template <class T>
  static std::string bytes_of(std::span<const T> items) {
    return {reinterpret_cast<const char*>(items.data()), items.size_bytes()};
  }
};

}  // namespace procyon::manager
