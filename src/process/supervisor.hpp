// The one library thread of a process that has children: it watches descriptors and lives as long as the process.
//
//   auto id = supervisor.watch(pidfd, [child] { child->collect(); });      // from any thread
//   supervisor.run([&] { pid = spawn(...); });                             // done there, by a thread that stays
//
// Why a thread: ends of children are noticed, their status is taken and what they held is given back even while no
// thread of the user's asks. Why this thread makes children that must die with their parent: the death signal
// (PR_SET_PDEATHSIG) follows the creating thread, not the process.
//
// Handlers run on this thread, one at a time: they are quick, never wait for another handler and do not throw. All of
// the user's signals are blocked here.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

class Supervisor {
 public:
  using WatchId = std::uint64_t;

  /// Starts the thread. Throws std::system_error.
  Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Calls `when_readable` whenever `descriptor` is readable or at its end, until unwatch(). Throws std::system_error.
  WatchId watch(int descriptor, std::function<void()> when_readable);
  /// Must be called before the descriptor is closed. The handler may still be running on the supervisor's thread.
  void unwatch(WatchId id);

  /// Does `job` on the supervisor's thread and waits for it; what it throws is thrown here.
  void run(const std::function<void()>& job);

  [[nodiscard]] bool is_this_thread() const { return ::pthread_equal(::pthread_self(), thread_) != 0; }

 private:
  struct Watched {
    int descriptor;
    std::shared_ptr<std::function<void()>> when_readable;
  };
  struct Job;

  static void* thread_main(void* self);
  [[noreturn]] void loop();
  void handle(WatchId id);
  void do_jobs();
  void take_jobs();

  os::Descriptor epoll_;
  os::Descriptor doorbell_;  // an eventfd: there are jobs
  pthread_t thread_{};
  std::mutex mutex_;
  WatchId last_id_ = 0;  // guarded by mutex_, like all below
  std::map<WatchId, Watched> watched_;
  std::vector<Job*> jobs_;
};

}  // namespace procyon::process
