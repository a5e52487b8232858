// Jobs whose outcomes are taken while later ones still arrive: in the order of the input, or as they come.
//
// They count the bytes that wait to be taken, so that who gives out further items can stop in time.
// Everything under the engine's mutex but has_next().
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "procyon/detail/pool/typed_job.hpp"

namespace procyon::pool {

template <class R>
class FlowJob : public TypedJob<R> {
 public:
  explicit FlowJob(const char* call) : call_(call) {}

  void deliver(std::size_t item, wire::Reader& outcome) final {
    const std::size_t bytes = outcome.remaining();
    arrive(item, decode_result<R>(outcome), bytes);
  }
  void deliver_values(std::size_t first, std::size_t count, std::span<const std::byte> values) final {
    for_each_value<R>(count, values, [&](std::size_t index, auto&&... value) {
      arrive(first + index, Outcome<R>(std::move(value)...), values.size() / count);
    });
  }
  void fail(std::size_t item, std::exception_ptr error) final { arrive(item, std::move(error), 0); }
  void put(std::size_t item, Outcome<R> outcome) final { arrive(item, std::move(outcome), 0); }
  [[nodiscard]] std::string describe(std::size_t item) const final {
    return describe_task(call_, item, true);
  }

  /// Whether the next outcome has arrived.
  [[nodiscard]] bool has_next() const { return has_next_.load(std::memory_order_acquire); }
  /// Bytes of inputs that are given out, of results that wait to be taken, and of those that `running` items will probably
  /// have.
  [[nodiscard]] std::size_t bytes_held(std::size_t running) const {
    return this->input_bytes() + waiting_bytes_ + running * usual_bytes_;
  }
  [[nodiscard]] std::size_t usual_bytes() const { return usual_bytes_; }
  /// Items that have ended.
  [[nodiscard]] std::size_t arrived() const { return arrived_; }

 protected:
  struct Arrived {
    Outcome<R> outcome;
    std::size_t bytes;
  };
  virtual void keep(std::size_t item, Arrived arrived) = 0;
  void set_has_next(bool has_next) { has_next_.store(has_next, std::memory_order_release); }
  Outcome<R> take(Arrived& arrived) {
    waiting_bytes_ -= arrived.bytes;
    return std::move(arrived.outcome);
  }

 private:
  // What results usually need follows them upwards at once, downwards by and by.
  void arrive(std::size_t item, Outcome<R> outcome, std::size_t bytes) {
    waiting_bytes_ += bytes;
    usual_bytes_ = std::max(bytes, usual_bytes_ - usual_bytes_ / 8);
    ++arrived_;
    keep(item, {std::move(outcome), bytes});
  }

  const char* call_;
  std::size_t waiting_bytes_ = 0;
  std::size_t usual_bytes_ = 0;
  std::size_t arrived_ = 0;
  std::atomic<bool> has_next_{false};
};

template <class R>
class OrderedJob final : public FlowJob<R> {
 public:
  using FlowJob<R>::FlowJob;

  void expect(std::size_t items) { window_.resize(window_.size() + items); }
  Outcome<R> take_next() {
    Outcome<R> next = this->take(*window_.front());
    window_.pop_front();
    ++taken_;
    this->set_has_next(!window_.empty() && window_.front().has_value());
    return next;
  }

 private:
  using Arrived = typename FlowJob<R>::Arrived;
  void keep(std::size_t item, Arrived arrived) override {
    window_[item - taken_] = std::move(arrived);
    if (item == taken_) this->set_has_next(true);
  }

  std::deque<std::optional<Arrived>> window_;
  std::size_t taken_ = 0;
};

template <class R>
class UnorderedJob final : public FlowJob<R> {
 public:
  using FlowJob<R>::FlowJob;

  void expect(std::size_t) {}
  Outcome<R> take_next() {
    Outcome<R> next = this->take(waiting_.front());
    waiting_.pop_front();
    this->set_has_next(!waiting_.empty());
    return next;
  }

 private:
  using Arrived = typename FlowJob<R>::Arrived;
  void keep(std::size_t, Arrived arrived) override {
    waiting_.push_back(std::move(arrived));
    this->set_has_next(true);
  }

  std::deque<Arrived> waiting_;
};

}  // namespace procyon::pool
