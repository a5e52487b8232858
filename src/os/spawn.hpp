// Starting the program's own image once more, with one descriptor of ours and nothing else of this process.
//
//   pid_t child = spawn_own_image({.descriptor = socket.get(), .environment = {"NAME=value"}});
//
// /proc/self/exe is the file that runs, even if it has been replaced or unlinked since. The child finds the
// standard descriptors 0 to 2 as they are here, `descriptor` as spawned_descriptor, and no others; every
// signal at its default action and blocked.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace procyon::os {

/// Where a spawned child finds the descriptor that it was given.
inline constexpr int spawned_descriptor = 3;

struct SpawnOptions {
  int descriptor = -1;
  std::vector<std::string> environment;  // "NAME=value", instead of what this process has by that name
};

/// Throws std::system_error. The child is waited for by its pid, like any other.
pid_t spawn_own_image(const SpawnOptions& options);

}  // namespace procyon::os
