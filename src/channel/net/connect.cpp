#include "channel/net/connect.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <utility>

#include "channel/net/authentication.hpp"
#include "channel/net/sockets.hpp"
#include "channel/net/tls_context.hpp"
#include "os/error.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel::net {

namespace {

using State = Authentication::State;

void check_user(const os::Descriptor& socket, const Address& address) {
  const auto peer = local_peer(socket);
  if (!peer || is_trusted_user(*peer)) return;
  throw AuthenticationError(
      fmt::format("procyon: connecting to {}: who listens there is another user's (process {} of user {}), "
                  "and .other_users is not set",
                  address.text, peer->pid, peer->uid));
}

[[noreturn]] void throw_late(const Address& address, const Authentication& authentication) {
  throw TimeoutError(
      fmt::format("procyon: connecting to {}: the time for it is over, and {}; a listener without a key "
                  "sends no challenge, and one "
                  "that nobody calls accept() of answers nothing",
                  address.text, authentication.stage()));
}

void wait_for(const Authentication& authentication, State state, os::Deadline deadline,
              const Address& address) {
  for (;;) {
    if (deadline.expired()) throw_late(address, authentication);
    pollfd entry{authentication.descriptor(),
                 static_cast<short>(state == State::wants_read ? POLLIN : POLLOUT), 0};
    const int ready = ::poll(&entry, 1, deadline.slice(os::wait_slice).poll_timeout());
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) os::throw_system_error("procyon: waiting for a listener (poll)");
  }
}

os::Descriptor authenticate(Authentication authentication, const Address& address, os::Deadline deadline) {
  for (;;) {
    const State state = authentication.advance();
    const auto sentence = [&] {
      return fmt::format("procyon: connecting to {}: {}", address.text, authentication.reason());
    };
    switch (state) {
      case State::done:
        return authentication.finish();
      case State::refused:
        throw AuthenticationError(sentence());
      case State::ended:
        throw EndOfFile(sentence());
      case State::failed:
        os::throw_system_error(sentence(), authentication.error());
      case State::wants_read:
      case State::wants_write:
        wait_for(authentication, state, deadline, address);
    }
  }
}

}  // namespace

Connected connect(const Address& address, const connection::ClientOptions& options, os::Deadline deadline) {
  std::shared_ptr<TlsContext> tls;
  if (options.tls.enabled()) {
    if (!address.is_tcp())
      throw std::invalid_argument(fmt::format(
          "procyon: TLS is for tcp:// addresses; nobody else sees what goes through {}", address.text));
    tls = TlsContext::of_client(options.tls, address.name);
  }
  os::Descriptor socket = connect_socket(address, deadline);
  if (address.is_tcp())
    set_tcp_options(socket, options.tcp);
  else if (!options.other_users)
    check_user(socket, address);
  std::unique_ptr<Stream> stream;
  if (tls)
    stream = tls->connect(std::move(socket));
  else
    stream = std::make_unique<PlainStream>(std::move(socket));
  return {authenticate(Authentication(std::move(stream), options.authkey, Handshake::Role::connector,
                                      options.generation),
                       address, deadline),
          !address.is_tcp()};
}

}  // namespace procyon::channel::net
