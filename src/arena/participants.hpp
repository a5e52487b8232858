// Joining and leaving a session, and asking who of it is alive.
//
// A slot's life: free -> (the process takes the slot's record lock) -> id and pid written -> alive -> ... -> free, by
// the participant itself (leave) or by whoever recovers it. Only the holder of the record lock writes a slot that is
// free; only a recoverer, under the arena's lock, writes one that is alive and whose record lock is gone.
// A death between lock and `alive` leaves a free slot.
#pragma once

#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::arena {

/// True while that participant lives (itself included). A session that does not exist has no living participants.
bool is_alive(ParticipantId id);

/// Makes a page that fork() wipes and lets `identity` point at it. Called once by the session's maker.
void create_identity_page();

ParticipantId join(Session& session, const os::Descriptor& liveness);
bool is_alive(const Session& session, const os::Descriptor& liveness, ParticipantId id);
void leave(Session& session, const os::Descriptor& liveness);
void recover(Session& session, const os::Descriptor& liveness, ParticipantId dead);
void recover_everybody(Session& session, const os::Descriptor& liveness);

/// The participant that this process is, or none.
inline ParticipantId current_participant() {
  return ParticipantId::from_bits(
      identity.load(std::memory_order_relaxed)->participant.load(std::memory_order_relaxed));
}

}  // namespace procyon::arena
