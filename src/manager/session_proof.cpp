#include "manager/session_proof.hpp"

#include <algorithm>
#include <vector>

#include "channel/net/mac.hpp"
#include "procyon/auth_key.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::manager {

Proof prove_session(Prover who, const Nonce& client, const Nonce& server) {
  Proof proof{};
  const arena::Session* const session = arena::Session::existing();
  if (session == nullptr) return proof;
  std::vector<std::byte> message{static_cast<std::byte>(who)};
  message.insert(message.end(), client.begin(), client.end());
  message.insert(message.end(), server.begin(), server.end());
  const channel::net::Mac mac(channel::net::Digest::sha256, AuthKey(session->secret()), message);
  std::copy(mac.bytes().begin(), mac.bytes().end(), proof.begin());
  return proof;
}

bool is_session_proof(std::span<const std::byte> proof, Prover who, const Nonce& client,
                      const Nonce& server) {
  if (arena::Session::existing() == nullptr) return false;
  return channel::net::equal(proof, prove_session(who, client, server));
}

}  // namespace procyon::manager
