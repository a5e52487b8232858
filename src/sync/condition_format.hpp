// A condition in shared memory: its complete format, and what a death at any point leaves behind.
//
// FORMAT. Its lock, or the handle of another's and the pin that keeps that one alive. Then three numbers, written only
// with the lock held:
//   waiting    threads between the beginning and the end of a wait
//   wakes      of those, how many have been notified and have not taken notice yet; never more than `waiting`
//   sequence   the number of notifications; sleepers sleep on it
// wakes and sequence are the halves of one word, so that a notification is one store.
//
//   wait     waiting + 1; free the lock; sleep until sequence has changed since and wakes > 0; take the lock; if it is
//            still so: wakes - 1, waiting - 1. If not, another was faster: free the lock and sleep on.
//   notify   one store: wakes + count (up to waiting), sequence + 1; then wake as many sleepers
//
// Who began to wait after a notification sees the sequence it began with and takes no wake from it: no newcomer steals
// what was meant for those before him.
//
// WHAT A DEATH LEAVES.
//   a waiter, asleep or before      `waiting` is one too high for ever: a later notify may leave a wake over, which lets
//                                   some waiter return for nothing. The kernel forgets its sleep; the wake that
//                                   was meant for it, if any, stays in `wakes`: the others look at least once a slice
//                                   (os::wait_slice), and one takes it
//   a waiter with the lock          it holds the lock: the next owner is told (OwnerDied). A wake that it had taken is
//                                   lost with it, as anything that it held
//   who notifies, before the store  nobody is notified. After it, before the wake: those who sleep notice at the end of
//                                   their slice. It held the lock: the next owner is told, and repairs the data. Those
//                                   who wait look for that at the end of each slice too: one of them becomes that owner
//
// MEMORY ORDER. What is read without the lock only decides whether to look under it. A notification is a sequentially
// consistent store before the wake, and its low half is read by the kernel before the sleep.
#pragma once

#include <atomic>
#include <cstdint>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/robust_word.hpp"

namespace procyon::sync {

/// A decoded word of notifications.
struct Notified {
  std::uint32_t wakes = 0;
  std::uint32_t sequence = 0;
  static constexpr Notified from_bits(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const { return std::uint64_t{wakes} << 32 | sequence; }
};

struct ConditionState : arena::Counted {
  RobustWord own_lock;
  std::uint64_t lock = 0;  // arena::Handle of the lock that it shares; 0: own_lock
  std::uint32_t lock_pin = 0;
  std::atomic<std::uint32_t> waiting{0};
  std::atomic<std::uint64_t> notified{0};  // | wakes 32 | sequence 32 |

  [[nodiscard]] Notified load() const {
    return Notified::from_bits(notified.load(std::memory_order_seq_cst));
  }
  void store(Notified value) { notified.store(value.bits(), std::memory_order_seq_cst); }
  /// The half of `notified` that sleepers sleep on.
  [[nodiscard]] const os::FutexWord& sequence() const { return os::low_half(notified); }
};
static_assert(sizeof(ConditionState) <= 128);

}  // namespace procyon::sync
