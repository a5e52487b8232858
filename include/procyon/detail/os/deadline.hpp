// A point in monotonic time until which an operation may take: the one type of every timed call of the library.
//
//   auto deadline = os::Deadline::after(2s);
//   while (!ready()) {
//     if (deadline.expired()) throw TimeoutError(...);
//     os::futex_wait(word, seen, deadline);
//   }
//
// A call converts what its user said (a duration, nothing at all) to a Deadline once and hands that on, so that
// retries and nested waits share one budget. The clock is CLOCK_MONOTONIC: setting the wall clock changes nothing.
// Not for moments that must be stored or sent to other machines: it means nothing outside this boot.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace procyon::os {

class Deadline {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// A deadline that never expires.
  static constexpr Deadline never() { return Deadline(forever); }

  /// One that has expired already: "look, but do not wait".
  static constexpr Deadline now() { return Deadline(0); }

  /// `duration` from now. Zero and negative durations have expired at once; ones too long to count never expire.
  template <class Rep, class Period>
  static Deadline after(std::chrono::duration<Rep, Period> duration) {
    using Seconds = std::chrono::duration<long double>;
    if (!(duration > duration.zero())) return now();
    if (Seconds(duration) >= Seconds(longest)) return never();
    return Deadline(monotonic_now() + std::chrono::ceil<Nanoseconds>(duration).count());
  }

  /// The earlier of this deadline and `duration` from now: one slice of a longer wait.
  template <class Rep, class Period>
  [[nodiscard]] Deadline slice(std::chrono::duration<Rep, Period> duration) const {
    const Deadline other = after(duration);
    return other.at_ < at_ ? other : *this;
  }

  [[nodiscard]] constexpr bool is_never() const { return at_ == forever; }
  [[nodiscard]] bool expired() const { return at_ != forever && (at_ == 0 || monotonic_now() >= at_); }

  /// Time left; zero once expired, Nanoseconds::max() if it never expires.
  [[nodiscard]] Nanoseconds remaining() const;

  /// Time left as poll(2) and epoll_wait(2) want it: milliseconds rounded up, -1 for never.
  [[nodiscard]] int poll_timeout() const;

  /// The absolute time on CLOCK_MONOTONIC. Only for a deadline that is not never().
  [[nodiscard]] timespec absolute() const;

  /// Nanoseconds on CLOCK_MONOTONIC since boot.
  static std::int64_t monotonic_now();

  friend constexpr auto operator<=>(const Deadline& a, const Deadline& b) = default;

 private:
  static constexpr std::int64_t forever = INT64_MAX;
  static constexpr std::chrono::hours longest{24 * 365 * 100};

  constexpr explicit Deadline(std::int64_t at) : at_(at) {}

  std::int64_t at_;  // nanoseconds on CLOCK_MONOTONIC; 0: expired, forever: never
};

}  // namespace procyon::os
