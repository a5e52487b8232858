// Takes connections at an address and gives out those that have proved that they have the key. Nothing here waits: one
// descriptor, which may be nested in another epoll, says when there is something to do.
//
//   Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), {.authkey = key});
//   wait_readable(acceptor.fileno());
//   while (std::optional<Accepted> one = acceptor.step()) serve(std::move(one->socket), one->peer);
//
// Who connects costs nobody else time: handshakes go on beside each other, each with a deadline of its own (a timer in the
// same epoll). So many at a time and no more: when one too many comes, the oldest is dropped, so that a crowd that says
// nothing does not keep out one who does. What is dropped is told to ListenerOptions::on_rejected. A process without free
// descriptors drops the oldest, then looks again every tenth of a second.
//
// One thread at a time, in the process that made it: an epoll is shared with forked children, who must not use this.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "channel/net/address.hpp"
#include "channel/net/authentication.hpp"
#include "channel/net/sockets.hpp"
#include "procyon/connection_options.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

class TlsContext;

/// A connection whose handshakes are over.
struct Accepted {
  os::Descriptor socket;  // a stream socket; of TLS, one whose other end the relay has (tls_relay.hpp)
  std::string peer;       // "tcp://10.0.0.7:41234", "unix: process 4711 of user 1000"
  std::optional<ucred> credentials;  // of a unix: address: who connected
  /// Whether open files can travel through it: both ends are on this machine.
  [[nodiscard]] bool is_local() const { return credentials.has_value(); }
};

class Acceptor {
 public:
  /// Throws std::system_error, and std::invalid_argument for options that do not go together.
  Acceptor(const Address& address, connection::ListenerOptions options);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  /// Does what there is to do, until a connection is ready or nothing is left to do without waiting. (Or until it has done
  /// much: then fileno() is readable still.)
  std::optional<Accepted> step();

  /// Readable when step() has something to do. It stays this object's.
  [[nodiscard]] int fileno() const { return epoll_.get(); }
  [[nodiscard]] const std::string& address() const { return listening_.address(); }
  [[nodiscard]] const connection::ListenerOptions& options() const { return options_; }
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  /// How many connections have been dropped.
  [[nodiscard]] std::uint64_t rejected() const { return rejected_; }

  /// Nobody calls step() until resume(): the time does not count against those who connect. For those who do not watch
  /// fileno() all the time.
  void pause();
  void resume();

 private:
  struct Pending {
    Authentication authentication;
    os::Deadline deadline;
    std::string peer;
    std::optional<ucred> credentials;
    std::uint32_t events;  // that the epoll watches for
  };
  using PendingMap = std::map<std::uint64_t, Pending>;  // by number, so the oldest first

  std::optional<Accepted> take_one();
  std::optional<Accepted> advance(PendingMap::iterator one);
  void watch(PendingMap::iterator one, Authentication::State state);
  void stop_watching(Pending& pending);
  void drop(PendingMap::iterator one, const std::string& reason);
  void reject(const std::string& peer, const std::string& reason);
  void drop_late_ones();
  void rest_for_want_of_descriptors();
  void set_timer();
  void watch_listening(bool on);

  connection::ListenerOptions options_;
  ListeningSocket listening_;
  std::shared_ptr<TlsContext> tls_;
  os::Descriptor epoll_;
  os::Descriptor timer_;
  PendingMap pending_;
  std::uint64_t next_number_;
  std::uint64_t rejected_ = 0;
  std::optional<os::Deadline> rest_;       // until which nobody is accepted
  std::optional<std::int64_t> paused_at_;  // nanoseconds on the monotonic clock
  pid_t creator_;
};

}  // namespace procyon::channel::net
