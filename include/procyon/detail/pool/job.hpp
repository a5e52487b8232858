// A job: one call of the user's (an apply, a map), as the pool's engine sees it: a number of items, each of which ends once.
//
// The engine delivers encoded outcomes or errors; the typed job (typed_job.hpp) decodes and keeps them. deliver() and
// fail() are called under the engine's mutex, by whichever thread collects; they must not call the pool.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/pool/chunk_sizer.hpp"
#include "procyon/detail/wire/reader.hpp"

namespace procyon::pool {

/// What may happen to the items of a job besides running once.
struct JobRules {
  bool can_be_ended = false;  // by Engine::end_job()
  std::uint32_t retries = 0;  // how often an item may run again whose worker was lost in it
  // How often one may be given to another worker whose worker ended before it began.
  std::uint32_t start_retries = 8;
};

class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  /// Written before the first item is submitted.
  JobRules rules;

  /// The encoded outcome of an item. May throw; then the item fails with what it threw.
  virtual void deliver(std::size_t item, wire::Reader& outcome) = 0;
  /// The values of items [first, first + count), one behind the other. May throw in the same way.
  virtual void deliver_values(std::size_t first, std::size_t count, std::span<const std::byte> values) = 0;
  virtual void fail(std::size_t item, std::exception_ptr error) = 0;
  /// The outcome of an item that was computed in this process: `outcome` is an Outcome<R> of the job's R, to be moved from.
  virtual void put_outcome(std::size_t item, void* outcome) = 0;
  /// "task 17 of map(parse)", for errors.
  [[nodiscard]] virtual std::string describe(std::size_t item) const = 0;

  /// Items that were submitted and have not ended, and one more while items are still being submitted, if somebody wants to
  /// be told of the end (Engine::open()). Written under the engine's mutex.
  std::atomic<std::size_t> pending{0};

 private:
  friend class Ledger;
  friend class Engine;
  // All under the mutex. What is looked at for each task comes first: it shares a line of memory with `pending`.
  std::atomic<std::size_t> tasks_{0};  // that the ledger has in slots
  std::exception_ptr ended_with_;      // Engine::end_job()
  bool is_listened_to_ = false;        // when_ended_ is not empty
  std::shared_ptr<Job> self_;          // while the ledger knows a task of it
  // Called once, under the mutex, when nothing is pending any more: short, and without a call of the pool.
  std::vector<std::function<void()>> when_ended_;
  os::Deadline deadline_ = os::Deadline::never();
  std::exception_ptr deadline_error_;

  std::size_t input_bytes_ = 0;  // of the items that are in slots

 public:
  /// How the items are cut into tasks. Under the engine's mutex, once the first item is submitted.
  ChunkSizer chunks;
  /// Bytes of the items that are given out and have not ended. Under the engine's mutex.
  [[nodiscard]] std::size_t input_bytes() const { return input_bytes_; }
};

}  // namespace procyon::pool
