// AsyncResult: the result of a task that a pool runs meanwhile.
//
//   mp::AsyncResult<int> later = pool.apply_async(parse, path);
//   ...
//   if (later.wait(2s)) use(later.get());
//
// It keeps what it needs of the pool alive; when the pool is terminated or destroyed first, get() throws Cancelled.
// A handle: copies speak of the same task. Thread-safe. Only in the process that made the pool.
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/pool/engine.hpp"
#include "procyon/detail/pool/typed_job.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/errors.hpp"
#include "procyon/outcome.hpp"

namespace procyon {

template <class R>
class AsyncResult {
 public:
  /// Tells the codec to refuse it as an argument.
  using procyon_stays_in_its_process = void;

  /// Waits for the task's end. Returns its value, or throws its error: its own exception, WorkerLost, TimeoutError,
  /// Cancelled or BrokenPool. A value that can only be moved is given away: ask once.
  R get() const { return get_until(os::Deadline::never()); }
  /// The same, but throws TimeoutError if the task has not ended within `timeout`; the task goes on.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> timeout) const {
    return get_until(os::Deadline::after(timeout));
  }

  void wait() const { engine_->wait(*job_, os::Deadline::never()); }
  /// Whether the task has ended within `timeout`.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return engine_->wait(*job_, os::Deadline::after(timeout));
  }

  [[nodiscard]] bool ready() const {
    engine_->collect();
    return job_->pending.load(std::memory_order_acquire) == 0;
  }
  /// Whether the task has ended without an error. Throws std::logic_error if it has not ended.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw std::logic_error("procyon: this task has not ended yet; ask ready() or wait() first");
    return job_->outcomes()[0].has_value();
  }
  /// For wait(): ready once the task has ended.
  [[nodiscard]] sync::WaitTarget wait_target() const { return pool::Engine::wait_target(engine_, job_); }

 private:
  friend class Pool;
  AsyncResult(std::shared_ptr<pool::Engine> engine, std::shared_ptr<pool::CollectedJob<R>> job)
      : engine_(std::move(engine)), job_(std::move(job)) {}

  R get_until(os::Deadline deadline) const {
    if (!engine_->wait(*job_, deadline))
      throw TimeoutError("procyon: the task has not ended in time; it goes on");
    Outcome<R>& outcome = job_->outcomes()[0];
    if constexpr (std::is_void_v<R> || std::is_copy_constructible_v<R>)
      return outcome.value();
    else
      return std::move(outcome).value();
  }

  std::shared_ptr<pool::Engine> engine_;
  std::shared_ptr<pool::CollectedJob<R>> job_;
};

}  // namespace procyon
