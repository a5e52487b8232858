// The relay: a thread of the library's, one for each process that uses TLS, which moves bytes between TLS connections and
// local sockets. What is behind a Connection is then an ordinary socket: it can be polled, waited for and handed to another
// process, and readable means that there are bytes, which of a socket with TLS on it is not so.
//
//   os::Descriptor end = relay_tls(std::move(stream));      // of a pair; the relay has the other one
//
// Why so, and not TLS within Connection or in the kernel: docs/design/010-tls.md.
//
// - A side that does not read stops the other one: the relay holds at most 16 KiB for each direction.
// - The end of one direction is the end of that direction at the other side. A connection that breaks closes both.
// - Bytes in the relay are lost with the process, if it is killed. At an end in order they are sent first, within 5 s.
// - A forked child has no relay, and closes what it has copied of its parent's: else whoever holds an end would not be told
//   when the parent dies.
#pragma once

#include <memory>

#include "channel/net/tls_stream.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

/// The stream is open. Throws std::system_error. Any thread may call it.
os::Descriptor relay_tls(std::unique_ptr<TlsStream> stream);

}  // namespace procyon::channel::net
