// What a Connection knows of its other end if an address led to it (connection.hpp), and not a Pipe.
#pragma once

#include <cstddef>
#include <string>

namespace procyon::channel {

struct Remote {
  std::string peer;                                        // "tcp://10.0.0.7:41234"
  std::size_t max_message = static_cast<std::size_t>(-1);  // a longer one ends the connection
  bool carries_descriptors = false;                        // both ends are sockets of this machine
};

}  // namespace procyon::channel
