// A number that nobody can guess.
#pragma once

#include <cstdint>
#include <span>

#include "channel/net/mac.hpp"

namespace procyon::manager {

/// Never 0. Throws std::system_error.
inline std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) channel::net::fill_with_random(std::as_writable_bytes(std::span(&number, 1)));
  return number;
}

}  // namespace procyon::manager
