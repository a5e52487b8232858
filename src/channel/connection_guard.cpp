#include "channel/connection_guard.hpp"

#include <unistd.h>

namespace procyon::channel {

namespace {

constexpr std::uint64_t closed_bit = std::uint64_t{1} << 31;
constexpr std::uint64_t uses_mask = closed_bit - 1;
constexpr int process_shift = 32;

constexpr std::uint32_t waiters_bit = std::uint32_t{1} << 31;

std::uint32_t this_process() { return static_cast<std::uint32_t>(::getpid()); }

std::uint64_t uses_by(std::uint64_t word, std::uint32_t process) {
  return word >> process_shift == process ? word & uses_mask : 0;
}

std::uint64_t word_of(std::uint32_t process, std::uint64_t closed, std::uint64_t uses) {
  return static_cast<std::uint64_t>(process) << process_shift | closed | uses;
}

}  // namespace

bool GuardedDescriptor::begin_use() noexcept {
  const std::uint32_t mine = this_process();
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & closed_bit) != 0) return false;
    // Acquire: what the descriptor is for was written before it could be used.
    if (word_.compare_exchange_weak(seen, word_of(mine, 0, uses_by(seen, mine) + 1),
                                    std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
}

bool GuardedDescriptor::end_use() noexcept {
  // Acquire and release: whoever closes comes after all uses.
  const std::uint64_t before = word_.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & closed_bit) == 0 || (before & uses_mask) != 1) return false;
  descriptor_.reset();
  return true;
}

bool GuardedDescriptor::close() noexcept {
  const std::uint32_t mine = this_process();
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool left_by_fork = seen >> process_shift != mine;
    if ((seen & closed_bit) != 0 && !left_by_fork) return false;
    const std::uint64_t uses = uses_by(seen, mine);
    if (!word_.compare_exchange_weak(seen, word_of(mine, closed_bit, uses), std::memory_order_acq_rel,
                                     std::memory_order_relaxed))
      continue;
    if (uses != 0) return false;
    descriptor_.reset();  // harmless if it has been closed: it is -1 then
    return true;
  }
}

bool GuardedDescriptor::closed() const noexcept {
  return (word_.load(std::memory_order_relaxed) & closed_bit) != 0;
}

bool Turn::take(os::Deadline deadline) noexcept {
  const std::uint32_t mine = this_process();
  std::uint32_t wanted = mine;
  for (std::uint32_t seen = 0;; seen = 0) {
    if (word_.compare_exchange_strong(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
    if ((seen & ~waiters_bit) != mine) {  // copied by fork() while a thread of the parent's had it
      if (word_.compare_exchange_strong(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
      continue;
    }
    if (deadline.expired()) return false;
    if ((seen & waiters_bit) == 0 &&
        !word_.compare_exchange_strong(seen, seen | waiters_bit, std::memory_order_relaxed))
      continue;
    os::futex_wait(word_, mine | waiters_bit, deadline);
    wanted = mine | waiters_bit;  // there may be others who wait, and only giving tells them
  }
}

void Turn::give() noexcept {
  if ((word_.exchange(0, std::memory_order_release) & waiters_bit) != 0) os::futex_wake(word_, 1);
}

}  // namespace procyon::channel
