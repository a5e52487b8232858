// Sleeping until the other side has done something, and waking whoever sleeps.
//
//   worker:   while (!sync::wait_until([&] { return has_task(); }, sleepers, deadline)) ...
//   master:   publish task;  sync::wake_one(sleepers);
//
// FORMAT. | bells 16 | turn 15 | somebody 1 |, and those who sleep do so on this word. `bells` are to be rung by the next
// wake_*(), for those who wait for several things at once (doorbell.hpp). `somebody`: somebody may sleep. Who goes to
// sleep sets it, with the next turn, unless it is set; then looks once more at what it waits for; then sleeps if the word is
// still as it was. A waker that finds it set wakes one, and leaves it set, as there may be more. Only if the kernel says that
// nobody slept it clears it, and then wakes all: those who fell asleep since it asked. Sleepers are never counted: a killed
// one would leave the count wrong.
//
// So `somebody` is set while anybody sleeps, and clearing it changes the word for those who are about to. (A flag beside
// another word to sleep on cannot do that: whoever slept on that word after the flag was cleared was found by nobody.)
// tests/models/sleep.pml shows that no wake is lost.
//
// WHAT A DEATH LEAVES. A killed sleeper: one futile wake. A killed waker, or one that was woken and killed before it looked:
// the others sleep to the end of their slice (os::wait_slice).
//
// MEMORY ORDER. What is waited for and `somebody` are a Dekker pair: each side writes its own and then reads the other's. The
// sleeper has a fence between the two; the waker's last step before wake_one() must be an atomic read-modify-write, and
// wake_one() has a fence where that is not enough. wake_all() is one itself. Where the waker's last step is the release of a
// BiasedWord, which is no barrier, the sleeper brings one for both as its `fence`.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/sync/doorbell.hpp"

namespace procyon::sync {

using Sleepers = std::atomic<std::uint32_t>;

// Sleeping and waking costs some 10 us, so a short look comes first; a longer one would burn the other side's processor.
inline constexpr int spins_before_sleep = 200;
inline constexpr int yields_before_sleep = 2;

namespace detail {

inline constexpr std::uint32_t somebody = 1;
inline constexpr std::uint32_t turn = 2;
inline constexpr std::uint32_t turn_bits = ~(bell_bits | somebody);

/// Says that somebody may sleep. Returns the word to sleep on.
inline std::uint32_t announce(Sleepers& sleepers) {
  std::uint32_t seen = sleepers.load(std::memory_order_relaxed);
  while ((seen & somebody) == 0)
    if (const std::uint32_t mine = (seen & bell_bits) | ((seen + turn) & turn_bits) | somebody;
        sleepers.compare_exchange_weak(seen, mine, std::memory_order_relaxed))
      seen = mine;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return seen;
}

/// Or has a bell to be rung.
inline bool somebody_waits(const Sleepers& sleepers) {
#if defined(__x86_64__)
  std::atomic_signal_fence(std::memory_order_seq_cst);  // the read-modify-write before was a full barrier
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  return (sleepers.load(std::memory_order_relaxed) & (bell_bits | somebody)) != 0;
}

/// Rings the bells and takes their bits away. Returns the word without them.
inline std::uint32_t ring_bells(Sleepers& sleepers) {
  const std::uint32_t seen = sleepers.load(std::memory_order_relaxed);
  if ((seen & bell_bits) == 0) return seen;
  const std::uint32_t before = sleepers.fetch_and(~bell_bits, std::memory_order_seq_cst);
  ring(before);
  return before & ~bell_bits;
}

inline void wake_one_of_some(Sleepers& sleepers) {
  std::uint32_t seen = ring_bells(sleepers);
  while ((seen & somebody) != 0 && os::futex_wake(sleepers, 1) == 0)
    // If it fails, a bell was set: someone may have fallen asleep before that, so the kernel is asked again.
    if (sleepers.compare_exchange_strong(seen, seen & ~somebody, std::memory_order_relaxed)) {
      os::futex_wake_all(sleepers);
      return;
    }
}

}  // namespace detail

/// True when `ready()`, or when the caller should look again for another reason (a wake, the end of a slice); false when
/// the deadline passed.
template <class Ready>
bool wait_until(
    Ready ready, Sleepers& sleepers, os::Deadline deadline, void (*fence)() = [] {}) {
  if (deadline == os::Deadline::now()) return ready();
  for (int attempt = 0; attempt < spins_before_sleep + yields_before_sleep; ++attempt) {
    if (ready()) return true;
    attempt < spins_before_sleep ? os::spin_pause() : static_cast<void>(::sched_yield());
  }
  if (deadline.expired()) return false;
  const std::uint32_t seen = detail::announce(sleepers);
  fence();
  if (!ready()) os::futex_wait(sleepers, seen, deadline.slice(os::wait_slice));
  return true;
}

inline void wake_one(Sleepers& sleepers) {
  if (detail::somebody_waits(sleepers)) [[unlikely]]
    detail::wake_one_of_some(sleepers);
}

inline void wake_all(Sleepers& sleepers) {
  const std::uint32_t before = sleepers.fetch_and(~(bell_bits | detail::somebody), std::memory_order_seq_cst);
  if ((before & bell_bits) != 0) [[unlikely]]
    ring(before);
  if ((before & detail::somebody) != 0) os::futex_wake_all(sleepers);
}

/// The same after an atomic read-modify-write: while nobody sleeps it only looks at the word.
inline void wake_all_if_any(Sleepers& sleepers) {
  if (detail::somebody_waits(sleepers)) [[unlikely]]
    wake_all(sleepers);
}

}  // namespace procyon::sync
