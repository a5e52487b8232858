// A spare child: made before it is asked for, so that a start need not wait for the making. See spare.hpp.
#pragma once

#include "process/bootstrap.hpp"
#include "process/start_board.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

/// In a process that the fork server has just made: prepares itself, waits for the request that is meant for it, and
/// carries it out. Ends when the parent is gone or wants it no more. `order` is what the server was told.
[[noreturn]] void run_spare(const StartRequest& order, os::Descriptor socket, StartBoard& board);

}  // namespace procyon::process
