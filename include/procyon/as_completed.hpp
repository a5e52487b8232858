// as_completed: results as they end, whichever is first.
//
//   std::vector<mp::AsyncResult<int>> results = ...;
//   for (auto& result : mp::as_completed(results)) use(result.get());
//
// Also over results of several pools. For one call over many values use Pool::imap_unordered, which reads its input step by
// step; for other things to wait for, wait().
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/async_result.hpp"
#include "procyon/errors.hpp"

namespace procyon {

/// An input range of handles; loop over it once.
template <class R>
class AsCompleted {
 public:
  explicit AsCompleted(std::vector<AsyncResult<R>> results, os::Deadline deadline = os::Deadline::never())
      : results_(std::move(results)), deadline_(deadline) {
    for (std::size_t index = 0; index < results_.size(); ++index) {
      const auto tell = [ended = ended_, index] { ended->put(index); };
      if (!results_[index].engine_->when_ended(*results_[index].job_, tell)) tell();
      is_one_pool_ = is_one_pool_ && results_[index].engine_ == results_[0].engine_;
    }
  }

  class Iterator {
   public:
    using value_type = AsyncResult<R>;
    using difference_type = std::ptrdiff_t;
    using reference = value_type&;
    using pointer = value_type*;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(AsCompleted& range) : range_(&range) { ++*this; }
    reference operator*() const { return range_->results_[range_->current_]; }
    pointer operator->() const { return &**this; }
    /// Throws TimeoutError when the deadline passed.
    Iterator& operator++() {
      if (!range_->advance()) range_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.range_ == b.range_; }

   private:
    AsCompleted* range_ = nullptr;
  };

  Iterator begin() { return Iterator(*this); }
  Iterator end() { return {}; }
  [[nodiscard]] std::size_t size() const { return results_.size(); }

 private:
  // Shared with the pools, which may end results after the loop was left.
  struct Ended {
    std::mutex mutex;
    std::deque<std::size_t> indices;
    std::atomic<std::size_t> count{0};  // ever put

    void put(std::size_t index) {
      const std::lock_guard lock(mutex);
      indices.push_back(index);
      count.fetch_add(1, std::memory_order_release);
    }
  };

  bool advance() {
    if (taken_ == results_.size()) return false;
    const auto has_next = [this] { return ended_->count.load(std::memory_order_acquire) > taken_; };
    while (!has_next()) {
      if (deadline_.expired())
        throw TimeoutError("procyon: " + std::to_string(results_.size() - taken_) + " of " +
                           std::to_string(results_.size()) +
                           " results have not ended in time; their tasks go on");
      // Of several pools each has a thread that collects, and none that rings for the others.
      const os::Deadline look_again = os::Deadline::after(std::chrono::milliseconds(2));
      engine_to_wait_on().wait_until(has_next, is_one_pool_ ? deadline_ : std::min(deadline_, look_again));
    }
    const std::lock_guard lock(ended_->mutex);
    current_ = ended_->indices.front();
    ended_->indices.pop_front();
    ++taken_;
    return true;
  }
  pool::Engine& engine_to_wait_on() {
    for (const AsyncResult<R>& result : results_)
      if (result.job_->pending.load(std::memory_order_acquire) != 0) return *result.engine_;
    return *results_[0].engine_;
  }

  std::vector<AsyncResult<R>> results_;
  os::Deadline deadline_;
  std::shared_ptr<Ended> ended_ = std::make_shared<Ended>();
  bool is_one_pool_ = true;
  std::size_t taken_ = 0;
  std::size_t current_ = 0;
};

/// Of any range of AsyncResult<R>, whose handles it copies.
template <class Range>
auto as_completed(const Range& results) {
  using Result = typename std::iterator_traits<decltype(std::begin(results))>::value_type;
  return AsCompleted<typename Result::value_type>(
      std::vector<Result>(std::begin(results), std::end(results)));
}
/// The same; the loop ends with TimeoutError if some have not ended within `timeout` of this call.
template <class Range, class Rep, class Period>
auto as_completed(const Range& results, std::chrono::duration<Rep, Period> timeout) {
  using Result = typename std::iterator_traits<decltype(std::begin(results))>::value_type;
  return AsCompleted<typename Result::value_type>(std::vector<Result>(std::begin(results), std::end(results)),
                                                  os::Deadline::after(timeout));
}

}  // namespace procyon
