#include "process/bootstrap.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "os/error.hpp"
#include "os/socket.hpp"
#include "process/child_main.hpp"
#include "process/fork_server_main.hpp"
#include "process/guardian_main.hpp"
#include "process/image_identity.hpp"
#include "process/log.hpp"
#include "process/preload.hpp"
#include "process/start_board.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::process {

namespace {

bool is_hung_up(const os::Descriptor& socket) {
  pollfd entry{socket.get(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// The socket that the parent gave us, if it is one: of the process that started us, and of our user.
os::Descriptor checked_socket(int descriptor) {
  os::Descriptor socket = os::Descriptor::adopt(descriptor, "taking the socket that the parent gave");
  const ucred peer = os::peer_credentials(socket);
  // It may have ended before this process came so far, and what it started is to run all the same.
  const bool is_parent = peer.pid == ::getppid() || is_hung_up(socket);
  if (!is_parent || peer.uid != ::geteuid())
    throw std::runtime_error(std::string(bootstrap_variable) + " is set, but descriptor " +
                             std::to_string(descriptor) +
                             " does not lead to the process that started this one");
  return socket;
}

struct Greeted {
  Greeting greeting;
  std::vector<os::Descriptor> descriptors;
};

Greeted receive_greeting(const os::Descriptor& socket) {
  Greeted result;
  auto message = os::receive_message(socket, os::writable_bytes_of(result.greeting));
  if (!message) ::_exit(0);  // the parent is gone: nobody wants this process
  if (message->size != sizeof(Greeting) || result.greeting.magic != protocol_magic ||
      message->descriptors.size() != (result.greeting.role == ImageRole::guardian ? 1 : greeting_descriptors))
    throw std::runtime_error("the greeting of the parent cannot be understood");
  if (result.greeting.image != image_identity())
    throw std::runtime_error("the parent is another build of this program");
  result.descriptors = std::move(message->descriptors);
  return result;
}

[[noreturn]] void run_spawned_child(const os::Descriptor& socket, StartBoard& board) {
  StartRequest request;
  auto message = os::receive_message(socket, os::writable_bytes_of(request));
  if (!message) ::_exit(0);
  if (message->size != sizeof(request) || request.magic != protocol_magic)
    throw std::runtime_error("the request of the parent cannot be understood");
  run_child({request, std::move(message->descriptors), &board[request.slot], request.parent_pid, {}});
}

[[noreturn]] void run_image(int descriptor) {
  // The kernel names a process after the file that it executes, which was called "exe".
  ::prctl(PR_SET_NAME, program_invocation_short_name);
  os::Descriptor socket = checked_socket(descriptor);
  const pid_t parent = ::getppid();
  Greeted greeted = receive_greeting(socket);
  if (greeted.greeting.role == ImageRole::guardian)
    become_guardian(socket.release(), greeted.descriptors.front().release());
  if (greeted.greeting.bound_early) ::unsetenv(bind_early_variable);
  auto next = greeted.descriptors.begin();
  os::Descriptor memory = std::move(*next++);
  os::Descriptor liveness = std::move(*next++);
  arena::Session::adopt(std::move(memory), std::move(liveness));
  auto* board = new StartBoard(std::move(*next++));  // for good: of a server's children, too
  SideSockets side{std::move(next[0]), std::move(next[1])};
  // What static constructors wrote must not be written by each child again.
  ::fflush(nullptr);
  if (greeted.greeting.preload != 0) run_preload(arena::Handle::from_bits(greeted.greeting.preload));
  if (greeted.greeting.role == ImageRole::fork_server)
    run_fork_server(std::move(socket), std::move(side), *board, greeted.greeting.slot, parent);
  side = {};
  run_spawned_child(socket, *board);
}

}  // namespace

void run_bootstrapped(int descriptor) {
  try {
    run_image(descriptor);
  } catch (const std::exception& error) {
    report("procyon: a process started by pid " + std::to_string(::getppid()) +
           " could not be set up: " + error.what());
  }
  ::_exit(exit_code_of_failed_bootstrap);
}

}  // namespace procyon::process
