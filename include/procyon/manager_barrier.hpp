// BarrierProxy: so many clients of a manager's server wait for one another, and go on together.
//
//   auto barrier = manager.Barrier(3);
//   barrier.wait();                           // until all three have come here: 0, 1 or 2, a different one in each
//
// As mp::Barrier (barrier.hpp): when one does not come in time, when the process of one that waits ends, when the action
// throws, or on abort(), the barrier is broken: everybody who waits, and who comes later, gets BrokenBarrier, until reset().
// The action is called by the last to arrive, in its process, before the others go on: a callable that may cross to another
// process, so all who wait are of one program then.
//
// A proxy is a reference: copies, and what arrives in another process, are the same barrier. To be used by any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "procyon/detail/manager/barrier_answer.hpp"
#include "procyon/detail/manager/standard_proxy.hpp"

namespace procyon {

class BarrierProxy : public manager::StandardProxy {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Barrier")); }

  /// For the library: a proxy of an object that is a Barrier.
  explicit BarrierProxy(manager::ObjectReference object) : StandardProxy(std::move(object)) {}

  /// Arrives, and waits for the others. Throws BrokenBarrier; in the last to arrive also what the action throws.
  std::size_t wait() const { return wait_in(std::nullopt); }
  /// The same for at most `timeout`: then the barrier is broken, for all.
  template <class Rep, class Period>
  std::size_t wait(std::chrono::duration<Rep, Period> timeout) const {
    return wait_in(manager::WaitingTime::of(timeout));
  }

  /// Makes it as new: those who wait get BrokenBarrier, who comes later waits for a full number.
  void reset() const { invoke("reset()"); }
  /// Breaks it.
  void abort() const { invoke("abort()"); }

  [[nodiscard]] std::size_t parties() const { return static_cast<std::size_t>(state().parties); }
  /// How many wait at this moment.
  [[nodiscard]] std::size_t n_waiting() const { return static_cast<std::size_t>(state().waiting); }
  [[nodiscard]] bool broken() const { return state().broken; }

 private:
  std::size_t wait_in(std::optional<manager::WaitingTime> time) const;
  [[nodiscard]] manager::BarrierState state() const {
    return invoke("state()->barrier_state").get<manager::BarrierState>();
  }
};

}  // namespace procyon
