// The thread in which a pool calls its user back.
//
// Not the foreman: a callback may wait for tasks, which needs a foreman that looks after deaths and deadlines.
#pragma once

#include <functional>
#include <memory>

namespace procyon::pool {

class Callbacks {
 public:
  Callbacks();
  /// As end().
  ~Callbacks();
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  /// Makes the thread, once, so that post() cannot fail for want of one. Throws std::system_error.
  void start();
  /// Has it call this after all that was posted before. From any thread, under any lock.
  void post(std::function<void()> call);
  /// Waits until all that was posted has been called. In a callback: does nothing.
  void wait_until_idle();
  /// The same, and ends the thread. In a callback: it ends by itself when the last of them has been called.
  void end();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace procyon::pool
