// Where a worker was when a signal of a crash hit it: return addresses, written by the worker's own signal handler.
//
//   catch_crashes(record, false);                            // in a worker, once
//   ... it crashes ...
//   if (const auto crash = read_crash(record, pid)) ...      // in the master, when the worker's end is known
//
// FORMAT. One record for each worker in the pool's memory. The handler writes `signal`, `code`, `address`, then frame
// after frame, each counted by a store of `frame_count` when it is whole; then the names of the files that the
// addresses lie in, counted by `module_count`; then it gives each frame its module and its offset in that file, and
// says so by `is_located`. Whose record it is, is said first by `pid`.
//
// RECOVERY. The master reads only when the writer's end is known, and clears before it starts the next worker of that
// index: there is never a reader beside a writer, nor two writers (the first thread that crashes claims the record by
// `claimed`, in its own process's memory; a process that a task forked is not the worker, and writes nothing). A
// death at any point of the handler (the unwinder may fault on a damaged stack) leaves what is counted by then, and
// the death itself is the one that was on its way. All memory is there before: nothing to free.
//
// The handler makes only async-signal-safe steps: the frames by libgcc's unwinder (which reads the tables of the
// loaded files through _dl_find_object, without a lock), the files by open and read of /proc/self/maps. Addresses
// differ from process to process, places in a file do not: names are looked up by the master, later (symbols.hpp). It
// costs a worker that does not crash one stack's address space and a few system calls at its start.
//
// A signal for which the program has a handler of its own, or a sanitizer has, is left to it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace procyon::pool {

struct CrashRecord {
  static constexpr std::uint32_t most_frames = 48;
  static constexpr std::uint32_t most_modules = 8;
  static constexpr std::uint32_t longest_path = 256;
  static constexpr std::uint32_t no_module = UINT32_MAX;

  struct Frame {
    std::uint64_t address;  // within the instruction: of a caller, one less than where it returns to
    std::uint64_t offset;   // in the module's file
    std::uint32_t module;
  };

  // Everything else has a meaning only as far as these count.
  alignas(64) std::atomic<std::int32_t> pid{0};
  std::atomic<std::int32_t> signal{0};
  std::atomic<std::int32_t> code{0};
  std::atomic<std::uint32_t> frame_count{0};
  std::atomic<std::uint32_t> module_count{0};
  std::atomic<std::uint32_t> is_located{0};
  std::atomic<std::uint64_t> address{0};
  Frame frames[most_frames];
  char modules[most_modules][longest_path];
};

/// Before the next worker of that index starts.
void clear(CrashRecord& record);

/// Has this process, a worker, write there what it is ended by: SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, and SIGXCPU
/// if wanted. The calling thread gets a stack for it, so that an overflow of its own is told too.
void catch_crashes(CrashRecord& record, bool and_cpu_limit);

struct Crash {
  struct Frame {
    std::uint64_t address = 0;
    std::string file;  // empty: not known
    std::uint64_t offset = 0;
  };
  int signal = 0;
  int code = 0;  // si_code
  std::uint64_t address = 0;
  std::vector<Frame> frames;  // innermost first
};

/// What the worker with that pid, which has ended, left; nullopt if it was not hit by such a signal.
std::optional<Crash> read_crash(const CrashRecord& record, pid_t pid);

}  // namespace procyon::pool
