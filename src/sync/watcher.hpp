// The library thread that listens to this process's bell, and what it looks at.
//
//   WatchHandle watch(targets);                 // some objects, of which any may become ready
//   ::poll(... watch->descriptor() ...);
//   watch->rearm();                             // found none of them ready
//
// PROTOCOL of a watch's eventfd, `fired` (it holds a 1) and the objects' attention bits, under the watch's mutex:
//   look (the thread, after a ring and once a slice)   an object is ready: fire, unless fired
//                                                      none is: empty it if fired, arm all, look again: fire if ready
//   rearm (whoever found nothing)                      empty it if fired, arm all, look: fire if ready
// Both end in a look that follows the arming, so nothing that comes is missed: it comes before that look, or its maker
// finds the bit. rearm() fires anew even if it was fired before: an edge-triggered epoll reports each write.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/waitable.hpp"

namespace procyon::sync {

class Watcher;

class Watch {
 public:
  /// `key` names the object for found_nothing(), or is null. Throws std::system_error.
  Watch(Watcher& watcher, arena::Handle key, std::vector<std::shared_ptr<Waitable>> objects);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  [[nodiscard]] int descriptor() const { return eventfd_.get(); }
  [[nodiscard]] arena::Handle key() const { return key_; }
  /// False in a forked child.
  [[nodiscard]] bool is_of_this_process() const;

  void look();
  void rearm();
  /// Nothing is watched any more; the objects are let go by the caller's thread.
  void end();

 private:
  [[nodiscard]] bool any_ready();
  void fire();
  void empty();
  void empty_and_arm();

  Watcher* const watcher_;
  const arena::Handle key_;
  os::Descriptor eventfd_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Waitable>> objects_;
  bool fired_ = false;
};

class Watcher {
 public:
  /// That of this process, with its thread. Throws std::system_error.
  static Watcher& current();
  /// The same, or null.
  static Watcher* existing();

  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// Watches until the last owner lets go of what is returned.
  std::shared_ptr<Watch> watch(arena::Handle key, std::vector<std::shared_ptr<Waitable>> objects);
  /// The one of that object, made with the first call, for all who ask.
  std::shared_ptr<Watch> shared_watch(arena::Handle key, WaitTarget (*target)(const void*),
                                      const void* context);
  /// The watch with this key, or null. Not for keeping.
  std::shared_ptr<Watch> find(arena::Handle key);
  /// Held while a slot is filled.
  std::mutex& slots() { return slots_; }

 private:
  static void* thread_main(void* self);
  [[noreturn]] void loop();
  void start_thread();
  std::vector<std::shared_ptr<Watch>> watches();
  void forget(const Watch* watch);

  struct Entry {
    std::weak_ptr<Watch> watch;
    std::weak_ptr<Watch> owner;  // the same, as watch() returned it
  };

  std::mutex slots_;
  std::mutex sharing_;  // held while a shared watch is looked for and made
  std::mutex mutex_;
  bool has_thread_ = false;  // guarded by mutex_, like the next
  std::vector<Entry> watches_;
  os::FutexWord additions_{0};  // the thread sleeps on it while there is nothing to watch
};

}  // namespace procyon::sync
