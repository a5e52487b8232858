// What Lock, RLock and Value have in common: an owner word, how often its owner has taken it, and OwnerDied.
//
// Format: 16 bytes in a counted object. `depth` is written by the owner only, after it took the word and before it
// frees it; what it holds while the word is free, or after a death, means nothing: the next owner sets it.
//
// What a death leaves: the owner word names the dead (see owner_word.hpp). Nothing else needs repair here; the data
// that the lock protects is the user's, who is told by OwnerDied.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/owner_died.hpp"

namespace procyon::sync {

class RobustWord {
 public:
  /// Takes the word: true, or false when the deadline passed. Throws OwnerDied, which then holds it.
  /// `reference` and `object` are for that exception.
  bool take(os::Deadline deadline, const arena::Reference& reference, const char* object) {
    if (owner_.lock_if_free(arena::self_word())) [[likely]] {
      depth_.store(1, std::memory_order_relaxed);
      return true;
    }
    return take_slowly(deadline, reference, object);
  }
  /// Likewise, but an owner may take it again; it frees it as often.
  bool take_again(os::Deadline deadline, const arena::Reference& reference, const char* object) {
    if (owner_.lock_if_free(arena::self_word())) [[likely]] {
      depth_.store(1, std::memory_order_relaxed);
      return true;
    }
    if (owner_.is_held_by_caller()) {
      depth_.store(depth_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return true;
    }
    return take_slowly(deadline, reference, object);
  }

  /// Frees it, whoever holds it; one level only of what take_back() has left. False if nobody held it.
  bool free() {
    if (owner_.unlock_if_held_by(arena::self_word())) [[likely]]
      return true;
    return free_slowly();
  }
  /// Takes back one take_again(). False if the caller is not the owner.
  bool free_one_level() {
    // In nearly every case the caller holds it once; freeing it proves that.
    if (depth_.load(std::memory_order_relaxed) == 1 && owner_.unlock_if_held_by(arena::self_word()))
        [[likely]]
      return true;
    return free_one_level_of(arena::self_word());
  }
  /// The same for a thread that took it, by its self_word().
  bool free_one_level_of(std::uint64_t holder);

  /// Frees it wholly and returns how often the caller had taken it, for take_back(). The caller holds it.
  std::uint32_t free_all();
  /// Takes it again as often as free_all() said, however long that takes. Throws OwnerDied, which then holds one level
  /// more, its own: a guard that is left on the way out frees the others.
  void take_back(std::uint32_t depth, const arena::Reference& reference, const char* object);

  // For a server that holds locks for clients of other sessions. Of its own: whoever it is that it took it for.

  /// Takes the word, and says so instead of throwing if its owner died.
  arena::Acquired take_for_another(os::Deadline deadline) {
    const arena::Acquired acquired = owner_.lock(deadline);
    if (acquired != arena::Acquired::not_in_time) depth_.store(1, std::memory_order_relaxed);
    return acquired;
  }
  /// Frees what the thread of this self_word() took, with the mark that its owner died. False if it is not held by it.
  bool free_as_dead(std::uint64_t holder) { return owner_.unlock_as_dead(holder); }
  [[nodiscard]] bool is_held_by(std::uint64_t holder) const { return owner_.is_held_by(holder); }

  [[nodiscard]] bool is_held() const { return owner_.is_held(); }
  /// Asks the kernel if it is held: some 0.2 us.
  [[nodiscard]] bool is_held_by_the_dead() const;
  [[nodiscard]] bool is_held_by_caller() const { return owner_.is_held_by_caller(); }
  void mark_recovered() { owner_.mark_recovered(); }

 private:
  bool free_slowly();
  bool take_slowly(os::Deadline deadline, const arena::Reference& reference, const char* object);

  arena::OwnerWord owner_;
  std::atomic<std::uint32_t> depth_{0};  // atomic, as a stranger's wrong release may look at it
};

}  // namespace procyon::sync
