// Sockets that listen at an address or connect to one, without what is said through them.
//
//   ListeningSocket socket(parse_address("tcp://127.0.0.1:0"), 128);      // socket.address(): the port that it got
//   os::Descriptor connected = connect_socket(address, deadline);
//
// A path belongs to whoever listens at it. The process that made it removes it when it closes, if it is still its own; a
// guardian does when that process is killed (os/leftover.hpp). What is left all the same, by a program that has no
// guardian or whose guardian was killed too, is taken over: nobody accepts a connection through it. Looking and changing is
// one step among all who do this, because they lock the directory for it.
//
// WHAT A DEATH LEAVES, by its place in listening and closing:
//
//   the path is told, of no file    nothing. The guardian removes a socket there at which nobody listens, such as one that
//                                   this listener would have taken over itself
//   bound                           that socket, which nobody listens at: the guardian removes it
//   the path is told with its file  the same. From here on the guardian removes this very file and nobody else's, even
//   listening                       while a forked child holds a copy of the socket, which it may not use
//   the path of no file is forgotten
//   closed, then unlinked           nothing; the guardian looks for a file that is gone
//   forgotten                       nothing
//
// and a lock on the directory that the kernel drops. Only who binds a socket at the path without that lock, within the
// microseconds before the file is known and after a kill just there, and does not listen yet, would lose it.
//
// A file is told from the next one at its path by device, inode and time of birth. File systems give a number again as soon
// as it is free, so what is taken over is held (O_PATH) until its successor has another one.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "channel/net/address.hpp"
#include "os/leftover.hpp"
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
  void bind(const Address& address, const SocketAddress& where);
  void listen(const Address& address, int backlog);

  os::Descriptor socket_;
  std::string text_;
  bool tcp_;
  // Of a path: which file it is, and who made it.
  os::Leftover file_;
  pid_t creator_ = 0;
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
