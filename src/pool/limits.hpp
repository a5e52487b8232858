// The limits that a worker keeps by itself, and what it tells libraries that start threads.
//
// MEMORY: RLIMIT_DATA, which counts what the process has as memory of its own that it may write to (heap, threads'
// stacks; of these the whole, touched or not). RLIMIT_AS would count the session's reservation of 64 GiB too, and
// every allocator's; a resident size cannot be limited. What goes beyond fails in operator new, with
// MemoryLimitExceeded.
//
// PROCESSOR TIME: a timer of the process's clock, set anew for each item, which sends SIGXCPU. RLIMIT_CPU knows whole
// seconds since the process's start only. Two system calls an item, for pools with such a limit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace procyon::pool {

/// Below that no worker comes as far as its first task.
inline constexpr std::uint64_t least_memory_limit = std::uint64_t{16} << 20;

/// For this process, a worker; 0: no such limit. Throws std::system_error.
void limit_this_worker(std::uint64_t memory, std::int64_t cpu_for_each_item);

/// Before and after an item; nothing without a limit of processor time.
void begin_cpu_limit();
void end_cpu_limit();

/// Of this process, in bytes. One system call.
std::uint64_t resident_memory();

/// Has OpenMP, OpenBLAS, MKL and the like use that many threads, unless the user has said how many (OMP_NUM_THREADS and
/// so on): by the variables for what is loaded or started later, by their functions for what is here already.
void share_processors(std::uint32_t threads);

}  // namespace procyon::pool
