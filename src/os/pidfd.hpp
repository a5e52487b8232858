// A process by descriptor: a pidfd names one process for good, where a pid may name another one later.
//
//   Descriptor process = open_pidfd(pid);          // readable (poll) once the process has ended
//   send_signal(process, SIGTERM);                 // false: it has ended already
//   if (wait_readable(process, deadline)) result = reap(process);
//
// A pidfd does not fire at exec and says nothing of a stopped process. Reaping never blocks: whoever has been
// told by poll that a child ended may still lose the race for its status to a waitpid(-1) elsewhere in the
// program.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::os {

/// Throws std::system_error: ESRCH when there is no such process any more.
Descriptor open_pidfd(pid_t pid);

/// False if the process has ended. Throws std::system_error otherwise.
bool send_signal(const Descriptor& pidfd, int signal);

/// What became of a child.
struct WaitResult {
  enum class State : int {
    running,
    exited,     // `value` is its exit code
    signalled,  // `value` is the signal
    unknown,    // it has ended, but somebody else took its status (waitpid(-1), SIGCHLD ignored)
  };
  State state = State::running;
  int value = 0;
  bool core_dumped = false;
  rusage usage{};
};

/// Takes the status of the child `pidfd`, without waiting. Not for processes that are not children of the
/// caller's: they come out as `unknown`.
WaitResult reap(const Descriptor& pidfd);

/// Waits until `descriptor` is readable (or at its end). False when the deadline passed.
bool wait_readable(int descriptor, Deadline deadline);
inline bool wait_readable(const Descriptor& descriptor, Deadline deadline) {
  return wait_readable(descriptor.get(), deadline);
}

}  // namespace procyon::os
