// What Pool::imap and its kind return: an input range of results, in the order of the input or as they come.
//
//   for (int square : pool.imap(square_of, numbers)) ...
//
// The input is read only a bounded window ahead of what was taken, so it may be endless. It is walked by the thread
// that loops. Leaving the loop early is fine: tasks that were given out run to their end and their results are dropped.
// Loop over it once.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "procyon/detail/pool/typed_job.hpp"

namespace procyon::pool {

struct FlowOptions {
  std::uint32_t chunksize;
  std::size_t window;  // items given out or waiting to be taken
  std::optional<std::chrono::nanoseconds> timeout;
  JobRules rules;
};

/// `Job` is OrderedJob or UnorderedJob.
template <template <class> class Job, bool as_outcomes, class F, class... Ranges>
class FlowRange {
  using Input = Inputs<Ranges...>;
  using Encoder = EncoderFor<F, typename Input::Stored>;
  using R = typename Encoder::Result;

 public:
  static_assert(
      as_outcomes || !std::is_void_v<R>,
      "procyon: imap of a function that returns nothing has nothing to loop over; use imap_outcomes or map");
  using value_type = std::conditional_t<as_outcomes, Outcome<R>, R>;

  FlowRange(std::shared_ptr<Engine> engine, const char* call, FlowOptions options, F function,
            Ranges&&... ranges)
      : engine_(std::move(engine)),
        options_(options),
        function_(std::move(function)),
        input_(std::forward<Ranges>(ranges)...),
        job_(std::make_shared<Job<R>>(call)) {
    job_->rules = options.rules;
  }

  class Iterator {
   public:
    using value_type = FlowRange::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = value_type&;
    using pointer = value_type*;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(FlowRange& range) : range_(&range) { ++*this; }
    reference operator*() const { return *range_->current_; }
    pointer operator->() const { return &*range_->current_; }
    Iterator& operator++() {
      if (!range_->advance()) range_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.range_ == b.range_; }

   private:
    FlowRange* range_ = nullptr;
  };

  Iterator begin() {
    input_.start();
    return Iterator(*this);
  }
  Iterator end() { return {}; }
  [[nodiscard]] std::size_t size() const requires(Input::is_sized) { return input_.size(); }

 private:
  bool advance() {
    give_out();
    if (taken_ == given_) return false;
    engine_->wait_until([this] { return job_->has_next(); }, os::Deadline::never());
    Outcome<R> next = [this] {
      const std::lock_guard guard(engine_->mutex());
      return job_->take_next();
    }();
    ++taken_;
    give_out();  // before the caller works on this one
    if constexpr (as_outcomes)
      current_.emplace(std::move(next));
    else
      current_.emplace(std::move(next).value());
    return true;
  }

  void give_out() {
    typename Encoder::Type encoder(function_);
    for (; given_ - taken_ < options_.window && !input_.at_end(); encoder.begin()) {
      while (encoder.count() < options_.chunksize && !input_.at_end())
        input_.next([&](const auto&... elements) { encoder.add(elements...); });
      {
        const std::lock_guard guard(engine_->mutex());
        job_->expect(encoder.count());
      }
      engine_->submit({job_, given_, encoder.count(), options_.timeout}, encoder.task(), true);
      given_ += encoder.count();
    }
  }

  std::shared_ptr<Engine> engine_;
  FlowOptions options_;
  F function_;
  Input input_;
  std::shared_ptr<Job<R>> job_;
  std::size_t given_ = 0;
  std::size_t taken_ = 0;
  std::optional<value_type> current_;
};

}  // namespace procyon::pool
