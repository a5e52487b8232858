// Anonymous memory as a descriptor: has no name, so there is nothing to unlink, and is freed by the kernel with its
// last user.
#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::os {

/// A new, empty memfd. `name` shows in /proc/PID/maps only. Throws std::system_error.
Descriptor create_memfd(const char* name);

/// Forbids that the file ever shrinks (a mapping of it cannot raise SIGBUS by truncation), for good.
void seal_against_shrinking(const Descriptor& memory);

/// Commits [offset, offset + size) of the file, growing it if it ends earlier: afterwards touching these bytes cannot
/// fail for lack of memory. False with errno when there is none, or when RLIMIT_FSIZE forbids it (never SIGXFSZ).
bool commit(const Descriptor& memory, std::size_t offset, std::size_t size);

/// Gives the pages of [offset, offset + size) back to the system; they read as zero afterwards. False with errno.
bool decommit(const Descriptor& memory, std::size_t offset, std::size_t size);

}  // namespace procyon::os
