// An OwnerWord that its last user enters and leaves with plain stores, for locks that mostly one thread takes.
//
//   const sync::BasicStateLock<sync::BiasedWord> lock(state.lock, [&] { state.repair(); });
//
// Taking and freeing an OwnerWord is two locked instructions, each of which waits until all stores before it have left
// the processor. A BiasedWord that one thread has taken some times in a row is biased to it: it enters by a store and a
// look, and leaves by a store. Whoever else comes revokes the bias first, for 2 us, and from then on the word is an
// OwnerWord until one thread has taken it many times in a row again. Measured: docs/design/006-biased-locks.md. Not for
// locks that the user's data lies under, and not where owner and others take turns: it would never be biased.
//
// FORMAT. Besides the OwnerWord `word`:
//   bias     0, or | participant 32 | revoking 1 | slot 1 | thread 30 |: whose it is, and which slot is its
//   slots    two of { owner: a self_word or 0;  inside: 1 while the owner is in by its bias }
//   last_taker, streak, patience    who took `word` last, how often in a row, and how often makes a bias
//
// WHO WRITES WHAT WHEN. `bias`, `owner` and the counters: only who holds `word`. `inside`: only that slot's owner; or who
// holds `word`, when that owner is dead.
//   enter     (bias == self) 1. inside := 1   2. compiler barrier   3. bias is still the same: entered; else leave
//   leave     1. inside := 0 (release)        2. compiler barrier   3. bias is revoking: wake who sleeps on inside
//   take      (else) 1. `word` is locked      2. bias is revoked, if there is one: the lock is held
//   revoke    1. bias := with `revoking`      2. fence in all processors   3. wait until inside == 0, or the owner is
//             dead: then it died inside       4. bias := 0
//   free      `word` is unlocked
//   bias      by who holds `word` and has taken it `patience` times in a row, no death is unrepaired, and this process
//             accepts fences:  1. a slot: its own, or one of nobody or of a dead one (then owner := self, inside := 0)
//             2. bias := self and slot. It goes on to hold `word`; the bias counts from the next time on.
//
// WHY ONE AT A TIME. Who is in has either `word` with bias == 0 or its own bias, or `word` and its own bias. Others than
// the biased one must pass revoke. The fence comes after the store of `revoking`: an owner that passed its step 3 of
// enter before the fence has let its step 1 out by then, so the revoker sees inside == 1 and waits; one that comes to it
// later sees `revoking` and turns back. A former owner may be held up between the look at bias and its step 1 for any
// time: all it can do is to write 0 and 1 to a slot that is its own as long as it lives, in a word that has moved on.
// That is why there are slots: two living threads of the past can have a bias; the word of a third one stays plain.
// Revoked biases make `patience` eight times as large, so a word has few of them in its life.
//
// WHAT A DEATH LEAVES
//   biased, outside        bias names a dead one, inside == 0: revoked like any other
//   in by the bias         inside == 1 and the owner is dead: the revoker is told after_owner_died. Also if it died between
//                          steps 1 and 3 and never was in: it may be told once too often, and repair finds nothing.
//   who holds `word`, in any step of revoke or bias: the next owner of `word` is told; it finds bias 0, or as it was, or
//                          revoking, and revokes (again); inside belongs to the owner alone. A slot with owner == the
//                          dead one is reused.
//   a sleeping revoker     one futile wake. One that is woken by nobody looks after a slice.
//   exec, thread's end     an exec ends the participant: dead. A thread that ended left the word, so its bias is revoked
//                          as usual; it can never be used again, as thread numbers are not used twice.
//   fork                   the child is another participant, whatever its parent was
//
// A REVOKER WITHOUT FENCES (it gave up membarrier(2) by a seccomp filter after others had biased the word): it waits
// instead. A store leaves the processor's buffer in less than a microsecond, and at the latest with the next interrupt;
// 100 ms see many. The word is never biased again.
//
// MEMORY ORDER. `word` as in OwnerWord; leaving is a release of `inside`, read by revokers with acquire; what is done
// under a bias follows the owner's own earlier steps, or its taking of `word`, in program order.
// Leaving is no full barrier: sleepers that rely on the lock's release for a barrier (sync/sleep.hpp) must bring their own:
// fence_for_sleepers().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "procyon/detail/arena/owner_word.hpp"

