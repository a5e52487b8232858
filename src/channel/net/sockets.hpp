// Sockets that listen at an address or connect to one, without what is said through them.
//
//   ListeningSocket socket(parse_address("tcp://127.0.0.1:0"), 128);      // socket.address(): the port that it got
//   os::Descriptor connected = connect_socket(address, deadline);
//
// A path belongs to whoever listens at it. What a dead program has left there is taken over: nobody accepts a connection
// through it. Looking and taking is one step among all who do this, because they lock the directory for it. The path is
// removed by the process that made it, when it closes, if it is still its own.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "channel/net/address.hpp"
#include "procyon/connection_options.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

class ListeningSocket {
 public:
  /// Throws std::system_error: EADDRINUSE when another listens there.
  ListeningSocket(const Address& address, int backlog);
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  ~ListeningSocket() { close(); }

  [[nodiscard]] int get() const { return socket_.get(); }
  /// Where others reach it, with the port that port 0 has come to.
  [[nodiscard]] const std::string& address() const { return text_; }
  [[nodiscard]] bool is_tcp() const { return tcp_; }
  void close() noexcept;

 private:
  void listen_at_path(const Address& address, const SocketAddress& where, int backlog);
  void listen(const Address& address, const SocketAddress& where, int backlog);

  os::Descriptor socket_;
  std::string text_;
  bool tcp_;
  // Of a path: who made it, and which file it is.
  std::string path_;
  pid_t creator_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// A connection to whatever listens at an address, each of the host's in turn. Throws std::system_error and TimeoutError.
os::Descriptor connect_socket(const Address& address, os::Deadline deadline);

/// Throws std::system_error.
void set_tcp_options(const os::Descriptor& socket, const connection::TcpOptions& options);

/// Who is at the other end of a local socket; nothing of a TCP one.
std::optional<ucred> local_peer(const os::Descriptor& socket);
/// Whether that is this process's user or root.
bool is_trusted_user(const ucred& peer);

/// Who is at the other end: "tcp://10.0.0.7:41234", or of a local socket "unix: process 4711 of user 1000".
std::string peer_text(const os::Descriptor& socket);

}  // namespace procyon::channel::net
