// The thread in which a pool calls its user back.
//
// Not the foreman: a callback may wait for tasks, which needs a foreman that looks after deaths and deadlines.
//
// A callback that never returns must not hold up the pool's end: who waits gives up when one call has lasted longer than
// `patience`, and says so in the log. Then the thread is left to itself, and what was still to be called is dropped.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::pool {

class Callbacks {
 public:
  /// For each call, from when somebody waits for it.
  static constexpr std::chrono::seconds patience{5};

  explicit Callbacks(std::chrono::nanoseconds for_each_call = patience);
  /// As end().
  ~Callbacks();
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  /// Makes the thread, once, so that post() cannot fail for want of one. Throws std::system_error.
  void start();
  /// Has it call this after all that was posted before. From any thread, under any lock.
  void post(std::function<void()> call);
  /// Waits until all that was posted has been called, or one call lasts too long. In a callback: does nothing. False only
  /// when the deadline passed.
  bool wait_until_idle(os::Deadline deadline = os::Deadline::never());
  /// The same, and ends the thread. In a callback: it ends by itself when the last of them has been called. If one lasts too
  /// long, now or before, the thread is left to itself.
  void end();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace procyon::pool
