#include "process/spare.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "os/error.hpp"
#include "os/pidfd.hpp"
#include "os/socket.hpp"
#include "process/fork_server.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::process {

namespace {

using namespace std::chrono_literals;

// Empty if it has ended and was reaped.
os::Descriptor open_unless_reaped(pid_t pid) {
  try {
    return os::open_pidfd(pid);
  } catch (const std::system_error&) {
    return {};
  }
}

// And not a process that has got the number of one that the user has reaped.
bool is_child(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

void Spare::connect(SideSockets sockets) {
  bury();
  sockets_ = std::move(sockets);
}

void Spare::order(const os::Descriptor& server, const StartRequest& request) {
  StartRequest order = request;
  order.flags = StartRequest::makes_spare;
  order.number = last_number_ == INT32_MAX ? last_number_ = 1 : ++last_number_;
  order.slot = slot_of(order.number);
  board_[order.slot].pid.store(0, std::memory_order_relaxed);
  board_[order.slot].participant.store(0, std::memory_order_relaxed);
  try {
    if (os::send_message(server, os::bytes_of(order))) number_ = order.number;
  } catch (const std::system_error&) {
    // The child that has just been started is there; the next one is made without a spare.
  }
}

void Spare::made(const Started& answer, std::vector<os::Descriptor> descriptors) {
  pid_ = answer.pid;
  if (pid_ > 0) pidfd_ = descriptors.empty() ? open_unless_reaped(pid_) : std::move(descriptors.front());
  if (!pidfd_) bury();
}

std::optional<Spare::Child> Spare::give(StartRequest request, std::span<const int> descriptors,
                                        BoardSlot& slot, const std::function<void()>& meanwhile) {
  request.spare = number_;
  const os::Descriptor& socket = sockets_[parity_of_spare(number_)];
  const bool sent = os::send_message(socket, os::bytes_of(request), descriptors);
  os::crash_point("process.start.asked_spare");
  Child child{pid_, std::move(pidfd_)};
  const std::uint32_t own_slot = slot_of(std::exchange(number_, 0));
  meanwhile();
  if (sent) wait_until_taken(socket, child.pidfd, request.number);
  std::int32_t expected = request.number;
  if (!slot.pid.compare_exchange_strong(expected, BoardSlot::given_up)) return child;
  bury(child.pidfd, own_slot);
  slot.participant.store(0, std::memory_order_relaxed);
  return std::nullopt;
}

// Or it has died.
void Spare::wait_until_taken(const os::Descriptor& socket, const os::Descriptor& pidfd, std::int32_t number) {
  pollfd entries[] = {{socket.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(entries, 2, -1) < 0) {
      if (errno != EINTR) os::throw_system_error("waiting for a child to take its work (poll)");
      continue;
    }
    if (entries[0].revents == 0) return;
    Started answer;
    const auto message = os::receive_message(socket, os::writable_bytes_of(answer));
    if (!message || answer.number == number) return;  // others: of one that answered and died
  }
}

void Spare::bury() {
  if (number_ == 0) return;
  const std::uint32_t slot = slot_of(std::exchange(number_, 0));
  bury(std::exchange(pidfd_, {}), slot);
}

void Spare::disconnect() {
  sockets_ = {};
  bury();
}

void Spare::bury(const os::Descriptor& pidfd, std::uint32_t slot) {
  const pid_t pid = board_[slot].pid.load();
  if (pidfd) {
    try {
      os::send_signal(pidfd, SIGKILL);
    } catch (const std::system_error&) {
      // It has another user than we by now; see disconnect().
    }
    os::wait_readable(pidfd, os::Deadline::after(1s));
    os::reap(pidfd);
  } else if (pid > 0 && is_child(pid)) {
    kill_and_reap(pid);  // there was no room for a descriptor of it
  }
  const auto participant = arena::ParticipantId::from_bits(board_[slot].participant.load());
  if (participant) arena::Session::current().recover(participant);
}

}  // namespace procyon::process
