// The key (and what TLS needs) of a server that a process was told, for other processes of its session: they connect with it
// when they are given a proxy.
//
//   arena::Reference credentials = store_credentials(options);       // an object of the session's memory
//   connection::ClientOptions options = read_credentials(credentials);
//
// It never leaves the session: a proxy that is sent elsewhere goes without. Whoever can read the session's memory could read
// the key in the process that has it, too. Never changed once it is made.
#pragma once

#include "procyon/connection_options.hpp"
#include "procyon/detail/arena/reference.hpp"

namespace procyon::manager {

/// Throws SessionError.
arena::Reference store_credentials(const connection::ClientOptions& options);

/// Throws std::logic_error if it is another object, wire::DecodeError.
connection::ClientOptions read_credentials(const arena::Reference& credentials);

}  // namespace procyon::manager
