// InterruptGuard: Ctrl-C and SIGTERM end the pools of this process in order, so that destructors run and one message
// is said.
//
//   int main() {
//     mp::InterruptGuard interrupts;
//     try {
//       mp::Pool pool;
//       pool.map(crunch, files);
//     } catch (const mp::Interrupted& stop) {
//       fmt::print(stderr, "{}\n", stop.what());        // "procyon: interrupted by SIGINT (Ctrl-C); ..."
//       return stop.exit_code();                        // 130
//     }
//   }
//
// SIGINT: every pool ends at once (its workers are told to end, and killed if they do not within a second); tasks
// without a result end with Interrupted, which is what calls that wait for them throw. SIGTERM and SIGHUP: pools take
// no more tasks, those that were given may go on for `drain`; then the same. A second signal ends this process at
// once, as if there were no guard; its workers end with it in any case.
//
// Workers do not end by Ctrl-C themselves, although the terminal sends it to all processes: what becomes of the work is
// decided here. Without a guard the signals do what they always do: they end this process, and the kernel its workers.
//
// One at a time, in the process that is to be ended, usually at the start of main. It takes over the signals' handlers,
// and gives them back. Not for programs that handle these signals themselves: they may call Pool::terminate() in a
// thread of theirs. Other waits than those for pools (a Queue, a read()) are not ended by it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "procyon/errors.hpp"

namespace procyon {

struct InterruptOptions {
  std::chrono::nanoseconds drain = std::chrono::seconds(10);  // after SIGTERM and SIGHUP
};

class InterruptGuard {
 public:
  /// Throws std::logic_error if there is one already, std::system_error when there can be no thread.
  explicit InterruptGuard(InterruptOptions options = {});
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  /// The signal that has come, if one has.
  [[nodiscard]] std::optional<int> signal() const;

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace procyon
