// A descriptor that is readable while an object in shared memory may be ready: an eventfd of this process.
//
//   sync::WatchSlot watch_;                                               // in the object's class
//   int fileno() const { return watch_.descriptor(handle, [&] { return wait_target(); }); }
//   ... where the object was found not ready:  sync::found_nothing(handle);
//
// A library thread, made with the first watch of a process, listens to the process's bell (doorbell.hpp), looks at what is
// watched, and writes to the eventfd of what is ready. So the eventfd says "look": others may have been faster. Who looked
// and found nothing empties it by found_nothing(), which asks for the next ring.
//
// In a forked child a watch is not there: its eventfd is the parent's, and a new one is made at the first call.
#pragma once

#include <atomic>
#include <memory>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/sync/waitable.hpp"

namespace procyon::sync {

class Watch;
class Watcher;

/// Empties the eventfd of that object, if this process has one, and fires it again should the object be ready.
void found_nothing(arena::Handle object);

/// The watch of one handle object; copies share it. Thread-safe as the const functions of its class must be.
class WatchSlot {
 public:
  WatchSlot() = default;
  WatchSlot(const WatchSlot& other) : watch_(other.watch()), is_set_(watch_ != nullptr) {}
  WatchSlot& operator=(const WatchSlot& other);
  ~WatchSlot() = default;

  /// The eventfd, made with the first call. It lives as long as this object or a copy made since. Throws
  /// std::system_error.
  int descriptor(arena::Handle object, WaitTarget (*target)(const void*), const void* context);
  /// The same for what lies in no block of its own and, once ready, stays so: nobody need say that nothing was found.
  int descriptor(WaitTarget (*target)(const void*), const void* context);

 private:
  int keep(Watcher& watcher, const std::shared_ptr<Watch>& made);
  [[nodiscard]] std::shared_ptr<Watch> watch() const {
    return is_set_.load(std::memory_order_acquire) ? watch_ : nullptr;
  }

  std::shared_ptr<Watch> watch_;  // written once, before is_set_ (and anew in a forked child)
  std::atomic<bool> is_set_{false};
};

}  // namespace procyon::sync
