#include "procyon/detail/arena/owner_word.hpp"

#include <sched.h>

#include <algorithm>

#include "arena/participants.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::arena {

namespace {

// Sleeping and waking costs some 10 us, so a lock that is held briefly is worth a short look; longer spinning would
// burn the processor that the owner needs (figures: docs/design/003-owner-words.md).
constexpr int looks = 9;
constexpr int longest_pause = 32;
constexpr int yields = 2;

// Each look takes the word's cache line away from the owner, who needs it to free the word.
void pause_before_look(int attempt) {
  for (int pause = std::min(1 << attempt, longest_pause); pause > 0; --pause) os::spin_pause();
}

}  // namespace

// One attempt to make `seen` ours: when it is free, or when its owner is dead. `seen` is renewed on failure.
bool OwnerWord::try_take(std::uint64_t& seen, std::uint64_t desired) {
  return word_.compare_exchange_strong(seen, desired, std::memory_order_acquire, std::memory_order_relaxed);
}

Acquired OwnerWord::lock_slowly(os::Deadline deadline) {
  const std::uint64_t self = self_word();
  // Who has slept cannot know whether others still sleep: it takes the word with `waiters` set.
  std::uint64_t waiters = 0;
  for (int attempt = 0;; ++attempt) {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    if (participant_of(seen) == 0) {
      if (!try_take(seen, self | waiters | (seen & died_bit))) continue;
      return (seen & died_bit) != 0 ? Acquired::after_owner_died : Acquired::cleanly;
    }
    if (attempt < looks + yields && deadline != os::Deadline::now()) {
      attempt < looks ? pause_before_look(attempt) : static_cast<void>(::sched_yield());
      continue;
    }
    if (!is_alive(ParticipantId::from_bits(participant_of(seen)))) {
      if (try_take(seen, self | died_bit | waiters | (seen & waiters_bit))) return Acquired::after_owner_died;
      continue;
    }
    if (deadline.expired()) {
      // A wake may have been spent on this waiter: then the word does not say that others still sleep.
      if (waiters == 0 || mark_waiters(seen)) return Acquired::not_in_time;
      continue;
    }
    waiters = waiters_bit;
    sleep_until_changed(seen, deadline);
  }
}

// Has `waiters` set in the word, if it still is what was seen.
bool OwnerWord::mark_waiters(std::uint64_t seen) {
  return (seen & waiters_bit) != 0 ||
         word_.compare_exchange_strong(seen, seen | waiters_bit, std::memory_order_relaxed,
                                       std::memory_order_relaxed);
}

void OwnerWord::sleep_until_changed(std::uint64_t seen, os::Deadline deadline) {
  if (!mark_waiters(seen)) return;
  // That half changes with `waiters`.
  os::futex_wait(os::low_half(word_), static_cast<std::uint32_t>(seen | waiters_bit),
                 deadline.slice(os::wait_slice));
}

bool OwnerWord::unlock_slowly() {
  std::uint64_t held = word_.load(std::memory_order_relaxed);
  do {
    if (participant_of(held) == 0) return false;
  } while (!word_.compare_exchange_weak(held, held & died_bit, std::memory_order_release,
                                        std::memory_order_relaxed));
  if ((held & waiters_bit) != 0) os::futex_wake(os::low_half(word_), 1);
  return true;
}

bool OwnerWord::unlock_as_dead(std::uint64_t holder) {
  std::uint64_t held = word_.load(std::memory_order_relaxed);
  do {
    if ((held & ~(waiters_bit | died_bit)) != holder) return false;
  } while (
      !word_.compare_exchange_weak(held, died_bit, std::memory_order_release, std::memory_order_relaxed));
  if ((held & waiters_bit) != 0) os::futex_wake(os::low_half(word_), 1);
  return true;
}

}  // namespace procyon::arena
