#include "process/spare_main.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "os/socket.hpp"
#include "process/child_main.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::process {

namespace {

[[noreturn]] void retire() {
  arena::Session::current().leave();
  ::_exit(0);
}

// What was sent to it while it was nobody's child in particular (to all of a group, to all of a name) was not meant for
// the process that it becomes.
void discard_pending_signals() {
  sigset_t all;
  ::sigfillset(&all);
  const timespec now{};
  while (::sigtimedwait(&all, nullptr, &now) > 0) {
  }
}

[[noreturn]] void carry_out(const StartRequest& request, std::vector<os::Descriptor> descriptors,
                            os::Descriptor socket, StartBoard& board) {
  discard_pending_signals();
  // Before the answer: from then on the parent may end, or signal us, as it likes.
  if ((request.flags & StartRequest::daemon) == 0) ::prctl(PR_SET_PDEATHSIG, 0);
  BoardSlot& slot = board[request.slot];
  slot.participant.store(arena::Session::current().self().bits(), std::memory_order_release);
  std::int32_t expected = request.number;
  const pid_t pid = ::getpid();
  if (!slot.pid.compare_exchange_strong(expected, pid)) retire();  // given up: another makes it
  os::crash_point("process.spare.took_request");
  os::send_message(socket, os::bytes_of(Started{.pid = pid, .error = 0, .number = request.number}));
  socket.reset();
  run_child({request, std::move(descriptors), &slot, request.parent_pid, {}});
}

}  // namespace

void run_spare(const StartRequest& order, os::Descriptor socket, StartBoard& board) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != order.parent_pid) ::_exit(0);
  board[order.slot].participant.store(arena::Session::current().self().bits(), std::memory_order_release);
  warm_up_child();
  for (;;) {
    StartRequest request;
    auto message = os::receive_message(socket, os::writable_bytes_of(request));
    if (!message) retire();
    if (message->size != sizeof(request) || request.magic != protocol_magic)
      ::_exit(exit_code_of_failed_bootstrap);
    if (request.spare != order.number) continue;  // for one that died before it could take it
    carry_out(request, std::move(message->descriptors), std::move(socket), board);
  }
}

}  // namespace procyon::process
