#include "procyon/detail/os/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace procyon::os {

namespace {

long futex(const FutexWord& word, int operation, std::uint32_t value, const timespec* timeout,
           std::uint32_t bits) {
  return ::syscall(SYS_futex, &word, operation, value, timeout, nullptr, bits);
}

}  // namespace

bool futex_wait(const FutexWord& word, std::uint32_t expected, Deadline deadline) {
  // The BITSET form takes an absolute time on CLOCK_MONOTONIC, which is what a Deadline is. Not FUTEX_PRIVATE_FLAG:
  // the other side may be another process.
  timespec time{};
  if (!deadline.is_never()) time = deadline.absolute();
  const long result =
      futex(word, FUTEX_WAIT_BITSET, expected, deadline.is_never() ? nullptr : &time, FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno != ETIMEDOUT;
}

int futex_wake(const FutexWord& word, int count) {
  return static_cast<int>(futex(word, FUTEX_WAKE, static_cast<std::uint32_t>(count), nullptr, 0));
}

int futex_wake_all(const FutexWord& word) { return futex_wake(word, INT_MAX); }

}  // namespace procyon::os
