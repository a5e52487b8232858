#include "process/fork_server_main.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "os/error.hpp"
#include "process/bootstrap.hpp"
#include "process/child_main.hpp"
#include "process/sibling.hpp"
#include "process/spare_main.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::process {

namespace {

class Server {
 public:
  Server(os::Descriptor socket, SideSockets side, StartBoard& board)
      : socket_(std::move(socket)), side_(std::move(side)), board_(board), maker_(SiblingMaker::prepare()) {
    if (!maker_) watch_own_children();
  }

  [[noreturn]] void run() {
    const Ready ready{.makes_siblings = maker_.has_value()};
    if (!os::send_message(socket_, os::bytes_of(ready))) ::_exit(0);
    for (;;) {
      if (!maker_) report_ends_until_a_request_comes();
      StartRequest request;
      auto message = os::receive_message(socket_, os::writable_bytes_of(request));
      if (!message) ::_exit(0);  // the user's process is gone
      if (message->size != sizeof(request) || request.magic != protocol_magic)
        ::_exit(exit_code_of_failed_bootstrap);
      if ((request.flags & StartRequest::makes_spare) != 0 && maker_)
        make_spare(request);
      else
        serve(request, std::move(message->descriptors));
    }
  }

 private:
  void answer(const Started& started, std::span<const int> descriptors = {}) {
    if (!os::send_message(socket_, os::bytes_of(started), descriptors)) ::_exit(0);
  }

  void make_spare(const StartRequest& order) {
    os::crash_point("process.server.spare_asked");
    int number = -1;
    const pid_t pid = maker_->make(board_[order.slot].pid, number);
    const int error = errno;
    if (pid == 0) become_spare(order);
    const os::Descriptor pidfd(number);
    os::crash_point("process.server.spare_made");
    const std::span<const int> descriptors(&number, pidfd ? 1 : 0);
    answer({.pid = pid, .error = error, .number = order.number}, descriptors);
  }

  [[noreturn]] void become_spare(const StartRequest& order) {
    socket_.reset();
    os::Descriptor socket = std::move(side_[parity_of_spare(order.number)]);
    side_ = {};
    run_spare(order, std::move(socket), board_);
  }

  void serve(const StartRequest& request, std::vector<os::Descriptor> descriptors) {
    BoardSlot& slot = board_[request.slot];
    os::crash_point("process.server.asked");
    const pid_t pid = maker_ ? maker_->make(slot.pid) : ::fork();
    const int error = errno;
    if (pid == 0) become_child(request, std::move(descriptors));
    os::crash_point("process.server.made");
    if (!maker_ && pid > 0) slots_[pid] = request.slot;
    answer({.pid = pid, .error = error, .number = request.number});
  }

  [[noreturn]] void become_child(const StartRequest& request, std::vector<os::Descriptor> descriptors) {
    // What is the server's must not live on in a child: the parent takes an open end for a living server.
    socket_.reset();
    side_ = {};
    signals_.reset();
    BoardSlot& slot = board_[request.slot];
    if (!maker_) {
      std::int32_t expected = request.number;
      if (!slot.pid.compare_exchange_strong(expected, ::getpid())) ::_exit(0);  // given up: another makes it
    }
    // A child of the server dies with the server, which dies with the user's process.
    run_child({request, std::move(descriptors), &slot, maker_ ? request.parent_pid : server_pid_, {}});
  }

  void watch_own_children() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCHLD);
    signals_ = os::Descriptor::adopt(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
                                     "watching children (signalfd)");
  }

  void report_ends_until_a_request_comes() {
    pollfd entries[] = {{socket_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    for (;;) {
      if (::poll(entries, 2, -1) < 0) continue;
      signalfd_siginfo ignored{};
      if (entries[1].revents != 0 && ::read(signals_.get(), &ignored, sizeof(ignored)) > 0) report_ends();
      if (entries[0].revents != 0) return;
    }
  }

  void report_ends() {
    for (;;) {
      siginfo_t info{};
      EndReport report;
      if (::syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG, &report.usage) != 0 || info.si_pid == 0)
        return;
      const auto found = slots_.find(info.si_pid);
      if (found == slots_.end()) continue;
      report.slot = found->second;
      report.code = info.si_code;
      report.status = info.si_status;
      slots_.erase(found);
      os::send_message(side_[0], os::bytes_of(report));
    }
  }

  os::Descriptor socket_;
  SideSockets side_;
  os::Descriptor signals_;
  StartBoard& board_;
  std::optional<SiblingMaker> maker_;
  std::map<pid_t, std::uint32_t> slots_;  // of own children
  const pid_t server_pid_ = ::getpid();
};

// Whoever reads what this program writes waits for the end of all that could write: that must not be a server of it. Nor
// does it keep a directory in use. Its children get theirs with the request.
void let_go_of_surroundings() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (null >= 0) ::dup2(null, number);
  if (null > STDERR_FILENO) ::close(null);
  if (::chdir("/") != 0) return;
}

}  // namespace

void run_fork_server(os::Descriptor socket, SideSockets side, StartBoard& board, std::uint32_t slot,
                     pid_t parent_pid) {
  // Two ways to end with the user's process: the end of file, and this one for when it is in the middle of something.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent_pid) ::_exit(0);
  rehearse_child(board[slot]);
  let_go_of_surroundings();
  Server server(std::move(socket), std::move(side), board);
  server.run();
}

}  // namespace procyon::process
