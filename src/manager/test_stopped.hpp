// A server that does not run for a while: what is sent to it waits in its socket.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include "procyon/base_manager.hpp"

namespace procyon::manager::test {

/// The server, a child of this process, does not run while one of these lives.
class Stopped {
 public:
  explicit Stopped(const BaseManager& manager) : pid_(*manager.pid()) {
    ::kill(pid_, SIGSTOP);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT);
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { ::kill(pid_, SIGCONT); }

 private:
  pid_t pid_;
};

}  // namespace procyon::manager::test
