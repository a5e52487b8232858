// The barrier without its action's type; Barrier gives it one. Format and recovery: src/sync/barrier_format.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"

namespace procyon::sync {

struct BarrierState;

inline constexpr arena::ObjectType barrier_type{"Barrier", 10};

class BarrierEngine {
 public:
  /// `timeout` in nanoseconds, for waits that name none; negative: none. Throws std::invalid_argument unless
  /// 1 <= parties <= 65536.
  BarrierEngine(std::size_t parties, std::int64_t timeout);
  explicit BarrierEngine(arena::Reference reference);

  /// The block becomes the barrier's. Before anybody else has the barrier.
  void set_action(arena::Handle block, std::size_t size, std::size_t references);
  /// Null if there is none; else the bytes, behind which, at a multiple of 8, the references lie.
  [[nodiscard]] const std::byte* action() const;
  [[nodiscard]] std::size_t action_size() const;
  [[nodiscard]] std::size_t action_references() const;

  /// Arrives, and waits for the others; the last one calls `action` first. Returns the number of the arrival, from 0.
  /// Throws BrokenBarrier, and what the action throws.
  std::size_t wait(os::Deadline deadline, const std::function<void()>& action) const;
  [[nodiscard]] os::Deadline default_deadline() const;

  void reset() const;
  void abort() const;
  [[nodiscard]] std::size_t parties() const;
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] bool broken() const;

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  struct Arrival {
    std::uint32_t generation;
    std::uint32_t index;
  };
  [[nodiscard]] Arrival arrive(os::Deadline deadline) const;
  void pass(const Arrival& arrival, os::Deadline deadline, const std::function<void()>& action) const;
  void wait_for_the_others(const Arrival& arrival, os::Deadline deadline) const;
  bool break_if_somebody_died(std::uint32_t generation) const;
  void break_generation(std::uint32_t generation) const;

  arena::Reference reference_;
  BarrierState* state_;
};

}  // namespace procyon::sync
