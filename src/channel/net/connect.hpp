// The client's side: a connection to a listener, with all handshakes done.
//
//   Connected connected = connect(parse_address("tcp://host:6000"), {.authkey = key}, os::Deadline::after(5s));
#pragma once

#include <optional>
#include <string>

#include "channel/net/address.hpp"
#include "procyon/connection_options.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

struct Connected {
  os::Descriptor socket;
  bool is_local;  // a unix: address: open files can travel through it
};

/// `options.timeout` is not looked at: `deadline` is. Throws AuthenticationError, TimeoutError, EndOfFile when the other side
/// closed the connection before all was done, and std::system_error; each names the address.
Connected connect(const Address& address, const connection::ClientOptions& options, os::Deadline deadline);

}  // namespace procyon::channel::net
