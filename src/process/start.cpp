// Child::start(): the steps that all start methods share, and what each does differently.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <stdexcept>
#include <utility>

#include "os/error.hpp"
#include "os/signals.hpp"
#include "os/socket.hpp"
#include "os/surroundings.hpp"
#include "os/threads.hpp"
#include "process/child.hpp"
#include "process/child_main.hpp"
#include "process/entry_hook.hpp"
#include "process/log.hpp"
#include "process/start_record.hpp"
#include "process/state.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::process {

namespace {

void require_entry_hook(const std::string& what) {
  switch (entry()) {
    case Entry::program:
      return;
    case Entry::bootstrapped_child:
      throw std::logic_error(
          what +
          ": a static constructor starts a process, and this is such a process, which would start "
          "another, without end; start processes in main or in what it calls");
    case Entry::not_hooked:
      throw std::logic_error(
          what +
          ": Procyon was not there when this program started (it was loaded later, by dlopen, or is "
          "linked fully statically), so a started child could not be told from the program; call "
          "procyon::freeze_support(argc, argv) first thing in main, or use the start method 'fork'");
  }
}

void warn_of_threads(State& state) {
  static std::atomic<bool> warned{false};
  const int ours = state.has_supervisor() ? 1 : 0;
  const int threads = os::thread_count();
  if (threads - ours <= 1 || warned.exchange(true)) return;
  warn("this process has " + std::to_string(threads - ours) +
       " threads and forks: the child has only one, and may wait for ever for locks that the others hold; "
       "the start "
       "method 'forkserver' has no such danger");
}

// Empty if it has ended and has been reaped: SIGCHLD is ignored, somebody waits for any child, or its server did.
os::Descriptor open_pidfd_unless_reaped(pid_t pid) {
  try {
    return os::open_pidfd(pid);
  } catch (const std::system_error& error) {
    if (error.code().value() == ESRCH) return {};
    throw;
  }
}

bool is_main_thread() { return ::gettid() == ::getpid(); }

void flush_standard_streams() {
  std::cout.flush();
  std::clog.flush();
  ::fflush(nullptr);
}

}  // namespace

/// One attempt to start one child. What it has taken goes back unless the child comes to be.
class Starter {
 public:
  explicit Starter(Child& child) : child_(child), state_(child.creator_) {}
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  ~Starter() {
    if (done_) return;
    state_.remove(child_.shared_from_this());
    if (child_.record_) arena::Session::current().release(std::exchange(child_.record_, {}));
    if (has_slot_) state_.board().give_back(child_.slot_);
  }

  void run() {
    const StartMethod method =
        child_.body_ ? StartMethod::fork : child_.start_method_.value_or(state_.start_method());
    if (method != StartMethod::fork) require_entry_hook("start: " + child_.quoted_name());
    state_.supervisor();
    prepare(method);
    switch (method) {
      case StartMethod::forkserver:
        ask_fork_server();
        break;
      case StartMethod::spawn:
        spawn();
        break;
      case StartMethod::fork:
        fork();
        break;
    }
    done_ = true;
  }

 private:
  void prepare(StartMethod method) {
    require_own_descriptors();
    child_.slot_ = state_.board().take();
    has_slot_ = true;
    slot_ = &state_.board()[child_.slot_];
    // The number that the child's pidfd will have is held free: there must be no child without one.
    place_for_pidfd_ = os::Descriptor::adopt(::fcntl(state_.board().descriptor(), F_DUPFD_CLOEXEC, 3),
                                             "starting a process: holding a descriptor free for it");
    Identity identity = child_.identity_in_child(method);
    if (method == StartMethod::forkserver) identity.settings = state_.fork_server().prepare();
    static const EncodedCall no_call;
    arena::Session& session = arena::Session::current();
    child_.record_ = write_record(identity, child_.call_ ? *child_.call_ : no_call);
    os::crash_point("process.start.wrote_record");

    if (child_.daemon_) request_.flags |= StartRequest::daemon;
    request_.record = child_.record_.bits();
    request_.parent = session.self().bits();
    request_.parent_pid = ::getpid();
    request_.slot = child_.slot_;
    request_.blocked_signals = os::blocked_signals();
    if (child_.call_)
      for (const os::Descriptor& descriptor : child_.call_->descriptors)
        descriptors_.push_back(descriptor.get());
    if (method != StartMethod::fork) request_.ignored_signals = os::ignored_signals();
    if (method == StartMethod::forkserver) describe_surroundings();
    state_.add(child_.shared_from_this());
  }

