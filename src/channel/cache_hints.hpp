// Asking for cache lines before they are needed. Hints only: any address will do, and nothing depends on them but time.
#pragma once

namespace procyon::channel {

/// The line comes as the caller's own, so that a store to it need not wait for the processor that had it last.
inline void prefetch_for_writing(const void* address) {
#if defined(__x86_64__)
  // Compilers make a prefetch for reading of __builtin_prefetch(address, 1) unless they may use newer instructions, and
  // a line that is shared must be asked for once more to be written. This one is a no-operation where it is unknown.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

inline void prefetch_for_reading(const void* address) { __builtin_prefetch(address, 0); }

}  // namespace procyon::channel
