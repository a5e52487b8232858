// Threads and processors of this process.
#pragma once

namespace procyon::os {

/// How many threads this process has, the caller included and a sanitizer's not; 0 if /proc cannot tell.
int thread_count();

/// How many processors this process may use at a time: its affinity mask, cut by the quota of its control
/// group (version 1 or 2, its own or one above). At least 1.
int usable_processors();

}  // namespace procyon::os
