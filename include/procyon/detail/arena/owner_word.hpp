// A mutual exclusion word in shared memory that knows who holds it and survives the holder's death.
//
//   switch (word.lock(os::Deadline::never())) {
//     case Acquired::cleanly: ...                   // ours, and what it protects is whole
//     case Acquired::after_owner_died: repair(); word.mark_recovered(); ...   // ours, but look first
//     case Acquired::not_in_time: ...
//   }
//   word.unlock();
//
// Format (64 bits):  | participant 32 | waiters 1 | died 1 | thread 30 |
//   free                participant = 0; `died` may be set: the last owner died and nobody has said mark_recovered()
//   held                participant and thread of the owner; `waiters`: somebody may sleep on the low half
//
// Who may write what: anybody may change free to held (by itself) and set `waiters`; the owner -- or, as in Python,
// anybody who calls unlock() -- changes held to free; whoever sees that the owner's participant is dead changes its
// word to its own with `died` set. All of these are one compare-and-swap of the whole word, so there is no state in
// between, and a death at any instruction leaves one of the two states above.
//
// What a death leaves: an owner's: the word names a participant that is not alive; the next to ask takes it over and
// is told. A sleeper's: `waiters` set for nobody, which costs the next unlock() one futile wake. One that was woken
// and died before it took the word: the others sleep on while the word is free; every sleep is cut in slices of
// os::wait_slice, so they find out. Waiters are never counted: a count could not be mended. One that was woken and whose
// time is over hands the mark on: it sets `waiters` before it goes, so that the next unlock() wakes another.
//
// Memory order: taking is an acquire, releasing a release, of everything that the word protects.
//
// Recursion, owner checks on release and exceptions are the business of sync::Lock and sync::RLock.
#pragma once

#include <atomic>
#include <cstdint>

#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/os/deadline.hpp"

namespace procyon::arena {

enum class Acquired : std::uint8_t { not_in_time, cleanly, after_owner_died };

class OwnerWord {
 public:
  static constexpr std::uint64_t waiters_bit = 1ull << 31;
  static constexpr std::uint64_t died_bit = 1ull << 30;
  static constexpr std::uint64_t thread_mask = died_bit - 1;

  /// Waits until the word is ours or the deadline passes. Throws SessionError if the process cannot join the session.
  Acquired lock(os::Deadline deadline) {
    if (lock_if_free(self_word())) [[likely]]
      return Acquired::cleanly;
    return lock_slowly(deadline);
  }
  /// Takes the word for `self`, the caller's self_word(), if it is free and nobody died with it.
  bool lock_if_free(std::uint64_t self) {
    std::uint64_t free = 0;
    return word_.compare_exchange_strong(free, self, std::memory_order_acquire, std::memory_order_relaxed);
  }

  Acquired try_lock() { return lock(os::Deadline::now()); }

  /// Frees the word, whoever holds it; keeps the mark of an unrepaired death. False if it was not held at all.
  bool unlock() {
    // Nearly always its owner's, so its content need not be fetched before it is changed.
    if (unlock_if_held_by(self_word())) [[likely]]
      return true;
    return unlock_slowly();
  }

  /// Frees the word if `self`, a self_word(), holds it, and there is nobody to wake and no death to remember.
  bool unlock_if_held_by(std::uint64_t self) {
    return word_.compare_exchange_strong(self, 0, std::memory_order_release, std::memory_order_relaxed);
  }

  /// Frees the word, if `holder`, a self_word(), still holds it, with the mark that its owner died: for a process that
  /// took it for somebody whose death the kernel does not show to others. One compare-and-swap, so a death on the way leaves
  /// the word as it was, held by this process, or free and marked; of the wake-up see the top.
  bool unlock_as_dead(std::uint64_t holder);

  /// Says that what the word protects is whole again. Only the owner calls it.
  void mark_recovered() { word_.fetch_and(~died_bit, std::memory_order_relaxed); }

  /// Says the contrary: that somebody died amidst a change of it. Only the owner calls it.
  void mark_died() { word_.fetch_or(died_bit, std::memory_order_relaxed); }

  /// Held by anybody, dead owners included.
  [[nodiscard]] bool is_held() const { return participant_of(word_.load(std::memory_order_relaxed)) != 0; }
  /// `holder` is a self_word().
  [[nodiscard]] bool is_held_by(std::uint64_t holder) const {
    return (word_.load(std::memory_order_relaxed) & ~(waiters_bit | died_bit)) == holder;
  }
  [[nodiscard]] bool is_held_by_caller() const { return is_held_by(self_word()); }
  [[nodiscard]] bool owner_has_died_unrepaired() const {
    return (word_.load(std::memory_order_relaxed) & died_bit) != 0;
  }
  [[nodiscard]] ParticipantId owner() const {
    return ParticipantId::from_bits(participant_of(word_.load(std::memory_order_relaxed)));
  }

 private:
  static constexpr std::uint32_t participant_of(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
  }

  Acquired lock_slowly(os::Deadline deadline);
  bool try_take(std::uint64_t& seen, std::uint64_t desired);
  bool mark_waiters(std::uint64_t seen);
  void sleep_until_changed(std::uint64_t seen, os::Deadline deadline);
  bool unlock_slowly();

  std::atomic<std::uint64_t> word_{0};
};
static_assert(sizeof(OwnerWord) == 8);

/// Holds an OwnerWord for a scope. For words whose protected data is repaired at the spot: see ArenaLock, Ring.
class OwnerGuard {
 public:
  explicit OwnerGuard(OwnerWord& word) : word_(word) {}
  OwnerGuard(const OwnerGuard&) = delete;
  OwnerGuard& operator=(const OwnerGuard&) = delete;
  ~OwnerGuard() { word_.unlock(); }

 private:
  OwnerWord& word_;
};

}  // namespace procyon::arena
