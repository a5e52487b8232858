// Threads and processors of this process.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <optional>
#include <string>

namespace procyon::os {

struct ThreadOptions {
  const char* name = nullptr;  // at most 15 characters; only for a thread that does not end
  std::size_t stack_size = 0;  // 0: the system's
};

/// Starts a thread of the library's own, with all signals blocked, that nobody joins: `main(argument)`. Returns an errno;
/// 0 if it runs. `thread` is written before this returns.
[[nodiscard]] int start_detached_thread(pthread_t& thread, void* (*main)(void*), void* argument,
                                        const ThreadOptions& options = {});

/// How many threads this process has, the caller included and a sanitizer's not; 0 if /proc cannot tell.
int thread_count();

/// The processor time that the control groups of a process allow, in processors: the smallest quota of its own group
/// (version 1 or 2) and those above it; nothing if there is none. `root` stands before /proc/self/cgroup and
/// /sys/fs/cgroup: a directory made up by a test.
std::optional<double> quota_of_control_groups(const std::string& root = "");

/// How many processors this process may use at a time: its affinity mask, cut by the quota of its control
/// group (version 1 or 2, its own or one above). At least 1.
int usable_processors();

}  // namespace procyon::os
