// Sleeping on a word that the other side changes when there is something to do, and waking whoever sleeps.
//
//   worker:   while (!sync::wait_until([&] { return has_task(); }, sleepers, word, deadline)) ...
//   master:   publish task;  word.fetch_add(1);  sync::wake_one(sleepers, word);
//
// `sleepers` is a flag: somebody may sleep. It is cleared before a wake and set again if somebody was woken, as there
// may be more. Sleepers are never counted: a killed one would leave the count wrong. What a death costs: a killed
// sleeper one futile wake; a killed waker leaves the sleepers to the end of their slice (os::wait_slice).
//
// Memory order: word and `sleepers` are a Dekker pair. Each side writes its own and then reads the other's, so the
// sleeper uses sequential consistency, and the waker's last step before wake_*() must be an atomic read-modify-write or
// be followed by a fence; wake_*() has one where the processor needs it.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::sync {

using SleepersFlag = std::atomic<std::uint32_t>;

// Sleeping and waking costs some 10 us, so a short look comes first; a longer one would burn the other side's processor.
inline constexpr int spins_before_sleep = 200;
inline constexpr int yields_before_sleep = 2;

/// True when `ready()`, or when the caller should look again for another reason (a wake, the end of a slice); false when
/// the deadline passed.
template <class Ready>
bool wait_until(Ready ready, SleepersFlag& sleepers, const os::FutexWord& word, os::Deadline deadline) {
  if (deadline == os::Deadline::now()) return ready();
  for (int attempt = 0; attempt < spins_before_sleep + yields_before_sleep; ++attempt) {
    if (ready()) return true;
    attempt < spins_before_sleep ? os::spin_pause() : static_cast<void>(::sched_yield());
  }
  if (deadline.expired()) return false;
  sleepers.store(1, std::memory_order_seq_cst);
  const std::uint32_t seen = word.load(std::memory_order_seq_cst);
  if (!ready()) os::futex_wait(word, seen, deadline.slice(os::wait_slice));
  return true;
}

namespace detail {
inline bool somebody_sleeps(const SleepersFlag& sleepers) {
#if defined(__x86_64__)
  std::atomic_signal_fence(std::memory_order_seq_cst);  // the read-modify-write before was a full barrier
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  return sleepers.load(std::memory_order_seq_cst) != 0;
}
}  // namespace detail

inline void wake_one(SleepersFlag& sleepers, const os::FutexWord& word) {
  if (!detail::somebody_sleeps(sleepers)) [[likely]]
    return;
  sleepers.store(0, std::memory_order_seq_cst);
  if (os::futex_wake(word, 1) != 0) sleepers.store(1, std::memory_order_seq_cst);
}

/// For a word that is changed for sleepers only: after something else, which `ready()` looks at, was changed by an atomic
/// read-modify-write. While nobody sleeps it touches the flag alone.
inline void ring_one(SleepersFlag& sleepers, os::FutexWord& word) {
  if (!detail::somebody_sleeps(sleepers)) [[likely]]
    return;
  word.fetch_add(1, std::memory_order_seq_cst);
  wake_one(sleepers, word);
}

inline void wake_all(SleepersFlag& sleepers, const os::FutexWord& word) {
  if (!detail::somebody_sleeps(sleepers)) return;
  sleepers.store(0, std::memory_order_seq_cst);
  os::futex_wake_all(word);
}

/// As ring_one(), for all.
inline void ring_all(SleepersFlag& sleepers, os::FutexWord& word) {
  if (!detail::somebody_sleeps(sleepers)) [[likely]]
    return;
  word.fetch_add(1, std::memory_order_seq_cst);
  wake_all(sleepers, word);
}

}  // namespace procyon::sync
