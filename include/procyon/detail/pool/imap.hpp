// What Pool::imap and its kind return: an input range of results, in the order of the input or as they come.
//
//   for (int square : pool.imap(square_of, numbers)) ...
//
// The input is read only a bounded window ahead of what was taken, so it may be endless. The window is bounded in items,
// and in bytes: those of inputs that are given out, of results that wait to be taken, and of results that are to be
// expected of what runs. But an item for each worker may be out in any case. The input is walked by the thread that loops. Leaving the loop early is fine: tasks that were given out run to their end and their results are dropped.
// Loop over it once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "procyon/detail/pool/flow_job.hpp"
#include "procyon/detail/pool/typed_job.hpp"

namespace procyon::pool {

struct FlowOptions {
  ChunkSizer chunks;
  std::size_t window;        // chunks given out or waiting to be taken
  std::size_t window_bytes;  // of these
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
    job_->chunks = options.chunks;
    if constexpr (Input::is_sized) job_->chunks.expect(input_.size());
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
    for (std::size_t chunk = 0; !input_.at_end() && (chunk = room()) != 0; encoder.begin()) {
      fill(encoder, chunk);
      {
        const std::lock_guard guard(engine_->mutex());
        job_->expect(encoder.count());
      }
      engine_->submit({job_, given_, encoder.count(), options_.timeout}, encoder.task(), true);
      given_ += encoder.count();
    }
  }

  // How many items may be given out now.
  std::size_t room() {
    const std::lock_guard guard(engine_->mutex());
    std::size_t chunk = job_->chunks.next();
    // Items with large results do not go together, if it is ours to say how many do.
    if (options_.chunks.adapts() && job_->usual_bytes() != 0)
      chunk = std::clamp<std::size_t>(chunk_bytes() / job_->usual_bytes(), 1, chunk);
    const std::size_t out = given_ - taken_;
    if (out >= options_.window * chunk) return 0;
    const bool is_too_much = job_->bytes_held(given_ - job_->arrived()) >= options_.window_bytes;
    return is_too_much && out >= engine_->process_count() ? 0 : chunk;
  }

  // Neither do large items.
  void fill(typename Encoder::Type& encoder, std::size_t chunk) {
    const auto is_large = [&] {
      return options_.chunks.adapts() && encoder.count() != 0 && encoder.task().items.size() >= chunk_bytes();
    };
    while (encoder.count() < chunk && !input_.at_end() && !is_large())
      input_.next([&](const auto&... elements) { encoder.add(elements...); });
  }

  [[nodiscard]] std::size_t chunk_bytes() const { return options_.window_bytes / (2 * options_.window); }

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
