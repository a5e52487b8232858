#include "pool/callbacks.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "os/signals.hpp"
#include "process/log.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/outcome.hpp"

namespace procyon::pool {

// Shared with the thread, which may end after the pool if the pool ends in a callback.
struct Callbacks::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> calls;
  bool is_calling = false;
  os::FutexWord called{0};  // counts those that have ended; changed under the mutex
  bool ended = false;
  bool was_given_up = false;  // a call lasted too long
  const std::chrono::nanoseconds patience;
  std::thread thread;

  explicit State(std::chrono::nanoseconds for_each_call) : patience(for_each_call) {}
  [[nodiscard]] bool is_this_thread() const { return thread.get_id() == std::this_thread::get_id(); }
  [[nodiscard]] bool is_idle() const { return calls.empty() && !is_calling; }
  bool wait_until_idle(std::unique_lock<std::mutex>& lock, os::Deadline deadline);
  void run();
};

namespace {

void call_guarded(const std::function<void()>& call) {
  try {
    call();
  } catch (...) {
    const Error error(std::current_exception());
    process::warn("a callback of a pool threw " + error.type() + ": " + error.what() +
                  "; the pool goes on as if it had not");
  }
}

}  // namespace

void Callbacks::State::run() {
  ::pthread_setname_np(::pthread_self(), "procyon-calls");
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ended || !calls.empty(); });
    if (calls.empty()) return;
    is_calling = true;
    std::function<void()> call = std::move(calls.front());
    calls.pop_front();
    lock.unlock();
    call_guarded(call);
    call = nullptr;  // what it held may be the last handle of a pool
    lock.lock();
    is_calling = false;
    called.fetch_add(1, std::memory_order_release);
    os::futex_wake_all(called);
  }
}

// False if a call lasts too long, or the deadline passed.
bool Callbacks::State::wait_until_idle(std::unique_lock<std::mutex>& lock, os::Deadline deadline) {
  while (!is_idle() && !was_given_up) {
    const std::uint32_t before = called.load(std::memory_order_acquire);
    const os::Deadline give_up_at = os::Deadline::after(patience);
    const os::Deadline end = std::min(give_up_at, deadline);
    lock.unlock();
    while (called.load(std::memory_order_acquire) == before && !end.expired())
      os::futex_wait(called, before, end);
    lock.lock();
    if (is_idle() || was_given_up) break;
    if (deadline.expired()) return false;
    if (called.load(std::memory_order_acquire) != before) continue;
    was_given_up = true;
    process::warn(
        "a callback of a pool has not returned for " +
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count()) +
        " ms while the pool waited for it to end; it is not waited for any longer, and callbacks that would "
        "have been called after it are not called if the pool ends before it returns");
  }
  return is_idle();
}

Callbacks::Callbacks(std::chrono::nanoseconds for_each_call)
    : state_(std::make_shared<State>(for_each_call)) {}

Callbacks::~Callbacks() { end(); }

void Callbacks::start() {
  const std::lock_guard lock(state_->mutex);
  if (state_->thread.joinable() || state_->ended) return;
  const os::BlockSignals blocked;  // it must not take the user's signals
  state_->thread = std::thread([state = state_] { state->run(); });
}

void Callbacks::post(std::function<void()> call) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->calls.push_back(std::move(call));
  }
  state_->changed.notify_all();
}

bool Callbacks::wait_until_idle(os::Deadline deadline) {
  std::unique_lock lock(state_->mutex);
  if (!state_->thread.joinable() || state_->is_this_thread()) return true;
  return state_->wait_until_idle(lock, deadline) || state_->was_given_up;
}

void Callbacks::end() {
  std::thread thread;
  std::deque<std::function<void()>>
      dropped;  // what they hold may call the pool as it goes: not under the lock
  {
    std::unique_lock lock(state_->mutex);
    state_->ended = true;
    if (!state_->thread.joinable()) return;
    if (state_->is_this_thread()) return state_->thread.detach();
    state_->changed.notify_all();
    if (!state_->wait_until_idle(lock, os::Deadline::never())) {
      dropped.swap(state_->calls);
      return state_->thread.detach();
    }
    thread = std::move(state_->thread);
  }
  thread.join();
}

}  // namespace procyon::pool
