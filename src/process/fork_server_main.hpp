// The fork server's own side: makes a child for each request until its user's process is gone.
#pragma once

#include "os/socket.hpp"
#include "process/bootstrap.hpp"
#include "process/start_board.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

/// Never returns in the server; in each child it runs the child to its end. `side` are the sockets at which spare
/// children wait; the first is where ends are told if the children must be the server's own; `slot` is the server's on the board.
[[noreturn]] void run_fork_server(os::Descriptor socket, SideSockets side, StartBoard& board,
                                  std::uint32_t slot, pid_t parent_pid);

}  // namespace procyon::process
