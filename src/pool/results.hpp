// The result area of a task slot: the worker appends, the master reads. Format: pool_format.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pool/pool_format.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/channel/parcel.hpp"

namespace procyon::pool {

/// Appends the results of one taken task. Of the worker that took it.
class ResultWriter {
 public:
  ResultWriter(arena::Session& session, TaskSlot& slot, arena::Handle pool)
      : session_(session), slot_(slot), pool_(pool), area_(slot.result, inline_result_bytes) {}

  /// One encoded outcome; its references then belong to the pool until the master takes them. It counts only when the
  /// item is finished (slot.progress). Throws SessionError when shared memory is exhausted; then nothing was appended.
  void append(std::span<const std::byte> outcome, channel::Parcel& parcel);

  /// A run of up to `values` bare values of this size, the last thing in the area until it is closed. Each counts when its
  /// item is finished. Returns where they go. Throws as append().
  std::byte* open_run(std::size_t size, std::uint32_t values);
  /// The run ends after this many values.
  void close_run(std::uint32_t values);

 private:
  void grow(std::size_t bytes_needed);

  arena::Session& session_;
  TaskSlot& slot_;
  arena::Handle pool_;
  std::span<std::byte> area_;
  std::size_t used_ = 0;
};

/// Reads results in order, as many as are finished. Of the master, once the task is done or settled.
class ResultReader {
 public:
  ResultReader(arena::Session& session, TaskSlot& slot);

  struct Result {
    std::span<const std::byte> bytes;  // an encoded outcome, or bare values one behind the other
    std::span<const channel::TravellingReference> references;
    std::uint32_t values;  // 0: it is one encoded outcome
  };
  /// The next outcome, or as many bare values as come next, at most `items_left`.
  Result next(std::uint32_t items_left = 1);

 private:
  std::span<const std::byte> area_;
  std::size_t position_ = 0;
};

/// Master: frees the result blocks, the noted one too, wherever a worker stopped.
void free_results(arena::Session& session, TaskSlot& slot, arena::Handle pool);

}  // namespace procyon::pool
