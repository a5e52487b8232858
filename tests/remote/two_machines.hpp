// Two machines and a cable between them: network namespaces with a pair of virtual interfaces. This thread goes to the first
// machine while the object lives; a process on the second one does what it is told.
//
//   TwoMachines machines([&](Connection commands) { ... });     // runs on the second; ends with this object
//   Listener listener(std::string("tcp://") + TwoMachines::here + ":0");
//   machines.cut();                                             // neither side is told
//
// Needs root and iproute2; throws NotPermitted otherwise. Nothing is left: the namespaces go with their last process.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "procyon/detail/os/descriptor.hpp"
#include "procyon/pipe.hpp"

namespace procyon {

class NotPermitted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TwoMachines {
 public:
  static constexpr const char* here = "10.77.0.1";
  static constexpr const char* there = "10.77.0.2";
  static constexpr const char* nobody = "10.77.0.9";

  /// `process` is called on the second machine with one end of a pipe, told() being the other.
  template <class Process>
  explicit TwoMachines(Process process) : home_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    auto [ours, theirs] = Pipe();
    if (::unshare(CLONE_NEWNET) != 0) throw NotPermitted("network namespaces cannot be made here");
    told_.emplace(ours);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ours.close();
      const bool separate = ::unshare(CLONE_NEWNET) == 0;
      theirs.send(separate);
      static_cast<void>(theirs.template recv<bool>());  // the cable is there
      run("ip addr add " + std::string(there) + "/24 dev far && ip link set far up && ip link set lo up");
      theirs.send(true);
      process(theirs);
      for (;;) ::pause();
    }
    theirs.close();
    const bool made = told_->recv<bool>() && run("ip link add near type veth peer name far netns " +
                                                 std::to_string(pid_) + " && ip addr add " + here +
                                                 "/24 dev near && ip link set near up && ip link set lo up");
    if (!made) {
      end();
      throw NotPermitted("virtual interfaces cannot be made here (ip, of iproute2)");
    }
    told_->send(true);
    static_cast<void>(told_->recv<bool>());
  }
  TwoMachines(const TwoMachines&) = delete;
  TwoMachines& operator=(const TwoMachines&) = delete;
  ~TwoMachines() { end(); }

  /// The other end of what the process on the second machine has.
  [[nodiscard]] Connection& told() { return *told_; }

  /// What comes from the second machine is lost from now on, and what goes there.
  void cut() { run("nsenter --target " + std::to_string(pid_) + " --net ip link set far down"); }

 private:
  static bool run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

  void end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    static_cast<void>(::setns(home_.get(), CLONE_NEWNET));
  }

  os::Descriptor home_;
  std::optional<Connection> told_;
  pid_t pid_ = -1;
};

}  // namespace procyon
