// Descriptors that wait to be fetched: how a Connection travels through a queue or a pool.
//
//   arena::Reference ticket = park(descriptor);            // sender: keeps a duplicate; the ticket travels in the message
//   int descriptor = fetch_parked(ticket);                 // receiver: asks the sender for it
//
// A descriptor cannot lie in shared memory. So the sender keeps a duplicate of it in a list of its own, and what travels is
// a counted object, the ticket, that says who has it. The receiver connects to that process, names the ticket, and is
// given the descriptor by SCM_RIGHTS.
//
// TICKET. Written once, before it is published: the participant that has the descriptor, and a random number that names
// its socket, an abstract address of AF_UNIX, which goes with the process. Nothing in it changes.
//
// WHO WRITES WHAT WHEN, and what a death leaves
//   park     1. the duplicate is entered into the list   2. the ticket is pinned by the message
//   fetch    connects, sends the ticket's handle, receives the descriptor; then drops the ticket and closes the connection
//   sweep    the library's thread closes every duplicate whose ticket is gone: after each fetch, and every os::wait_slice
//            while there are any. So a message that nobody takes keeps the descriptor open as long as it exists itself.
//   the sender's death, or its end     the duplicate goes with it: fetch throws PeerGone, which says so, within a slice,
//            also if a child of the sender's has inherited its socket. What was sent is promised while its sender lives,
//            no longer: there is nobody else who could have the descriptor.
//   the receiver's death               the ticket's pin goes with it, as any; the sender sees the end of the connection
//   a stopped sender                   fetch gives up after fetch_limit
// A ticket may be fetched more than once (a task that runs again): each time a duplicate.
//
// Only processes of this user and root are answered (SO_PEERCRED), and only for handles of tickets that exist, which carry
// generations. In another network namespace the address is not found: that is an error like the sender's end.
#pragma once

#include <chrono>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel {

/// How long a receiver waits for a sender that lives and does not answer.
inline constexpr std::chrono::seconds fetch_limit{10};

/// Keeps a duplicate of `descriptor` for whoever comes with the ticket. Throws std::system_error, SessionError.
arena::Reference park(int descriptor);

/// A duplicate of what was parked; the ticket is given up. Throws PeerGone if the sender has ended, std::logic_error if
/// this is no ticket, TimeoutError, std::system_error.
os::Descriptor fetch_parked(arena::Reference ticket);

}  // namespace procyon::channel
