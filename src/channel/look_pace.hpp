// How often the consumers of a queue look at the word that its producers write.
//
//   pace.rest(last_putter);  look;  pace.found(messages);       // under the queue's get_lock
//
// Each look takes the word's cache line away from the producer. A consumer as fast as its producer would look for every
// single message, always find exactly one, and both would go at a quarter of the speed that they can have (measured on
// two cores, messages of 64 bytes: 4.3 against 19 million a second). So once several looks in a row have found a little,
// but never nothing, the next comes no sooner than `interval` after the last, and finds many. Who has found nothing since
// waits for the one message to come and does not rest: a round trip is not made longer. Nor does one that takes what it
// has put itself, or one whose own work takes longer than the interval. A rest that found a little all the same was futile
// (the messages come one at a time, as answers do), and the next one is a long time off.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::channel {

/// In shared memory. What a death leaves in it is a hint of the past like any other: at worst one rest too many.
class LookPace {
 public:
  /// Before a look, which is at what `putter` (a self_word) wrote.
  void rest(std::uint64_t putter) const {
    if (streak_.load(std::memory_order_relaxed) < longest_free_streak || putter == arena::self_word())
        [[likely]]
      return;
    const std::uint64_t last = last_look_.load(std::memory_order_relaxed);
    // As a difference: the clock of another time namespace may be ahead.
    while (now() - last < interval) os::spin_pause();
  }

  /// After it: the number of messages that it found.
  void found(std::uint32_t messages, std::uint64_t putter) {
    if (putter == arena::self_word()) return;
    const std::int32_t streak = streak_.load(std::memory_order_relaxed);
    if (messages == 0) {
      if (streak > 0) streak_.store(0, std::memory_order_relaxed);
    } else if (streak < longest_free_streak) {
      if (messages < few) streak_.store(streak + 1, std::memory_order_relaxed);
    } else if (streak == longest_free_streak) {
      streak_.store(rested, std::memory_order_relaxed);
      last_look_.store(now(), std::memory_order_relaxed);
    } else if (messages < few) {
      streak_.store(after_futile_rest, std::memory_order_relaxed);
    } else {
      last_look_.store(now(), std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::uint64_t interval = 2500;  // nanoseconds
  static constexpr std::uint32_t few = 16;
  static constexpr std::int32_t longest_free_streak = 4;
  static constexpr std::int32_t rested = longest_free_streak + 1;
  static constexpr std::int32_t after_futile_rest = -256;

  static std::uint64_t now() {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  }

  std::atomic<std::uint64_t> last_look_{0};
  std::atomic<std::int32_t> streak_{0};
};

}  // namespace procyon::channel
