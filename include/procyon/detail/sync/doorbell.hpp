// Doorbells: how a thread sleeps on many objects at once.
//
//   waiter:  seen = own_bell_word().load();                        // a futex word of the session
//            for (object : objects) object.attention |= own_bell();
//            if (none is ready) futex_wait(own_bell_word(), seen);
//   other:   publish;  if (object.attention != 0) [[unlikely]] { bells = exchange(0); ring(bells); }
//
// FORMAT. The session has 16 bells, futex words in the arena's header. A process listens to one of them, that of its
// participant slot modulo 16. An object that can be waited for has a word of attention (Sleepers, the word of an
// Event), whose lower half is the object's own affair; each bit of the upper half asks for one bell to be rung at the next
// change. Who changes the object looks at that word anyway, for sleepers: the fast path is one load, as before.
//
// WHO WRITES WHAT WHEN. A waiter sets its bit by one atomic operation, at any time. Who has changed the object takes all
// bits by one exchange and rings: bell += 1 and a wake of all who sleep on it. A bit is used up by one ring: who wants to
// be told again sets it again. Several threads of a process, and processes that share a bell, are all woken; each looks.
//
// WHAT A DEATH LEAVES. Of a waiter: a bit for nobody, which costs one futile ring (nobody is counted). Of a ringer between
// its commit and the ring: waiters who are not told, and look by themselves at the end of their slice (os::wait_slice).
//
// MEMORY ORDER. The waiter sets its bit (seq_cst) and then looks; the other side commits, does an atomic
// read-modify-write or a fence, and then loads the word (sync/sleep.hpp): a Dekker pair, so one of them sees the other.
// An object that is changed under a BiasedWord has no such step: its arm() ends with fence_for_sleepers().
// The bell is read before the bits are set, so a ring between look and sleep ends the sleep.
#pragma once

#include <cstdint>

#include "procyon/detail/os/futex.hpp"

namespace procyon::sync {

inline constexpr std::uint32_t first_bell_bit = 16;
inline constexpr std::uint32_t bell_bits = ~((1u << first_bell_bit) - 1);

/// The bit of this process's bell. Joins the session if this process has not.
std::uint32_t own_bell();
/// The bell itself.
os::FutexWord& own_bell_word();

/// Rings the bells whose bits are set.
void ring(std::uint32_t bells);

}  // namespace procyon::sync
