#include "sync/biased_word.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/single_threaded.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "arena/participants.hpp"
#include "os/fence.hpp"
#include "os/threads.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::sync {

using arena::Acquired;
using arena::ParticipantId;

namespace {

constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t patience_factor = 8;
constexpr std::uint32_t largest_patience = 1u << 30;
constexpr int looks = 500;  // at `inside`; the owner is in for instructions
constexpr int yields = 2;

ParticipantId participant_of(std::uint64_t word) {
  return ParticipantId::from_bits(static_cast<std::uint32_t>(word >> 32));
}

std::uint32_t mixed(std::uint64_t self) {
  return static_cast<std::uint32_t>(self >> 32) * 0x9E3779B1u ^ static_cast<std::uint32_t>(self);
}

// The process, as its participant: a forked child is another.
constinit std::atomic<std::uint32_t> asked_by{0};
constinit std::atomic<std::uint32_t> accepted_by{0};

std::uint32_t own_process() { return static_cast<std::uint32_t>(arena::self_word() >> 32); }

void* accept_aside(void* /*nothing*/) {
  BiasedWord::accept_fences();
  return nullptr;
}

// The kernel takes 10 to 20 ms for it once a process has several threads, which no put() may take.
void accept_soon() {
  if (__libc_single_threaded != 0) return static_cast<void>(BiasedWord::accept_fences());
  pthread_t thread{};
  // If there is no thread to be had, nothing is biased.
  static_cast<void>(os::start_detached_thread(thread, accept_aside, nullptr));
}

// False at first, at least if there are several threads.
bool accepts_fences() {
  const std::uint32_t process = own_process();
  if (accepted_by.load(std::memory_order_acquire) == process) return true;
  if (asked_by.exchange(process, std::memory_order_relaxed) != process) accept_soon();
  return accepted_by.load(std::memory_order_acquire) == process;
}

}  // namespace

bool BiasedWord::accept_fences() {
  const bool accepted = os::accept_fences();
  if (accepted) accepted_by.store(own_process(), std::memory_order_release);
  return accepted;
}

bool BiasedWord::is_entered() const {
  const std::uint64_t bias = bias_.load(std::memory_order_relaxed);
  return bias != 0 && slots_[index_of(bias)].inside.load(std::memory_order_relaxed) != 0;
}

ParticipantId BiasedWord::owner() const {
  return is_entered() ? participant_of(bias_.load(std::memory_order_relaxed)) : word_.owner();
}

bool BiasedWord::is_held_by_caller() const {
  if (word_.is_held_by_caller()) return true;
  return is_entered() &&
         (bias_.load(std::memory_order_relaxed) & ~(slot_bit | revoking_bit)) == arena::self_word();
}

Acquired BiasedWord::lock_slowly(std::uint64_t self, os::Deadline deadline) {
  Acquired acquired = word_.lock(deadline);
  if (acquired == Acquired::not_in_time) return acquired;
  os::crash_point("biased_word.word_taken");
  if (bias_.load(std::memory_order_relaxed) != 0) {
    const Acquired revoked = revoke(self, deadline);
    if (revoked == Acquired::not_in_time) {
      word_.unlock();
      return revoked;
    }
    if (revoked == Acquired::after_owner_died) acquired = revoked;
  }
  if (acquired == Acquired::cleanly) consider_bias(self);
  return acquired;
}

// Holding `word`. If it is not done in time the bias stays `revoking`: the next one goes on.
Acquired BiasedWord::revoke(std::uint64_t self, os::Deadline deadline) {
  const std::uint64_t bias = bias_.load(std::memory_order_relaxed);
  Acquired outcome = Acquired::cleanly;
  // Another may have begun to revoke the caller's own; it needs no fence against itself.
  const bool is_own = (bias & ~(slot_bit | revoking_bit)) == self;
  if (!is_own) {
    bias_.store(bias | revoking_bit, std::memory_order_relaxed);
    os::crash_point("biased_word.revoking");
    if (os::fence_everybody()) {
      if ((bias & revoking_bit) == 0) bias_more_seldom();
    } else {
      patience_.store(never, std::memory_order_relaxed);
      std::this_thread::sleep_for(os::wait_slice);
    }
    os::crash_point("biased_word.fenced");
  }
  outcome = wait_until_left(bias, deadline);
  if (outcome != Acquired::not_in_time) {
    os::crash_point("biased_word.left");
    bias_.store(0, std::memory_order_relaxed);
  }
  return outcome;
}

Acquired BiasedWord::wait_until_left(std::uint64_t bias, os::Deadline deadline) {
  std::atomic<std::uint32_t>& inside = slot_of(bias).inside;
  for (int attempt = 0; inside.load(std::memory_order_acquire) != 0; ++attempt) {
    if (attempt < looks + yields) {
      attempt < looks ? os::spin_pause() : static_cast<void>(::sched_yield());
    } else if (!arena::is_alive(participant_of(bias))) {
      // It may have left before it ended.
      if (inside.load(std::memory_order_acquire) == 0) break;
      word_.mark_died();
      os::crash_point("biased_word.died_inside");
      inside.store(0, std::memory_order_relaxed);
      return Acquired::after_owner_died;
    } else if (deadline.expired()) {
      return Acquired::not_in_time;
    } else {
      os::futex_wait(inside, 1, deadline.slice(os::wait_slice));
    }
  }
  return Acquired::cleanly;
}

// Holding `word`, with no bias, and what it protects is whole.
void BiasedWord::consider_bias(std::uint64_t self) {
  if (last_taker_.load(std::memory_order_relaxed) != mixed(self)) {
    last_taker_.store(mixed(self), std::memory_order_relaxed);
    streak_.store(0, std::memory_order_relaxed);
    return;
  }
  const std::uint32_t streak = streak_.load(std::memory_order_relaxed) + 1;
  streak_.store(streak, std::memory_order_relaxed);
  if (streak < patience_.load(std::memory_order_relaxed)) [[likely]]
    return;
  streak_.store(0, std::memory_order_relaxed);
  if (patience_.load(std::memory_order_relaxed) == never || !accepts_fences()) return;
  const Slot* const slot = find_slot(self);
  if (slot == nullptr) return bias_more_seldom();
  os::crash_point("biased_word.slot_taken");
  bias_.store(self | (slot == &slots_[1] ? slot_bit : 0), std::memory_order_relaxed);
  os::crash_point("biased_word.biased");
}

void BiasedWord::bias_more_seldom() {
  const std::uint32_t patience = patience_.load(std::memory_order_relaxed);
  if (patience != never)
    patience_.store(std::min(patience, largest_patience / patience_factor) * patience_factor,
                    std::memory_order_relaxed);
}

BiasedWord::Slot* BiasedWord::find_slot(std::uint64_t self) {
  for (Slot& slot : slots_)
    if (slot.owner.load(std::memory_order_relaxed) == self) return &slot;
  for (Slot& slot : slots_) {
    const std::uint64_t owner = slot.owner.load(std::memory_order_relaxed);
    if (owner != 0 && arena::is_alive(participant_of(owner))) continue;
    slot.inside.store(0, std::memory_order_relaxed);
    slot.owner.store(self, std::memory_order_relaxed);
    return &slot;
  }
  return nullptr;
}

void BiasedWord::wake_revoker(const Slot& slot) { os::futex_wake_all(slot.inside); }

void fence_for_sleepers() { os::fence_everybody(); }

}  // namespace procyon::sync
