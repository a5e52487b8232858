// What a worker process does: it claims tasks, runs their items and appends the results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "os/signals.hpp"
#include "pool/task_ring.hpp"
#include "procyon/descriptor.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/wire/call.hpp"

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

/// The target of a worker's process: initialises, and runs tasks with these signals blocked until the pool stops. Its stderr
/// is `standard_error`, if there is one.
void worker_main(PoolShare share, std::uint32_t index, os::SignalBits blocked,
                 std::vector<Descriptor> standard_error);

/// The callable of the last task: the next task often has the same.
class CallableCache {
 public:
  /// The callable with this number, decoded from `bytes` unless it is here. Throws what decoding it throws. A number of 0
  /// means that calls change the callable, so that each task needs its own.
  wire::DecodedCallable& decode(std::uint64_t number, wire::Reader& bytes);

 private:
  std::uint64_t number_ = 0;
  std::optional<wire::DecodedCallable> callable_;
};

/// Runs the initializer, if there is one. An error of it is left in the worker's slot for the master: false.
bool initialize(arena::Session& session, PoolState& pool, const arena::Reference& reference, WorkerSlot& me);

/// Runs the items of a claimed task, and completes it.
void run_task(arena::Session& session, PoolState& pool, arena::Handle pool_handle, std::uint32_t worker,
              const Claim& claim, CallableCache& cache);

}  // namespace procyon::pool
