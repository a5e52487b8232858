// A short look before a sleep, for as long as it pays.
//
//   os::AdaptiveSpin spin;                                        // one for each kind of wait
//   if (!spin.until([&] { return has_come(); }, deadline)) sleep_until_it_comes(deadline);
//
// Being put to sleep and woken costs 10 us, on virtual machines 20 us and more, and whoever asks another process for
// something small pays it twice. A look that lasts as long finds the answer without. But a look in vain takes a processor
// from others, and an answer that comes late is never found.
//
// THE RULE. Each look in vain doubles how many of the next waits sleep at once, up to `SpinHabit::most_skipped`; each
// that pays halves it. So whoever waits long, or on a machine where everybody is busy, spends next to nothing, and notices
// within some hundred waits that looking pays again. Whoever has one processor alone never looks.
//
// Between looks the processor is offered to others, as the one that is waited for may need this very one. If it goes to
// somebody else who keeps it for milliseconds, the look was in vain, whatever it found, and as many waits are skipped as make
// up for it.
//
// Not for waits on words in shared memory: sync/sleep.hpp has a look of its own, which costs no system calls.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::os {

/// Whether a look is worth it, by what became of those before. One thread at a time.
class SpinHabit {
 public:
  static constexpr std::uint32_t most_skipped = 255;
  static constexpr std::uint32_t most_skipped_at_a_cost = 100'000;
  static constexpr std::chrono::nanoseconds cost_of_a_wait{500};  // that looks in vain may add, on average

  /// Asked once before each wait.
  [[nodiscard]] bool is_worth_it() {
    if (to_skip_ == 0) return true;
    --to_skip_;
    return false;
  }
  /// What was waited for came during the look.
  void paid() { skipped_ /= 2; }
  /// It did not, or too late. `cost`: how long the look took.
  void was_in_vain(std::chrono::nanoseconds cost) {
    skipped_ = std::min(2 * skipped_ + 1, most_skipped);
    const auto to_make_up = std::min<std::int64_t>(cost / cost_of_a_wait, most_skipped_at_a_cost);
    to_skip_ = std::max(skipped_, static_cast<std::uint32_t>(to_make_up));
  }

 private:
  std::uint32_t skipped_ = 0;  // after the last look in vain, halved by each that paid since
  std::uint32_t to_skip_ = 0;
};

/// Whether there is a processor besides the caller's for whom it waits for. Asked of the system once in a process.
[[nodiscard]] bool may_spin();

/// One thread at a time.
class AdaptiveSpin {
 public:
  /// Of a look: as long as it takes to wake the one that is waited for, and for that one to do something small.
  static constexpr std::chrono::microseconds longest{50};

  /// True once `ready()`, which may be asked often; false if it was not for a while, or if a look is not worth it.
  template <class Ready>
  bool until(Ready ready, Deadline deadline) {
    if (!may_spin() || !habit_.is_worth_it()) return false;
    const std::int64_t begin = Deadline::monotonic_now();
    const std::chrono::nanoseconds most = std::min<std::chrono::nanoseconds>(longest, deadline.remaining());
    std::chrono::nanoseconds taken{0};
    bool is_ready = ready();
    while (!is_ready && taken < most) {
      ::sched_yield();
      is_ready = ready();
      taken = std::chrono::nanoseconds(Deadline::monotonic_now() - begin);
    }
    if (is_ready && taken <= longest)
      habit_.paid();
    else
      habit_.was_in_vain(taken);
    return is_ready;
  }

 private:
  SpinHabit habit_;
};

}  // namespace procyon::os
