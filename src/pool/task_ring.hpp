// Giving out tasks and claiming them: the ready half of pool_format.hpp.
#pragma once

#include <cstdint>
#include <optional>

#include "pool/pool_format.hpp"

namespace procyon::pool {

/// Master: makes a filled slot ready under the next ticket and wakes a worker. False, and nothing changed, if the ring's
/// entry is still needed by a ticket that nobody has claimed.
bool publish(PoolState& pool, std::uint32_t slot);

struct Claim {
  std::uint32_t slot;
  std::uint64_t ticket;
};

/// Worker: takes the next ready task. Lock-free; nothing if there is none.
std::optional<Claim> claim(PoolState& pool, std::uint32_t worker);

/// Whether a ticket has been published that nobody has claimed; a hint for those who wait.
bool may_have_task(const PoolState& pool);

/// Worker: the results are written, the task is the master's again; wakes it.
void complete(PoolState& pool, std::uint32_t worker, const Claim& claim);

}  // namespace procyon::pool
