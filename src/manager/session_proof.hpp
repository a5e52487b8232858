// The proof that a client and a server are of one session, without saying the secret: both know it from the session's
// memory, where it lies since the session was made. A server that somebody else runs, with the right key, cannot make a
// client use handles of objects that are not there, and a client cannot have a server of another session run functions.
#pragma once

#include <span>

#include "manager/protocol.hpp"

namespace procyon::manager {

enum class Prover : unsigned char { server = 's', client = 'c' };

/// Zeros if this process has no session.
Proof prove_session(Prover who, const Nonce& client, const Nonce& server);

/// Whether `proof` is what another process of this session would say. Takes as long whatever the bytes are.
bool is_session_proof(std::span<const std::byte> proof, Prover who, const Nonce& client, const Nonce& server);

}  // namespace procyon::manager
