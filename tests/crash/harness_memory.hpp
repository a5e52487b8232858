// Memory for what the harness itself keeps between two runs, apart from malloc's heap: every victim inherits that heap,
// and its way through malloc and free is the recorded one only if the heap is still as it was at the recording.
#pragma once

#include <memory_resource>

namespace procyon::crash {

/// Mapped from the kernel, never given back. For one thread.
std::pmr::memory_resource* harness_memory();

}  // namespace procyon::crash
