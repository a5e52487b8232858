// A started child, from its first instruction to its end.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "process/bootstrap.hpp"
#include "process/start_board.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

struct ChildEntry {
  StartRequest request;
  std::vector<os::Descriptor> descriptors;
  BoardSlot* slot;
  pid_t maker;                 // what getppid() says while whoever must outlive a daemonic child lives
  std::function<void()> body;  // for a forked child whose target was not encoded
};

/// Does in a fork server what its children will do, up to their target, and takes it back: what is done once (symbols
/// looked up, tables built, memory mapped) the children inherit, where each would take 50 us for it. Throws what can go
/// wrong in a child.
void rehearse_child(BoardSlot& slot);

/// Touches what a child needs up to its target, so that a spare child has it at hand when its request comes.
void warm_up_child();

/// Becomes the process that the request describes, runs its target and ends. With every signal blocked on entry.
[[noreturn]] void run_child(ChildEntry entry);

}  // namespace procyon::process
