// Connections between programs, on one machine or several: mp::connection::Listener waits at an address for those who
// call mp::connection::Client with it.
//
//   mp::connection::Listener listener("tcp://127.0.0.1:6000", {.authkey = mp::AuthKey("open sesame")});
//   mp::Connection connection = listener.accept();
//   connection.send_bytes("hello");
//
//   auto connection = mp::connection::Client("tcp://127.0.0.1:6000", {.authkey = mp::AuthKey("open sesame")});
//   std::vector<std::byte> hello = connection.recv_bytes();
//
// The other program may be Python: handshake and framing are those of multiprocessing.connection, of every Python 3. What
// both understand are bytes: send_bytes() and recv_bytes(). send() and recv<T>() are for two processes of the SAME BUILD on
// machines of one kind: values go in the memory layout of that build, and a message of another type is an error. Shared
// objects (Queue, Lock, Value, ...) never travel so; Connections and open files do between unix: addresses.
//
// ADDRESSES
//   unix:/path           a file, made by the Listener, removed when it is closed and, by a guardian process, when its
//                        process ends in any other way. What is left even so is taken over
//   unix:@name           Linux's abstract names: no file, nothing to leave behind
//   none at all          one of the latter that nobody can guess (128 random bits): for whoever is told address()
//   tcp://host:port      tcp://[::1]:port for numbers of IPv6; port 0 takes a free one, see address()
//
// WHO GETS IN. With an authkey: who has it, and the client knows that the listener has it too. Without one: everybody who
// can reach the address, on TCP the whole network; do so only where that is meant. A unix: address lets in only processes of
// this user (or root) unless .other_users is set. The handshake protects only itself: who can change what goes over the
// network can take over the connection after it. Against those there is TLS (.tls, connection_options.hpp). docs/connections.md
// says what each of them is worth.
//
// Every wait has a limit, or can be given one. A client that is slow, silent, hostile or without the key costs others
// nothing; it is dropped, and told to .on_rejected. A peer whose machine is gone is noticed after .tcp.lost_after.
// Not for processes of one program: a Pipe needs no address, and carries everything.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "procyon/connection_options.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/pipe.hpp"

namespace procyon::connection {

namespace detail {
class ListenerState;
}

/// Thread-safe. A copy is the same listener. It belongs to the process that made it: in a forked child, accept() is a
/// std::logic_error, and close() leaves the address to the parent.
class Listener {
 public:
  /// At an address that nobody can guess.
  explicit Listener(ListenerOptions options = {});
  /// Throws std::invalid_argument for what is no address and for options that do not go together; std::system_error when it
  /// cannot listen there (EADDRINUSE: another one does); std::runtime_error for certificates that cannot be used.
  explicit Listener(std::string_view address, ListenerOptions options = {});

  /// The next connection whose handshake has succeeded. Others are dropped, and told to .on_rejected. Throws
  /// std::logic_error once closed, also by another thread meanwhile (within 0.1 s).
  [[nodiscard]] Connection accept() { return accept_until(os::Deadline::never()); }
  /// The same, but throws TimeoutError after `timeout`. Handshakes that are under way go on with the next call; their time
  /// stands still between calls.
  template <class Rep, class Period>
  [[nodiscard]] Connection accept(std::chrono::duration<Rep, Period> timeout) {
    return accept_until(os::Deadline::after(timeout));
  }

  /// Where a Client reaches it, with the port that port 0 has become.
  [[nodiscard]] const std::string& address() const;
  /// Who came last through accept(): "tcp://10.0.0.7:41234", "unix: process 4711 of user 1000". Empty before the first.
  [[nodiscard]] std::string last_accepted() const;
  /// How many connections have been dropped.
  [[nodiscard]] std::uint64_t rejected() const;

  /// No connection is accepted any more; those that were are not touched. Removes the file of a unix: address. Nothing
  /// happens if it is closed.
  void close();
  [[nodiscard]] bool closed() const;

  /// Readable when accept() has something to do; whether a connection comes of it is not certain yet, so give it a
  /// time-out. It stays this object's. Throws std::logic_error once closed.
  [[nodiscard]] int fileno() const;
  /// For wait().
  [[nodiscard]] sync::WaitTarget wait_target() const;

 private:
  Connection accept_until(os::Deadline deadline);
  [[nodiscard]] detail::ListenerState& state() const;

  std::shared_ptr<detail::ListenerState> state_;
};

/// Connects to a Listener, ours or Python's. Throws AuthenticationError when one side does not have the other's key, or
/// certificate; TimeoutError after `options.timeout`; EndOfFile when the listener closes the connection during the handshake;
/// std::system_error when nobody listens there or the host is not known; std::invalid_argument for what is no address. Each
/// names the address.
[[nodiscard]] Connection Client(std::string_view address, const ClientOptions& options = {});

}  // namespace procyon::connection
