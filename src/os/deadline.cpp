#include "procyon/detail/os/deadline.hpp"

#include <algorithm>
#include <climits>

namespace procyon::os {

std::int64_t Deadline::monotonic_now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

Deadline::Nanoseconds Deadline::remaining() const {
  if (is_never()) return Nanoseconds::max();
  if (at_ == 0) return Nanoseconds::zero();
  return Nanoseconds(std::max<std::int64_t>(0, at_ - monotonic_now()));
}

int Deadline::poll_timeout() const {
  if (is_never()) return -1;
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
  return static_cast<int>(std::min<std::int64_t>(milliseconds, INT_MAX));
}

timespec Deadline::absolute() const {
  timespec time{};
  time.tv_sec = at_ / 1'000'000'000;
  time.tv_nsec = at_ % 1'000'000'000;
  return time;
}

}  // namespace procyon::os
