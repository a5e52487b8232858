// The objects that this process has pinned: one LocalObject, and one pin, for all its References to one object.
//
// Process-local. After fork() the child has a copy of it that speaks of its parent's pins: each entry says whose its
// pin is, and the child pins anew what it inherited when it joins the session (repin_after_fork). The mutex is held
// across fork (pthread_atfork), so that the copy is whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "arena/pins.hpp"
#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::arena {

class LocalObject {
 public:
  Handle handle;
  std::atomic<std::uint32_t> uses;
  ParticipantId pinned_by;  // under the mutex
  PinNumber pin;            // under the mutex
};

/// Guards the registry and joining. Never taken while the arena's lock is held; a thread that takes it has joined.
std::mutex& local_mutex();

/// With the mutex held: what this process has pinned under `handle`, or null.
LocalObject* find_local(Handle handle);
LocalObject* insert_local(Handle handle, ParticipantId pinned_by, PinNumber pin);

/// With the mutex held and the session just joined: gives this process pins of its own for what it inherited.
void repin_after_fork(Session& session);
/// With the mutex held: the session is left, the pins are gone.
void forget_pins();

/// Blocks that this process owns, as far as it knows: lets an orderly end skip the search for them when there are none.
std::atomic<std::int64_t>& owned_blocks();

}  // namespace procyon::arena
