// How much address space the session's memory reserves, and the mapping of it.
#pragma once

#include <cstdint>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::arena {

/// Bytes to reserve: PROCYON_ARENA_SIZE if set ("64M", "2G"); otherwise 64 GiB, at most RLIMIT_AS/4 and RLIMIT_FSIZE, and
/// 4 GiB under valgrind. A whole number of units. Throws SessionError for a size that cannot hold a session.
std::uint64_t reservation_size();

/// Maps `bytes` of `memory`, left out of core dumps (a dump of the hole would delay the visibility of a death by
/// seconds). Null with errno.
void* map_reservation(const os::Descriptor& memory, std::uint64_t bytes);

/// Parses "4096", "64K", "512M", "8G". Throws std::invalid_argument naming `what`.
std::uint64_t parse_size(const char* text, const char* what);

}  // namespace procyon::arena
