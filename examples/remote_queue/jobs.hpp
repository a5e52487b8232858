// What the three programs agree on.
#pragma once

#include <cstdint>
#include <vector>

#include <procyon/manager.hpp>

namespace mp = procyon;

struct Factors {
  std::uint64_t number = 0;
  std::vector<std::uint64_t> primes;
};

using Jobs = mp::JoinableQueueProxy<std::uint64_t>;
using Results = mp::QueueProxy<Factors>;

/// Who has this may use the queues. A real one is not in the source.
inline mp::AuthKey shared_key() { return mp::AuthKey("abracadabra"); }
