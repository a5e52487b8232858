// Bounds everything the harness waits for, with one POSIX timer and no thread: the harness forks all the time, and a
// process that forks should have one thread.
//
// Two uses, never at once:
//   Ticking ticking;                          a signal every few milliseconds, so that a blocking waitpid() of this
//                                             thread returns with EINTR and its caller can look at the clock
//   TimeLimit limit(30s, "check() after ...") aborts the program with that sentence if it still exists after 30 s
// Both hold for the calling thread only. A ticking thread must not call code that cannot bear EINTR: no scenario's.
#pragma once

#include <chrono>
#include <string_view>

namespace procyon::crash {

inline constexpr std::chrono::milliseconds tick{5};

class Ticking {
 public:
  Ticking();
  ~Ticking();
  Ticking(const Ticking&) = delete;
  Ticking& operator=(const Ticking&) = delete;
};

class TimeLimit {
 public:
  TimeLimit(std::chrono::milliseconds limit, std::string_view what);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
};

}  // namespace procyon::crash
