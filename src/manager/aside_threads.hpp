// Threads for what may wait: as many as there are actions at a time, kept for a while after the last.
//
//   AsideThreads aside;
//   aside.run([] { ... });
//   aside.end();                       // waits until the last action has returned
//
// What an action throws is logged and harms nobody. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::manager {

class AsideThreads {
 public:
  /// More actions than this at a time wait for one another.
  static constexpr std::size_t most = 512;
  static constexpr std::chrono::seconds kept_idle{5};

  AsideThreads();
  AsideThreads(const AsideThreads&) = delete;
  AsideThreads& operator=(const AsideThreads&) = delete;
  ~AsideThreads();

  /// Throws std::system_error if there is no thread and none can be made; then the action has not been taken.
  void run(std::function<void()> action);
  /// No action begins any more; what waits is dropped. True once all threads have ended; false if the deadline came before.
  bool end(os::Deadline deadline);
  /// Whether the caller is one of these threads, of any AsideThreads of this process.
  static bool is_one();

  [[nodiscard]] std::size_t count() const;

 private:
  struct Shared;
  static void* thread_main(void* argument);

  std::shared_ptr<Shared> shared_;  // the threads own it, too: they leave it last
};

}  // namespace procyon::manager
