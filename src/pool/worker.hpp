// What a worker process does: it claims tasks, runs their items and appends the results.
#pragma once

#include <cstdint>

#include "pool/task_ring.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::pool {

/// A pool as it crosses to its workers.
class PoolShare {
 public:
  using procyon_shared_object = void;
  explicit PoolShare(arena::Reference reference) : reference_(std::move(reference)) {}
  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  arena::Reference reference_;
};

/// The target of a worker's process: initialises, and runs tasks until the pool stops.
void worker_main(PoolShare share, std::uint32_t index);

/// Runs the items of a claimed task, and completes it.
void run_task(arena::Session& session, PoolState& pool, arena::Handle pool_handle, std::uint32_t worker,
              const Claim& claim);

}  // namespace procyon::pool
