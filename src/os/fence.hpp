// A memory barrier in every other processor at once, so that those who do something often need none.
//
//   often:   mine.store(1, relaxed); atomic_signal_fence(seq_cst); if (theirs.load(relaxed)) ...    // no barrier
//   seldom:  theirs.store(1, relaxed); if (!os::fence_everybody()) ...; if (mine.load(acquire)) ...
//
// One of the two sees the other's store, as if both had a barrier between store and load. It works for threads of every
// process that has called accept_fences(), through membarrier(2), and costs the caller some 1.5 us and each of the others
// that runs at that time an interrupt. An exec ends it for a process, and who made a fork need not know: the child accepts
// for itself.
#pragma once

namespace procyon::os {

/// True if fences of others reach this process from now on. False where there is no membarrier(2): an old kernel, a
/// seccomp filter, and under ThreadSanitizer, which does not know it.
bool accept_fences();

/// On return every thread of a process that accepts fences has passed a full barrier since the call. False if it could
/// not be done.
bool fence_everybody();

}  // namespace procyon::os
