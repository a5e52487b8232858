// The worker processes of a pool: started, watched, ended and replaced.
//
// Process-local. Ends of workers are noted by the supervisor's thread (note_end); everything else is called by the
// foreman or under the engine's mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/signals.hpp"
#include "pool/last_words.hpp"
#include "pool/pool_format.hpp"
#include "process/child.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/exit_status.hpp"

namespace procyon::pool {

class Workforce {
 public:
  /// Between the request to end and the kill.
  static constexpr std::chrono::milliseconds grace{500};

  struct Options {
    std::optional<StartMethod> start_method;
    bool keeps_stderr = false;
  };
  /// `when_one_ends` is called on the supervisor's thread; it only wakes somebody.
  Workforce(arena::Reference pool, Options options, std::function<void()> when_one_ends);

  /// Starts the worker of that index. Returns its pid. Throws what starting a process throws.
  pid_t start(std::uint32_t index);

  struct End {
    std::uint32_t worker;
    pid_t pid;
    ExitStatus status;
    std::string name = {};
    bool was_told_to_end = false;  // by end() or end_overdue()
    std::string last_words = {};   // on its stderr, if that is kept
  };
  /// Workers that have ended since the last call.
  std::vector<End> take_ends();

  /// Asks a worker to end (SIGTERM); after a grace period end_overdue() kills it.
  void end(std::uint32_t worker);
  void end_all();
  void end_overdue();
  /// When end_overdue() has something to do.
  [[nodiscard]] os::Deadline next_overdue() const;

  /// Bounds what is kept of what workers write to stderr; to be called now and then, if keeps_stderr().
  void trim_last_words();
  [[nodiscard]] bool keeps_stderr() const { return options_.keeps_stderr; }

  [[nodiscard]] std::size_t running() const;
  /// Waits until the worker has ended; false when the deadline passed.
  bool join_all(os::Deadline deadline);

 private:
  struct Worker {
    std::shared_ptr<process::Child> child;
    os::Deadline kill_at = os::Deadline::never();
    std::string name = {};
    bool was_told_to_end = false;
    std::shared_ptr<LastWords> words = {};
  };
  struct Ends {  // shared with callbacks that may come after this object is gone
    std::mutex mutex;
    std::vector<End> ends;
  };

  arena::Reference pool_;
  const Options options_;
  // Of the thread that made the pool. The foreman, who starts replacements, has all signals blocked.
  const os::SignalBits blocked_signals_ = os::blocked_signals();
  std::function<void()> when_one_ends_;
  std::shared_ptr<Ends> ends_ = std::make_shared<Ends>();
  mutable std::mutex mutex_;
  std::vector<Worker> workers_;
  std::uint32_t started_ = 0;
};

}  // namespace procyon::pool
