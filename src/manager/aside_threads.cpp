#include "manager/aside_threads.hpp"

#include <pthread.h>

#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "os/adaptive_spin.hpp"
#include "os/threads.hpp"
#include "process/log.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/outcome.hpp"

namespace procyon::manager {

struct AsideThreads::Shared {
  std::mutex mutex;
  std::deque<std::function<void()>> actions;  // guarded by mutex, like the next four
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool one_looks = false;  // an idle thread looks at `changes`, and need not be woken
  bool ending = false;
  os::FutexWord changes{0};  // changed whenever an idle thread has something to look at
  os::FutexWord ends{0};     // changed by each thread that ends

  void idle_until(os::Deadline deadline, std::unique_lock<std::mutex>& lock, os::AdaptiveSpin& spin);
};

// Looks for a moment whether there is something to do, if nobody else looks, and then sleeps.
void AsideThreads::Shared::idle_until(os::Deadline deadline, std::unique_lock<std::mutex>& lock,
                                      os::AdaptiveSpin& spin) {
  const std::uint32_t seen = changes.load(std::memory_order_acquire);
  ++idle;
  if (!std::exchange(one_looks, true)) {
    lock.unlock();
    spin.until([&] { return changes.load(std::memory_order_acquire) != seen; }, deadline);
    lock.lock();
    one_looks = false;  // who adds something later wakes a sleeper; who did before has changed the word
  }
  lock.unlock();
  os::futex_wait(changes, seen, deadline);
  lock.lock();
  --idle;
}

namespace {

thread_local bool is_aside = false;

void run_guarded(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::exception& error) {
    process::warn(std::string("the server of a manager: an action aside ended with an error: ") +
                  error.what());
  } catch (...) {
    process::warn("the server of a manager: an action aside ended with an exception of an unknown type");
  }
}

}  // namespace

AsideThreads::AsideThreads() : shared_(std::make_shared<Shared>()) {}

AsideThreads::~AsideThreads() { end(os::Deadline::never()); }

bool AsideThreads::is_one() { return is_aside; }

std::size_t AsideThreads::count() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->threads;
}

void AsideThreads::run(std::function<void()> action) {
  const std::unique_lock lock(shared_->mutex);
  if (shared_->ending) return;
  shared_->actions.push_back(std::move(action));
  if (shared_->idle >= shared_->actions.size()) {
    shared_->changes.fetch_add(1, std::memory_order_release);
    if (!shared_->one_looks || shared_->actions.size() > 1) os::futex_wake(shared_->changes, 1);
    return;
  }
  if (shared_->threads == most) return;
  auto* const owned = new std::shared_ptr<Shared>(shared_);
  pthread_t thread{};
  const int error = os::start_detached_thread(thread, &thread_main, owned);
  if (error == 0) {
    ++shared_->threads;
    return;
  }
  delete owned;
  if (shared_->threads != 0) return;  // one of them will come to it
  shared_->actions.pop_back();
  throw std::system_error(error, std::system_category(), "the server of a manager: starting a thread");
}

void* AsideThreads::thread_main(void* argument) {
  is_aside = true;
  auto* const owned = static_cast<std::shared_ptr<Shared>*>(argument);
  const std::shared_ptr<Shared> shared = std::move(*owned);
  delete owned;
  std::unique_lock lock(shared->mutex);
  os::AdaptiveSpin spin;
  os::Deadline idle_until = os::Deadline::after(kept_idle);
  while (!shared->ending) {
    if (!shared->actions.empty()) {
      std::function<void()> action = std::move(shared->actions.front());
      shared->actions.pop_front();
      lock.unlock();
      run_guarded(action);
      action = nullptr;
      lock.lock();
      idle_until = os::Deadline::after(kept_idle);
    } else if (idle_until.expired()) {
      break;
    } else {
      shared->idle_until(idle_until, lock, spin);
    }
  }
  --shared->threads;
  lock.unlock();
  shared->ends.fetch_add(1, std::memory_order_release);
  os::futex_wake_all(shared->ends);
  return nullptr;
}

bool AsideThreads::end(os::Deadline deadline) {
  std::deque<std::function<void()>> dropped;  // destroyed without the lock: their destructors may be anything
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  dropped.swap(shared_->actions);
  shared_->changes.fetch_add(1, std::memory_order_release);
  os::futex_wake_all(shared_->changes);
  while (shared_->threads != 0) {
    if (deadline.expired()) return false;
    const std::uint32_t seen = shared_->ends.load(std::memory_order_acquire);
    lock.unlock();
    os::futex_wait(shared_->ends, seen, deadline.slice(os::wait_slice));
    lock.lock();
  }
  return true;
}

}  // namespace procyon::manager
