// Task: a coroutine that waits for results of a pool without holding a thread.
//
//   mp::Task<int> total(mp::Pool& pool) {
//     auto words = pool.apply_async(count_words, "a.txt");       // both run side by side
//     auto more = pool.apply_async(count_words, "b.txt");
//     co_return co_await words + co_await more;
//   }
//   int sum = mp::sync_wait(total(pool));
//
// WHERE IT RUNS. A Task begins when it is awaited, in the thread that awaits it. Awaiting a result that is there goes on
// at once; otherwise the coroutine is resumed in the pool's thread for callbacks, "procyon-calls" (pool_options.hpp), and
// runs there until it awaits again. So what it does in between should be short; in particular it must not call
// sync_wait() there for a result of the same pool, which that thread would have to resume.
//
// An exception leaves through co_await and sync_wait(). A coroutine's parameters live in its frame: take them by value, or
// see to it that what they refer to outlives it. Not for calculations: those are the pool's.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "procyon/outcome.hpp"

namespace procyon {

template <class T = void>
class Task;

namespace detail {

/// Ends a coroutine by going on with the one that awaited it.
struct GoOnWithAwaiting {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    return ended.promise().awaiting;
  }
  void await_resume() const noexcept {}
};

template <class T>
struct TaskPromiseBase {
  std::coroutine_handle<> awaiting = std::noop_coroutine();
  std::optional<Outcome<T>> outcome;

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] GoOnWithAwaiting final_suspend() const noexcept { return {}; }
  void unhandled_exception() { outcome.emplace(Outcome<T>(std::current_exception())); }
};
template <class T>
struct TaskPromise : TaskPromiseBase<T> {
  Task<T> get_return_object();
  template <class Value>
  void return_value(Value&& value) {
    this->outcome.emplace(Outcome<T>(T(std::forward<Value>(value))));
  }
};
template <>
struct TaskPromise<void> : TaskPromiseBase<void> {
  Task<void> get_return_object();
  void return_void() { outcome.emplace(); }
};

}  // namespace detail

/// Move-only; awaited at most once. Destroyed before it was awaited, it never runs.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  struct Awaiter {
    std::coroutine_handle<promise_type> frame;
    [[nodiscard]] bool await_ready() const noexcept { return frame.done(); }
    [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      frame.promise().awaiting = awaiting;
      return frame;
    }
    T await_resume() const {
      if constexpr (std::is_void_v<T>)
        frame.promise().outcome->value();
      else
        return std::move(*frame.promise().outcome).value();
    }
  };
  Awaiter operator co_await() const noexcept { return {frame_}; }

 private:
  std::coroutine_handle<promise_type> frame_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> detail::TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

namespace detail {

/// The coroutine that sync_wait() awaits with; wakes a thread when it ends.
struct Waking {
  struct Bell {
    std::mutex mutex;
    std::condition_variable rung;
    bool is_rung = false;
  };
  struct promise_type {
    Bell* bell = nullptr;

    Waking get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    struct Ring {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
        Bell& to_ring = *ended.promise().bell;
        const std::lock_guard lock(to_ring.mutex);  // the waiter destroys all of this once it has the lock
        to_ring.is_rung = true;
        to_ring.rung.notify_one();
      }
      void await_resume() const noexcept {}
    };
    [[nodiscard]] Ring final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // it lets none out
  };
  std::coroutine_handle<promise_type> frame;
};

template <class T>
Waking await_into(std::optional<Outcome<T>>& outcome, Task<T>& task) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await task;
      outcome.emplace();
    } else {
      outcome.emplace(Outcome<T>(co_await task));
    }
  } catch (...) {
    outcome.emplace(Outcome<T>(std::current_exception()));
  }
}

}  // namespace detail

/// Runs a Task and waits for its end. Returns its value or throws its exception.
template <class T>
T sync_wait(Task<T> task) {
  std::optional<Outcome<T>> outcome;
  detail::Waking::Bell bell;
  const detail::Waking waking = detail::await_into(outcome, task);
  waking.frame.promise().bell = &bell;
  waking.frame.resume();
  {
    std::unique_lock lock(bell.mutex);
    bell.rung.wait(lock, [&] { return bell.is_rung; });
  }
  waking.frame.destroy();
  if constexpr (std::is_void_v<T>)
    outcome->value();
  else
    return std::move(*outcome).value();
}

}  // namespace procyon
