// Jobs behind an AsyncResult: one result for the whole call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/pool/typed_job.hpp"
#include "procyon/outcome.hpp"
#include "procyon/pool_options.hpp"

namespace procyon::pool {

[[noreturn]] void throw_read_twice();
bool cancel(Engine& engine, Job& job);
void set_total_timeout(Engine& engine, const std::shared_ptr<Job>& job, const char* call,
                       std::chrono::nanoseconds timeout);

/// Everything public but take() and value() may be called once the job has ended, by any thread.
template <class R>
class ResultJob : public Job {
 public:
  struct Nothing {};
  using Value = std::conditional_t<std::is_void_v<R>, Nothing, R>;

  /// What get() throws; null if it returns.
  [[nodiscard]] virtual std::exception_ptr error() = 0;

  /// A copy of the value. Throws error(), and std::logic_error if it was moved out.
  R copy() {
    require_good();
    if constexpr (!std::is_void_v<R>) {
      if (is_taken_.load(std::memory_order_acquire)) throw_read_twice();
      return value();
    }
  }
  /// The value itself, once. Throws the same.
  R take() {
    require_good();
    if constexpr (!std::is_void_v<R>) {
      if (is_taken_.exchange(true, std::memory_order_acq_rel)) throw_read_twice();
      return std::move(value());
    }
  }

  /// What happens in the pool's thread for callbacks when the job has ended.
  void call_back(const Callback<R>& callback, const ErrorCallback& error_callback) {
    if (const std::exception_ptr failed = error()) {
      if (error_callback) error_callback(Error(failed));
      return;
    }
    if (!callback) return;
    if constexpr (std::is_void_v<R>)
      callback();
    else if constexpr (copyable<R>)
      callback(value());
    else
      callback(take());
  }
  /// Somebody else reads the value too: it must stay.
  void share() { is_shared_ = true; }
  [[nodiscard]] bool is_shared() const { return is_shared_; }

 protected:
  virtual Value& value() = 0;

 private:
  void require_good() {
    if (const std::exception_ptr failed = error()) std::rethrow_exception(failed);
  }

  bool is_shared_ = false;  // written before the job is given out
  std::atomic<bool> is_taken_{false};
};

/// One task.
template <class R>
class SingleJob final : public ResultJob<R> {
 public:
  explicit SingleJob(const char* call) : call_(call) {}

  void deliver(std::size_t, wire::Reader& outcome) override { outcome_.emplace(decode_result<R>(outcome)); }
  void put_outcome(std::size_t, void* outcome) override {
    outcome_.emplace(std::move(*static_cast<Outcome<R>*>(outcome)));
  }
  void deliver_values(std::size_t, std::size_t count, std::span<const std::byte> values) override {
    for_each_value<R>(count, values, [&](std::size_t, auto&&... value) {
      outcome_.emplace(Outcome<R>(std::move(value)...));
    });
  }
  void fail(std::size_t, std::exception_ptr error) override {
    outcome_.emplace(Outcome<R>(std::move(error)));
  }
  [[nodiscard]] std::string describe(std::size_t item) const override {
    return describe_task(call_, item, false);
  }
  [[nodiscard]] std::exception_ptr error() override {
    return outcome_->has_value() ? nullptr : outcome_->error().exception();
  }

 private:
  typename ResultJob<R>::Value& value() override {
    if constexpr (std::is_void_v<R>) {
      static typename ResultJob<R>::Value nothing;
      return nothing;
    } else {
      return **outcome_;
    }
  }

  const char* call_;
  std::optional<Outcome<R>> outcome_;
};

/// All items of a map_async.
template <class R>
class ListJob final : public ResultJob<Results<R>> {
 public:
  explicit ListJob(const char* call) : call_(call) {}

  void deliver(std::size_t item, wire::Reader& outcome) override {
    outcomes_[item] = decode_result<R>(outcome);
  }
  void put_outcome(std::size_t item, void* outcome) override {
    outcomes_[item] = std::move(*static_cast<Outcome<R>*>(outcome));
  }
  void deliver_values(std::size_t first, std::size_t count, std::span<const std::byte> values) override {
    for_each_value<R>(count, values, [&](std::size_t index, auto&&... value) {
      outcomes_[first + index] = Outcome<R>(std::move(value)...);
    });
  }
  void fail(std::size_t item, std::exception_ptr error) override { outcomes_[item] = std::move(error); }
  [[nodiscard]] std::string describe(std::size_t item) const override {
    return describe_task(call_, item, true);
  }
  void resize(std::size_t items) {
    while (outcomes_.size() < items) outcomes_.emplace_back(std::exception_ptr());
  }

  [[nodiscard]] std::exception_ptr error() override {
    gather();
    return error_;
  }

 private:
  using Value = typename ResultJob<Results<R>>::Value;
  Value& value() override {
    gather();
    return values_;
  }
  void gather() {
    std::call_once(gathered_, [this] {
      for (const Outcome<R>& outcome : outcomes_) {
        if (outcome) continue;
        error_ = outcome.error().exception();
        return;
      }
      if constexpr (!std::is_void_v<R>) {
        values_.reserve(outcomes_.size());
        for (Outcome<R>& outcome : outcomes_) values_.push_back(*std::move(outcome));
      }
      outcomes_.clear();
    });
  }

  const char* call_;
  std::vector<Outcome<R>> outcomes_;
  std::once_flag gathered_;
  std::exception_ptr error_;
  Value values_;
};

}  // namespace procyon::pool
