// Options of mp::connection::Listener and Client (connection.hpp), in the order in which they are written.
//
//   mp::connection::Listener listener("tcp://0.0.0.0:6000", {.authkey = key, .handshake_timeout = 5s});
//   auto connection = mp::connection::Client("tcp://host:6000", {.authkey = key, .timeout = 3s});
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "procyon/auth_key.hpp"

namespace procyon::connection {

/// CPython's handshake comes in two generations. The modern one (3.12 and later) names the digest, SHA-256 unless told
/// otherwise; the old one (up to 3.11) is HMAC-MD5 without a name. A Python of either generation can answer a modern
/// challenge, in its own way.
enum class Generation {
  any,     // challenges in the modern way, takes answers of both, and answers as it is asked
  modern,  // HMAC-MD5 is refused, on both sides
  legacy,  // challenges as the old one: for programs that expect exactly its 20 bytes
};

/// Authorities whose certificates this machine trusts anyway.
inline const std::filesystem::path system_authorities = "system:";

/// TLS over TCP, version 1.2 or later. It is used as soon as one of the paths is set. All files are in the format PEM.
struct Tls {
  /// What this side shows: its certificate, followed by those that lead to an authority. A Listener must have one.
  std::filesystem::path certificate{};
  /// The private key of `certificate`; may lie in the same file. One with a password is refused.
  std::filesystem::path key{};
  /// Whose signature the other side's certificate must have: a file of certificates, or system_authorities. A Client must
  /// have them unless `verify_peer` is off; a Listener that has them demands a certificate of every client.
  std::filesystem::path authorities{};
  /// Off: nobody's certificate is looked at. What is sent is encrypted, for whoever is at the other end.
  bool verify_peer = true;
  /// Of a Client: the name in the listener's certificate, if it is not the host in the address.
  std::string host_name{};
  /// Called by a thread of the library's when a connection breaks, instead of being closed by one of its sides, with a
  /// sentence why: recv() only says that nothing more comes. Also when the other side ended without the goodbye that TLS
  /// has for this: it was killed, or somebody cut the connection, and what it sent last may be missing; some libraries say
  /// none ever (Python's ssl, without unwrap()). Must not throw, nor wait.
  std::function<void(const std::string& sentence)> on_broken{};

  [[nodiscard]] bool enabled() const {
    return !certificate.empty() || !key.empty() || !authorities.empty() || !verify_peer;
  }
};

/// Of TCP connections.
struct TcpOptions {
  /// A message goes out at once, however small (TCP_NODELAY).
  bool no_delay = true;
  /// After so long without a sign of life the other machine is taken for gone, and whoever waits for it is told: a cut
  /// cable and a lost power say nothing by themselves. Rounded to seconds, at least 1; 0: never.
  std::chrono::nanoseconds lost_after = std::chrono::seconds(60);
};

/// A connection that a Listener has dropped before anybody had to do with it.
struct Rejected {
  std::string peer;    // as Listener::last_accepted()
  std::string reason;  // "it does not have the key"
};

struct ListenerOptions {
  /// Whoever connects must have it, and is shown that we do. None: everybody is let in.
  std::optional<AuthKey> authkey{};
  /// Connections that wait in the kernel until accept() comes to them.
  int backlog = 128;
  /// What one may take from its coming to the end of its handshakes; then it is dropped.
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(20);
  /// So many may be in their handshakes at a time. One more, and the oldest of them is dropped.
  std::size_t max_pending = 256;
  /// A longer message ends the connection that it comes through (std::system_error, EMSGSIZE). Before the handshake is
  /// over the limit is 256 bytes, always.
  std::size_t max_message = static_cast<std::size_t>(-1);
  Generation generation = Generation::any;
  /// Of a unix: address: processes of other users may connect, too.
  bool other_users = false;
  TcpOptions tcp{};
  Tls tls{};
  /// Called for each connection that is dropped, by the thread that is in accept(). Must not throw.
  std::function<void(const Rejected&)> on_rejected{};
};

struct ClientOptions {
  std::optional<AuthKey> authkey{};
  /// What finding the host, connecting and all handshakes may take together.
  std::chrono::nanoseconds timeout = std::chrono::seconds(20);
  std::size_t max_message = static_cast<std::size_t>(-1);
  Generation generation = Generation::any;
  /// Of a unix: address: the listener may be another user's.
  bool other_users = false;
  TcpOptions tcp{};
  Tls tls{};
};

}  // namespace procyon::connection
