#include "pool/callbacks.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "os/signals.hpp"
#include "process/log.hpp"
#include "procyon/outcome.hpp"

namespace procyon::pool {

// Shared with the thread, which may end after the pool if the pool ends in a callback.
struct Callbacks::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> calls;
  bool is_calling = false;
  bool ended = false;
  std::thread thread;

  [[nodiscard]] bool is_this_thread() const { return thread.get_id() == std::this_thread::get_id(); }
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
    if (calls.empty()) changed.notify_all();
  }
}

Callbacks::Callbacks() : state_(std::make_shared<State>()) {}

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

void Callbacks::wait_until_idle() {
  std::unique_lock lock(state_->mutex);
  if (!state_->thread.joinable() || state_->is_this_thread()) return;
  state_->changed.wait(lock, [this] { return state_->calls.empty() && !state_->is_calling; });
}

void Callbacks::end() {
  std::thread thread;
  {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    if (!state_->thread.joinable()) return;
    if (state_->is_this_thread()) return state_->thread.detach();
    thread = std::move(state_->thread);
  }
  state_->changed.notify_all();
  thread.join();
}

}  // namespace procyon::pool
