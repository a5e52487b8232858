// A pointer that a forked child finds empty: for what belongs to one process and must never be used by its
// children.
//
//   constinit ForkLocal<State> state;
//   State& current = state.get_or([] { return new State; });     // in a forked child: a new one
//
// It lies in a page that the kernel wipes in every child, however it was forked (MADV_WIPEONFORK): no
// pthread_atfork handler that a raw clone would pass by, no comparison of pids that may be reused.
//
// What the parent's pointer meant is leaked in the child on purpose: its threads do not exist there, its
// locks may be held by them for ever.
#pragma once

#include <atomic>
#include <cstddef>

namespace procyon::os {

/// The next unused slot of the wiped page. Throws std::system_error when there is no memory for the page.
std::atomic<void*>& new_fork_local_slot();

template <class T>
class ForkLocal {
 public:
  constexpr ForkLocal() = default;

  /// Null if this process has not set it.
  [[nodiscard]] T* get() {
    std::atomic<void*>* slot = slot_.load(std::memory_order_acquire);
    return slot == nullptr ? nullptr : static_cast<T*>(slot->load(std::memory_order_acquire));
  }

  /// What this process has, made by `make()` (a `new T`) if it has none. Thread-safe; one of several racers'
  /// wins.
  template <class Make>
  T& get_or(Make make) {
    if (T* present = get()) return *present;
    std::atomic<void*>& slot = find_slot();
    T* made = make();
    void* expected = nullptr;
    if (slot.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) {
      remember(made);
      return *made;
    }
    delete made;
    return *static_cast<T*>(expected);
  }

  /// Replaces what this process has by `*made`. What it had is leaked. Not while others may use it.
  T& set(T* made) {
    find_slot().store(made, std::memory_order_release);
    remember(made);
    return *made;
  }

 private:
  // All that was ever made, the parent's too: for leak checkers, which do not look into the wiped page.
  struct Made {
    T* object;
    Made* before;
  };

  void remember(T* object) { made_.store(new Made{object, made_.load(std::memory_order_relaxed)}); }

  std::atomic<void*>& find_slot() {
    if (std::atomic<void*>* slot = slot_.load(std::memory_order_acquire)) return *slot;
    std::atomic<void*>* fresh = &new_fork_local_slot();
    std::atomic<void*>* expected = nullptr;
    return slot_.compare_exchange_strong(expected, fresh, std::memory_order_acq_rel) ? *fresh : *expected;
  }

  std::atomic<std::atomic<void*>*> slot_{nullptr};
  std::atomic<Made*> made_{nullptr};
};

}  // namespace procyon::os
