// What wait() waits for.
//
//   class Ringing final : public sync::Waitable {
//     bool ready() override { return state_.has_message(); }
//     void arm(std::uint32_t bell) override { state_.sleepers.fetch_or(bell, std::memory_order_seq_cst); }
//   };
//   sync::WaitTarget wait_target() const;            // a class that has it can be given to wait()
//
// Either it has a descriptor, which poll(2) finds readable when it is ready; or it lies in shared memory, says itself
// whether it is ready, and can be told to ring a bell when that may change (doorbell.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::sync {

/// Owns what it needs: a library thread may look at it when the waiter has gone on.
class Waitable {
 public:
  Waitable() = default;
  Waitable(const Waitable&) = delete;
  Waitable& operator=(const Waitable&) = delete;
  virtual ~Waitable() = default;

  /// -1: it is an object of shared memory, and the next two count.
  [[nodiscard]] virtual int descriptor() const { return -1; }
  /// Looks, with acquire order or stronger. From any thread.
  [[nodiscard]] virtual bool ready() { return false; }
  /// Asks for these bells to be rung at the next change, by one sequentially consistent operation. From any thread.
  virtual void arm(std::uint32_t /*bells*/) {}
  /// Called by the waiter about every os::wait_slice: throws if waiting has become senseless.
  virtual void check() {}
};

/// Something to wait for, and what tells it from others.
struct WaitTarget {
  enum class Kind : std::uint8_t { descriptor, connection, object, result };
  struct Identity {
    Kind kind;
    std::uint64_t number;
    friend bool operator==(const Identity&, const Identity&) = default;
  };

  std::shared_ptr<Waitable> waitable;
  Identity identity;
};

/// A descriptor that belongs to somebody else.
WaitTarget wait_target_of(int descriptor);

/// The indices of those that are ready, at once or when the first becomes so; none if the deadline passed, or if there is
/// nothing to wait for. Throws what check() throws, and std::system_error (EBADF) for a descriptor that is not open.
std::vector<std::size_t> wait_for_any(std::span<const WaitTarget> targets, os::Deadline deadline);

}  // namespace procyon::sync