namespace procyon::sync {

class BiasedWord {
 public:
  static constexpr std::uint32_t first_patience = 32;

  /// Lets words be biased to threads of this process from now on; false if that cannot be. Without this it comes about
  /// when a word is first to be biased, in a thread aside if there are several threads: the kernel then takes its time.
  static bool accept_fences();

  /// As OwnerWord's.
  arena::Acquired lock(os::Deadline deadline) {
    const std::uint64_t self = arena::self_word();
    if (enter(self)) [[likely]]
      return arena::Acquired::cleanly;
    return lock_slowly(self, deadline);
  }
  arena::Acquired try_lock() { return lock(os::Deadline::now()); }

  /// Frees the word. Unlike an OwnerWord's only its owner may do so.
  void unlock() {
    const std::uint64_t bias = bias_.load(std::memory_order_relaxed);
    // Also while it is being revoked: the revoker waits for this.
    if ((bias & ~(slot_bit | revoking_bit)) == arena::self_word()) {
      Slot& slot = slot_of(bias);
      if (slot.inside.load(std::memory_order_relaxed) != 0) [[likely]]
        return leave(slot);
    }
    word_.unlock();
  }

  void mark_recovered() { word_.mark_recovered(); }

  /// Somebody has it, or is about to, dead ones included.
  [[nodiscard]] bool is_held() const { return word_.is_held() || is_entered(); }
  /// Who holds it, if somebody does.
  [[nodiscard]] arena::ParticipantId owner() const;
  [[nodiscard]] bool is_held_by_caller() const;
  [[nodiscard]] bool owner_has_died_unrepaired() const { return word_.owner_has_died_unrepaired(); }
  [[nodiscard]] bool is_biased() const { return bias_.load(std::memory_order_relaxed) != 0; }

 private:
  static constexpr std::uint64_t revoking_bit = 1ull << 31;
  static constexpr std::uint64_t slot_bit = 1ull << 30;
  // With `revoking` a bias is nobody's.
  static constexpr std::uint64_t owner_mask = ~slot_bit;

  struct Slot {
    std::atomic<std::uint64_t> owner{0};
    std::atomic<std::uint32_t> inside{0};
  };

  static constexpr std::size_t index_of(std::uint64_t bias) { return (bias & slot_bit) != 0 ? 1 : 0; }
  Slot& slot_of(std::uint64_t bias) { return slots_[index_of(bias)]; }

  bool enter(std::uint64_t self) {
    const std::uint64_t bias = bias_.load(std::memory_order_relaxed);
    if ((bias & owner_mask) != self) return false;
    Slot& slot = slot_of(bias);
    if (slot.inside.load(std::memory_order_relaxed) != 0) [[unlikely]]
      return false;  // a signal handler inside its own lock: it must hang as it would with any lock
    slot.inside.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (bias_.load(std::memory_order_relaxed) == bias) [[likely]]
      return true;
    leave(slot);
    return false;
  }

  void leave(Slot& slot) {
    slot.inside.store(0, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if ((bias_.load(std::memory_order_relaxed) & revoking_bit) != 0) [[unlikely]]
      wake_revoker(slot);
  }

  [[nodiscard]] bool is_entered() const;
  arena::Acquired lock_slowly(std::uint64_t self, os::Deadline deadline);
  arena::Acquired revoke(std::uint64_t self, os::Deadline deadline);
  arena::Acquired wait_until_left(std::uint64_t bias, os::Deadline deadline);
  void consider_bias(std::uint64_t self);
  void bias_more_seldom();
  Slot* find_slot(std::uint64_t self);
  static void wake_revoker(const Slot& slot);

  arena::OwnerWord word_;
  std::atomic<std::uint64_t> bias_{0};
  std::array<Slot, 2> slots_;
  std::atomic<std::uint32_t> last_taker_{0};  // mixed down: a hint
  std::atomic<std::uint32_t> streak_{0};
  std::atomic<std::uint32_t> patience_{first_patience};
};
static_assert(sizeof(BiasedWord) == 64, "one cache line");

/// What a sleeper does between setting its flag and its last look, if its waker's release of a BiasedWord is what orders
/// the waker's store and look. Where it cannot be done a wake may be lost, and costs a slice.
void fence_for_sleepers();

}  // namespace procyon::sync
