// A progress bar around anything that can be looped over, drawn on the terminal while the loop runs.
//
//     for (auto& outcome : mp::progress(pool.imap_outcomes(count_words, files))) use(outcome);
//     for (auto& row : mp::progress({.description = "rows", .unit = "row"}, rows)) use(row);
//
//     mp::ProgressBar bar({.total = urls.size()});
//     for (const auto& url : urls)
//       pool.apply_async({.callback = bar.on_success(), .error_callback = bar.on_failure()}, fetch, url);
//
//     rows:  45%|████████████▌               | 450/1000 [00:12<00:15, 36.5 row/s, 2 failed]
//
// It counts what the loop has finished, not what was handed out. The total is the range's size where it has
// one; without it there is a count, a rate and the time, and no bar. Elements that are outcomes (they convert
// to bool and have an error()) are counted as failed when they are false; those that are results of apply_async,
// when the loop's body has waited for them and they were not successful. Where the file is not a terminal
// nothing is written.
//
// Not for several loops at once on one terminal (their lines would overwrite each other), nor for a log file.
// A range is driven by one thread; a ProgressBar may be advanced by any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <sys/types.h>

namespace procyon {

struct ProgressOptions {
  std::string description = {};           // stands before the bar
  std::optional<std::size_t> total = {};  // when the range does not know its own size
  std::string unit = "it";                // what is counted: "36.5 it/s"
  bool leave = true;                      // keep the last state on the terminal; false wipes it
  std::FILE* file = nullptr;              // null: stderr
};

// The bar itself, for loops that are not a range: call advance() when something is finished, from a callback
// for example. Drawn at once, then at most ten times a second; the destructor draws the last state and ends
// the line. Never throws: a terminal that cannot be written to is no reason to lose the work.
class ProgressBar {
 public:
  explicit ProgressBar(ProgressOptions options = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(std::size_t finished = 1, std::size_t failed = 0) noexcept;

  // Callbacks, whatever they are called with, that count one as finished, or as failed. They refer to the bar.
  auto on_success() {
    return [this](const auto&...) { advance(); };
  }
  auto on_failure() {
    return [this](const auto&...) { advance(1, 1); };
  }

 private:
  using Clock = std::chrono::steady_clock;

  void draw(Clock::time_point now) noexcept;
  void write(const std::string& text) noexcept;

  const ProgressOptions options_;
  std::FILE* const file_;
  const pid_t owner_;  // a child forked inside the loop must not draw its parent's bar
  const bool visible_;
  const bool utf8_;
  const Clock::time_point start_;
  std::atomic<Clock::rep> next_draw_{0};
  std::atomic<std::size_t> finished_{0};
  std::atomic<std::size_t> failed_{0};
  std::mutex drawing_;
  std::size_t drawn_columns_ = 0;  // of the line on the terminal now: what a shorter one must wipe
};

// What progress() returns: an input range over `Range` (a reference for an lvalue, else owned), to be looped
// over once.
template <class Range>
class Progress {
  using Inner = std::remove_reference_t<Range>;
  using InnerIterator = decltype(std::begin(std::declval<Inner&>()));
  using InnerSentinel = decltype(std::end(std::declval<Inner&>()));

 public:
  Progress(ProgressOptions options, Range&& range)
      : range_(std::forward<Range>(range)), options_(std::move(options)) {
    if constexpr (requires { std::size(range_); }) {
      if (!options_.total) options_.total = static_cast<std::size_t>(std::size(range_));
    }
  }

  class Iterator;
  class Sentinel {
   public:
    Sentinel() = default;
    explicit Sentinel(InnerSentinel inner) : inner_(std::move(inner)) {}

   private:
    friend class Iterator;
    InnerSentinel inner_;
  };

  class Iterator {
   public:
    using reference = decltype(*std::declval<InnerIterator&>());
    using value_type = std::remove_cvref_t<reference>;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    Iterator(InnerIterator inner, ProgressBar* bar) : inner_(std::move(inner)), bar_(bar) {}

    // An element is looked at here and counted in ++: by then the loop's body may have moved from it.
    reference operator*() const {
      if constexpr (std::is_reference_v<reference>) {
        auto&& element = *inner_;
        failed_ = is_failure(element);
        return static_cast<reference>(element);
      } else {
        auto element = *inner_;
        failed_ = is_failure(element);
        return element;
      }
    }
    Iterator& operator++() {
      if constexpr (std::is_reference_v<reference>) failed_ = failed_ || has_failed_meanwhile(*inner_);
      bar_->advance(1, failed_ ? 1 : 0);
      failed_ = false;
      ++inner_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Sentinel& end) const { return inner_ == end.inner_; }

   private:
    template <class Element>
    static bool is_failure(const Element& element) {
      if constexpr (requires { static_cast<bool>(element), element.error(); })
        return !static_cast<bool>(element);
      return false;
    }

    // Results that came while the loop's body waited for them.
    template <class Element>
    static bool has_failed_meanwhile(const Element& element) {
      if constexpr (requires { element.ready() && element.successful(); })
        return element.ready() && !element.successful();
      return false;
    }

    mutable InnerIterator inner_;  // some ranges' iterators can only be read when they are not const
    ProgressBar* bar_;
    mutable bool failed_ = false;
  };

  Iterator begin() {
    bar_.emplace(options_);
    return Iterator(std::begin(range_), &*bar_);
  }
  Sentinel end() { return Sentinel(std::end(range_)); }

 private:
  Range range_;
  ProgressOptions options_;
  std::optional<ProgressBar> bar_;
};

template <class Range>
Progress<Range> progress(ProgressOptions options, Range&& range) {
  return Progress<Range>(std::move(options), std::forward<Range>(range));
}

template <class Range>
Progress<Range> progress(Range&& range) {
  return Progress<Range>({}, std::forward<Range>(range));
}

}  // namespace procyon
