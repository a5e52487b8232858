#include "sync/watcher.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/error.hpp"
#include "os/fork_local.hpp"
#include "os/threads.hpp"
#include "procyon/detail/sync/doorbell.hpp"
#include "procyon/detail/sync/watch.hpp"

namespace procyon::sync {

namespace {

constinit os::ForkLocal<Watcher> watcher_of_this_process;

}  // namespace

// ---- Watch

Watch::Watch(Watcher& watcher, arena::Handle key, std::vector<std::shared_ptr<Waitable>> objects)
    : watcher_(&watcher),
      key_(key),
      eventfd_(os::Descriptor::adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                     "procyon: making a descriptor to wait on (eventfd)")),
      objects_(std::move(objects)) {}

Watch::~Watch() {
  // In a forked child: what it watched is the parent's affair, and its mutex may be held for ever.
  if (!is_of_this_process()) static_cast<void>(new auto(std::move(objects_)));
}

bool Watch::is_of_this_process() const { return Watcher::existing() == watcher_; }

bool Watch::any_ready() {
  return std::any_of(objects_.begin(), objects_.end(), [](const auto& object) {
    try {
      return object->ready();
    } catch (...) {
      return true;  // whoever waits looks itself, and is told
    }
  });
}

void Watch::fire() {
  const std::uint64_t one = 1;
  while (::write(eventfd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  fired_ = true;
}

void Watch::empty() {
  if (!fired_) return;
  std::uint64_t count = 0;
  while (::read(eventfd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
  fired_ = false;
}

void Watch::empty_and_arm() {
  empty();
  const std::uint32_t bell = own_bell();
  for (const auto& object : objects_) object->arm(bell);
  if (any_ready()) fire();
}

void Watch::look() {
  const std::lock_guard lock(mutex_);
  if (!any_ready()) return empty_and_arm();
  if (!fired_) fire();
}

void Watch::rearm() {
  const std::lock_guard lock(mutex_);
  empty_and_arm();
}

void Watch::end() {
  std::vector<std::shared_ptr<Waitable>> objects;  // destroyed after the lock is given back
  const std::lock_guard lock(mutex_);
  objects.swap(objects_);
}

// ---- Watcher

Watcher* Watcher::existing() { return watcher_of_this_process.get(); }

Watcher& Watcher::current() {
  Watcher& watcher = watcher_of_this_process.get_or([] { return new Watcher; });
  watcher.start_thread();
  return watcher;
}

void Watcher::start_thread() {
  const std::lock_guard lock(mutex_);
  if (has_thread_) return;
  own_bell();  // whoever cannot join the session is told here
  pthread_t thread{};
  if (const int error = os::start_detached_thread(thread, thread_main, this, {.name = "procyon-watch"}))
    os::throw_system_error("procyon: starting the thread that watches queues and events", error);
  has_thread_ = true;
}

void* Watcher::thread_main(void* self) { static_cast<Watcher*>(self)->loop(); }

void Watcher::loop() {
  for (;;) {
    const std::uint32_t additions = additions_.load(std::memory_order_acquire);
    // Before the look: what is rung after it ends the sleep.
    os::FutexWord& bell = own_bell_word();
    const std::uint32_t seen = bell.load(std::memory_order_seq_cst);
    bool any = false;
    for (const auto& watch : watches()) {
      watch->look();
      any = true;
    }
    if (any)
      os::futex_wait(bell, seen, os::Deadline::after(os::wait_slice));
    else
      os::futex_wait(additions_, additions, os::Deadline::never());
  }
}

std::vector<std::shared_ptr<Watch>> Watcher::watches() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Watch>> result;
  result.reserve(watches_.size());
  for (const Entry& entry : watches_)
    if (auto alive = entry.watch.lock()) result.push_back(std::move(alive));
  return result;
}

std::shared_ptr<Watch> Watcher::watch(arena::Handle key, std::vector<std::shared_ptr<Waitable>> objects) {
  auto owned = std::make_shared<Watch>(*this, key, std::move(objects));
  Watch* const watch = owned.get();
  // The thread may hold the Watch for a moment longer than its owners, but not what it watches.
  std::shared_ptr<Watch> owner(watch, [owned](Watch* ending) {
    if (!ending->is_of_this_process()) return;
    existing()->forget(ending);
    ending->end();
  });
  {
    const std::lock_guard lock(mutex_);
    watches_.push_back({owned, owner});
  }
  additions_.fetch_add(1, std::memory_order_release);
  os::futex_wake_all(additions_);
  watch->rearm();
  return owner;
}

std::shared_ptr<Watch> Watcher::shared_watch(arena::Handle key, WaitTarget (*target)(const void*),
                                             const void* context) {
  const std::lock_guard sharing(sharing_);
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : watches_)
      if (auto owner = entry.owner.lock(); owner != nullptr && owner->key() == key) return owner;
  }
  return watch(key, {target(context).waitable});
}

void Watcher::forget(const Watch* watch) {
  const std::lock_guard lock(mutex_);
  std::erase_if(watches_, [watch](const Entry& entry) { return entry.watch.lock().get() == watch; });
}

std::shared_ptr<Watch> Watcher::find(arena::Handle key) {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : watches_)
    if (auto alive = entry.watch.lock(); alive != nullptr && alive->key() == key) return alive;
  return nullptr;
}

// ---- for objects

void found_nothing(arena::Handle object) {
  Watcher* const watcher = Watcher::existing();
  if (watcher == nullptr) [[likely]]
    return;
  if (const auto watch = watcher->find(object)) watch->rearm();
}

WatchSlot& WatchSlot::operator=(const WatchSlot& other) {
  if (this == &other) return *this;
  watch_ = other.watch();
  is_set_.store(watch_ != nullptr, std::memory_order_release);
  return *this;
}

int WatchSlot::descriptor(arena::Handle object, WaitTarget (*target)(const void*), const void* context) {
  if (const auto present = watch(); present != nullptr && present->is_of_this_process())
    return present->descriptor();
  Watcher& watcher = Watcher::current();
  return keep(watcher, watcher.shared_watch(object, target, context));
}

int WatchSlot::descriptor(WaitTarget (*target)(const void*), const void* context) {
  if (const auto present = watch(); present != nullptr && present->is_of_this_process())
    return present->descriptor();
  Watcher& watcher = Watcher::current();
  return keep(watcher, watcher.watch(arena::Handle(), {target(context).waitable}));
}

// Another thread may have been faster: then that one's.
int WatchSlot::keep(Watcher& watcher, const std::shared_ptr<Watch>& made) {
  const std::lock_guard lock(watcher.slots());
  if (const auto present = watch(); present != nullptr && present->is_of_this_process())
    return present->descriptor();
  watch_ = made;
  is_set_.store(true, std::memory_order_release);
  return made->descriptor();
}

}  // namespace procyon::sync
