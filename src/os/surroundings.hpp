// What surrounds a process besides its memory, for handing it to a child that does not descend from it.
#pragma once

#include <sys/types.h>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::os {

/// The mask of permissions that new files do not get. Without changing it for a moment, which other threads would see.
mode_t current_umask();

/// The working directory, as a descriptor for fchdir(2). Throws std::system_error.
Descriptor open_current_directory();

}  // namespace procyon::os
