// AsyncResult: the result of a call that a pool works on meanwhile.
//
//   mp::AsyncResult<int> later = pool.apply_async(parse, path);
//   ...
//   if (later.wait(2s)) use(later.get());
//   std::vector<int> squares = pool.map_async(square, numbers).get();
//
// A coroutine can co_await it (task.hpp), wait() and as_completed() take it among others, and fileno() gives event loops a
// descriptor. It keeps what it needs of the pool alive; when the pool is terminated or destroyed first, get() throws Cancelled.
// A handle: copies speak of the same call. Thread-safe. Only in the process that made the pool.
#pragma once

#include <chrono>
#include <coroutine>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/pool/engine.hpp"
#include "procyon/detail/pool/result_job.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/detail/sync/watch.hpp"
#include "procyon/errors.hpp"
#include "procyon/outcome.hpp"

namespace procyon {

template <class R>
class AsCompleted;

template <class R>
class AsyncResult {
 public:
  /// Tells the codec to refuse it as an argument.
  using procyon_stays_in_its_process = void;
  using value_type = R;

  /// Waits for the end. Returns the value, or throws the error: the task's own exception, WorkerLost, TimeoutError,
  /// Cancelled or BrokenPool; of several items the first error, by order of the input. A copy, as often as you like; a
  /// value that can only be moved is given away, and asking again is std::logic_error.
  R get() const& { return get_until(os::Deadline::never(), !pool::copyable<R>); }
  /// Of a temporary, or std::move(later).get(): the value is moved, not copied.
  R get() && { return get_until(os::Deadline::never(), true); }
  /// The same, but throws TimeoutError if the call has not ended within `timeout`; it goes on.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> timeout) const& {
    return get_until(os::Deadline::after(timeout), !pool::copyable<R>);
  }
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> timeout) && {
    return get_until(os::Deadline::after(timeout), true);
  }

  void wait() const { engine_->wait(*job_, os::Deadline::never()); }
  /// Whether the call has ended within `timeout`.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return engine_->wait(*job_, os::Deadline::after(timeout));
  }

  /// Ends what has not ended with Cancelled; get() throws that at once. What is queued never starts. A worker that runs one of
  /// the items is ended (SIGTERM, half a second later SIGKILL) and replaced; nothing else that it was to do is lost. If the
  /// function takes a std::stop_token, that is asked to stop first, and the worker lives on if the item ends within half
  /// a second. False, and nothing is done, if all had ended or this was done before. May be called in a callback.
  bool cancel() const { return pool::cancel(*engine_, *job_); }

  [[nodiscard]] bool ready() const {
    engine_->collect();
    return job_->pending.load(std::memory_order_acquire) == 0;
  }
  /// Whether the call has ended without an error. Throws std::logic_error if it has not ended.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw std::logic_error("procyon: this task has not ended yet; ask ready() or wait() first");
    return job_->error() == nullptr;
  }
  /// For wait(): ready once the call has ended.
  [[nodiscard]] sync::WaitTarget wait_target() const { return pool::Engine::wait_target(engine_, job_); }

  /// A descriptor that is readable once the call has ended: for poll, epoll, asio. It is not to be read, and lives as long as
  /// this handle or a copy made since. Throws std::system_error.
  [[nodiscard]] int fileno() const {
    return watch_.descriptor(
        [](const void* result) { return static_cast<const AsyncResult*>(result)->wait_target(); }, this);
  }

  class Awaiter {
   public:
    [[nodiscard]] bool await_ready() const { return result_.ready(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) const {
      // The coroutine may have gone on, and this object be gone, before when_ended() returns.
      const std::shared_ptr<pool::Engine> engine = result_.engine_;
      const std::shared_ptr<pool::ResultJob<R>> job = result_.job_;
      engine->prepare_callbacks();
      return engine->when_ended(
          *job, [to = engine.get(), waiting] { to->call_back([waiting] { waiting.resume(); }); });
    }
    R await_resume() const { return result_.get_until(os::Deadline::never(), is_last_); }

   private:
    friend class AsyncResult;
    Awaiter(const AsyncResult& result, bool is_last) : result_(result), is_last_(is_last) {}
    AsyncResult result_;
    bool is_last_;
  };
  /// As get(). If it has to wait, the coroutine is resumed in the pool's thread for callbacks.
  Awaiter operator co_await() const& { return {*this, !pool::copyable<R>}; }
  Awaiter operator co_await() && { return {*this, true}; }

 private:
  friend class Pool;
  friend class AsCompleted<R>;
  AsyncResult(std::shared_ptr<pool::Engine> engine, std::shared_ptr<pool::ResultJob<R>> job)
      : engine_(std::move(engine)), job_(std::move(job)) {}

  R get_until(os::Deadline deadline, bool is_last) const {
    if (!engine_->wait(*job_, deadline))
      throw TimeoutError("procyon: the task has not ended in time; it goes on");
    if constexpr (std::is_void_v<R> || !pool::copyable<R>) {
      return job_->take();
    } else {
      return is_last && !job_->is_shared() ? job_->take() : job_->copy();
    }
  }

  std::shared_ptr<pool::Engine> engine_;
  std::shared_ptr<pool::ResultJob<R>> job_;
  mutable sync::WatchSlot watch_;
};

}  // namespace procyon
