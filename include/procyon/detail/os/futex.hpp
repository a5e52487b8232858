// futex(2) on words in shared memory: sleep while a word has a value, wake those who sleep on it.
//
//   while ((seen = word.load(std::memory_order_acquire)) == busy) os::futex_wait(word, seen, deadline);
//   word.store(idle, std::memory_order_release);  os::futex_wake(word, 1);
//
// Waits return for no reason now and then: the caller looks again. Whoever waits for another process cuts its wait
// into slices (os::wait_slice) and asks between them whether that process lives: a wake-up dies with its sender.
#pragma once

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::os {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

/// The longest that any wait sleeps without looking whether whom it waits for is alive.
inline constexpr std::chrono::milliseconds wait_slice{100};

/// Sleeps while `word` holds `expected`, until woken, the deadline or a signal. False only when the deadline passed.
bool futex_wait(const FutexWord& word, std::uint32_t expected, Deadline deadline);

/// Wakes at most `count` sleepers, of any process. Returns how many it woke.
int futex_wake(const FutexWord& word, int count);
int futex_wake_all(const FutexWord& word);

/// The low half of a 64-bit word as something to sleep on. Only its address counts: the kernel reads it, C++ never does.
inline const FutexWord& low_half(const std::atomic<std::uint64_t>& word) {
  static_assert(std::endian::native == std::endian::little);
  const void* const address = &word;
  return *static_cast<const FutexWord*>(address);
}

/// Tells the processor that this thread spins.
inline void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace procyon::os
