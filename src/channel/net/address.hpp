// Addresses of listeners, as text and as the system's own.
//
//   unix:/run/app.sock      a path; at most 107 characters
//   unix:@name              an abstract name: no file, gone with its owner; the machine's (its network namespace's)
//   tcp://host:port         a name or a number of IPv4
//   tcp://[::1]:port        a number of IPv6
//
//   const Address address = parse_address("tcp://localhost:6000");       // looks nothing up
//   for (const SocketAddress& one : resolve(address, deadline)) ...
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::channel::net {

struct Address {
  enum class Kind { path, abstract, tcp };

  std::string text;  // as it was given
  Kind kind = Kind::path;
  std::string name;  // the path, the abstract name, or the host
  std::string port;  // of tcp: digits

  [[nodiscard]] bool is_tcp() const { return kind == Kind::tcp; }
};

/// Throws std::invalid_argument with a sentence that says what an address looks like.
Address parse_address(std::string_view text);

/// An abstract one that nobody can guess: for whoever is told it. Throws std::system_error.
Address private_address();

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

/// At least one. Throws std::system_error when the host is not known, TimeoutError when nobody said so in time.
std::vector<SocketAddress> resolve(const Address& address, os::Deadline deadline);

/// As parse_address() takes it: "tcp://[::1]:6000".
std::string text_of(const SocketAddress& address);

}  // namespace procyon::channel::net
