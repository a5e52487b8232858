// Who is alive: each participant holds a POSIX record lock on the byte of its slot in a second, private memfd.
//
// The kernel drops the lock when the process ends in whatever way, and when it executes another program (the
// descriptor closes on exec), and nobody can hold it for another process. fork() does not hand it on. Asking costs a
// system call of some 0.2 us.
//
// Hazard: POSIX drops all locks of a process on a file as soon as the process closes ANY descriptor of that file. So a
// process has exactly one and never closes it.
#pragma once

#include <cstdint>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::arena {

os::Descriptor create_liveness_file();

/// Takes the byte of `slot` for this process. False if another process has it.
bool claim_slot(const os::Descriptor& liveness, std::uint32_t slot);
void unclaim_slot(const os::Descriptor& liveness, std::uint32_t slot);
/// Whether some OTHER process holds the byte; a process's own lock is invisible to itself.
bool is_claimed_by_another(const os::Descriptor& liveness, std::uint32_t slot);

}  // namespace procyon::arena
