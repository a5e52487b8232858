#include "os/pidfd.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.hpp"

namespace procyon::os {

namespace {
constexpr int wait_for_pidfd = 3;  // P_PIDFD, which older headers lack
}

Descriptor open_pidfd(pid_t pid) {
  return Descriptor::adopt(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)),
                           "watching a process (pidfd_open)");
}

bool send_signal(const Descriptor& pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  throw_system_error("sending a signal to a process (pidfd_send_signal)");
}

WaitResult reap(const Descriptor& pidfd) {
  WaitResult result;
  siginfo_t info{};
  long outcome = 0;
  do {  // the system call itself: the C library's waitid() hides the resource usage
    outcome = ::syscall(SYS_waitid, wait_for_pidfd, pidfd.get(), &info, WEXITED | WNOHANG, &result.usage);
  } while (outcome < 0 && errno == EINTR);
  if (outcome < 0) {
    // ECHILD: not a child, or its status has been taken. Which of the two, only the pidfd knows.
    if (wait_readable(pidfd, Deadline::now())) result.state = WaitResult::State::unknown;
    return result;
  }
  if (info.si_pid == 0) return result;
  const bool exited = info.si_code == CLD_EXITED;
  result.state = exited ? WaitResult::State::exited : WaitResult::State::signalled;
  result.value = info.si_status;
  result.core_dumped = info.si_code == CLD_DUMPED;
  return result;
}

bool wait_readable(int descriptor, Deadline deadline) {
  pollfd entry{descriptor, POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, deadline.poll_timeout());
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_system_error("waiting for a descriptor (poll)");
    if (ready == 0 && deadline.expired()) return false;
  }
}

}  // namespace procyon::os