  // All or none: whoever closes one of the library's closes every one above some number.
  void require_own_descriptors() {
    if (state_.board().is_intact()) return;
    throw std::logic_error(
        "start: descriptors of the library were closed behind its back (closefrom(3), close_range(2), a loop "
        "over all "
        "numbers); this process can start no more children, and to the others that share its objects it "
        "looks dead. "
        "Close descriptors before the first use of the library, or only your own");
  }

  void describe_surroundings() {
    request_.flags |= StartRequest::takes_surroundings;
    request_.umask = os::current_umask();
    request_.group = ::getpgrp();
    directory_ = os::open_current_directory();
    std::vector<int> surroundings{directory_.get()};
    if (::fcntl(STDOUT_FILENO, F_GETFD) >= 0) {
      request_.flags |= StartRequest::has_stdout;
      surroundings.push_back(STDOUT_FILENO);
    }
    if (::fcntl(STDERR_FILENO, F_GETFD) >= 0) {
      request_.flags |= StartRequest::has_stderr;
      surroundings.push_back(STDERR_FILENO);
    }
    descriptors_.insert(descriptors_.begin(), surroundings.begin(), surroundings.end());
  }

  void ask_fork_server() {
    ForkServer::Made made = state_.fork_server().start(request_, descriptors_, *slot_);
    os::crash_point("process.start.made");
    adopt(made.pid, std::move(made.pidfd), made.reporter);
  }

  void spawn() {
    place_for_pidfd_.reset();
    // A daemonic child dies with the thread that made it: that must be one that stays.
    StartedImage image =
        start_image(state_, {.role = ImageRole::child}, nullptr, child_.daemon_ && !is_main_thread());
    try {
      // False if it ended before it was asked, which is the child's end, noticed like any other.
      os::send_message(image.socket, os::bytes_of(request_), descriptors_);
    } catch (...) {
      kill_and_reap(image.pid);
      throw;
    }
    adopt(image.pid, std::move(image.pidfd), 0);
  }

  void fork() {
    warn_of_threads(state_);
    flush_standard_streams();
    pid_t pid = -1;
    int error = 0;
    const auto fork_here = [&] {
      const os::BlockSignals quiet;
      pid = ::fork();
      error = errno;
      if (pid == 0) run_forked();
    };
    if (child_.daemon_ && !is_main_thread())
      state_.supervisor().run(fork_here);
    else
      fork_here();
    if (pid < 0) os::throw_system_error("Process: the system does not let this process fork", error);
    if (child_.body_) wait_until_joined(pid);
    adopt(pid, {}, 0);
  }

  // For two reasons: see adopt(); and shared objects that the body captured live by this process's references until the child has its own, which it takes
  // as it joins the session. A child that is stopped so early does not hold us for ever.
  void wait_until_joined(pid_t pid) const {
    const os::Deadline deadline = os::Deadline::after(std::chrono::seconds(5));
    for (int look = 0; look < 2000 && slot_->participant.load(std::memory_order_acquire) == 0; ++look)
      os::spin_pause();  // some 100 us: usually enough
    while (slot_->participant.load(std::memory_order_acquire) == 0 && !deadline.expired()) {
      siginfo_t ended{};
      if (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
          ended.si_pid != 0)
        return;
      const timespec moment{0, 20'000};
      ::clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, nullptr);
    }
  }

  // The child exists; should there be no way to look after it, it is ended.
  void adopt(pid_t pid, os::Descriptor pidfd, std::uint32_t reporter) {
    place_for_pidfd_.reset();
    // A daemonic child dies with this process from when it has asked the kernel for that, which is before it joins the
    // session. Should this program execute another before then, nobody would tell the child.
    if (child_.daemon()) wait_until_joined(pid);
    try {
      if (!pidfd) pidfd = open_pidfd_unless_reaped(pid);
      child_.adopt(pid, std::move(pidfd), reporter);
    } catch (...) {
      kill_and_reap(pid);
      throw;
    }
  }

  // In the child. Other threads may have held any lock of the parent's when it forked: none of them is touched.
  [[noreturn]] void run_forked() {
    ChildEntry entry{request_, {}, slot_, request_.parent_pid, std::move(child_.body_)};
    if (child_.call_) entry.descriptors = std::move(child_.call_->descriptors);
    run_child(std::move(entry));
  }

  Child& child_;
  State& state_;
  BoardSlot* slot_ = nullptr;
  StartRequest request_;
  std::vector<int> descriptors_;
  os::Descriptor directory_;
  os::Descriptor place_for_pidfd_;
  bool has_slot_ = false;
  bool done_ = false;
};

void Child::start() {
  begin_start();
  try {
    Starter(*this).run();
    if (logs(LogLevel::info))
      log(LogLevel::info, "started " + quoted_name() + ", pid " + std::to_string(pid().value_or(0)));
  } catch (...) {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::fresh;
    throw;
  }
}

}  // namespace procyon::process
