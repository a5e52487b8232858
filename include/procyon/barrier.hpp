// Barrier: so many processes wait for one another, and go on together.
//
//   mp::Barrier barrier(3);
//   auto work = [](mp::Barrier barrier) {
//     first_half();
//     barrier.wait();                          // until all three have come here
//     second_half();
//   };
//
// wait() returns the number of the arrival, 0 to parties - 1, a different one in each: whoever has 0 may do what one has
// to do. An action given at construction is called by the last to arrive, in its process, before the others go on.
//
// When one does not come in time, when one is killed while it waits, when the action throws, or on abort(), the barrier
// is broken: everybody who waits, and who comes later, gets BrokenBarrier, until reset(). One that is killed before it
// arrives is nobody that the barrier knows: give a timeout where that may happen.
//
// Copies, and what arrives in another process, are the same barrier. Not for a start signal (Event), nor for waiting
// until work is done (Process::join, Pool::map).
#pragma once

#include <chrono>
#include <cstddef>

#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/sync/barrier_engine.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"

namespace procyon {

class Barrier {
 public:
  using procyon_shared_object = void;

  /// For so many parties. Throws std::invalid_argument unless 1 <= parties <= 65536, SessionError when shared memory is
  /// exhausted.
  explicit Barrier(std::size_t parties) : engine_(parties, -1) {}
  /// With an action: a callable that may cross to another process (see partial.hpp), without arguments.
  template <class Action>
  Barrier(std::size_t parties, const Action& action) : engine_(parties, -1) {
    encode_action(action);
  }
  /// `timeout` is for those who wait without one of their own.
  template <class Action, class Rep, class Period>
  Barrier(std::size_t parties, const Action& action, std::chrono::duration<Rep, Period> timeout)
      : engine_(parties, std::chrono::nanoseconds(timeout).count()) {
    encode_action(action);
  }
  /// For the library: another reference to a barrier.
  explicit Barrier(arena::Reference reference) : engine_(std::move(reference)) {}

  /// Arrives, and waits for the others. Throws BrokenBarrier; in the last to arrive also what the action throws.
  std::size_t wait() { return wait_until(engine_.default_deadline()); }
  /// The same for at most `timeout`: then the barrier is broken, for all.
  template <class Rep, class Period>
  std::size_t wait(std::chrono::duration<Rep, Period> timeout) {
    return wait_until(os::Deadline::after(timeout));
  }

  /// Makes it as new: those who wait get BrokenBarrier, who comes later waits for a full number.
  void reset() { engine_.reset(); }
  /// Breaks it.
  void abort() { engine_.abort(); }

  [[nodiscard]] std::size_t parties() const { return engine_.parties(); }
  /// How many wait at this moment.
  [[nodiscard]] std::size_t n_waiting() const { return engine_.waiting(); }
  [[nodiscard]] bool broken() const { return engine_.broken(); }

  [[nodiscard]] const arena::Reference& reference() const { return engine_.reference(); }

 private:
  template <class Action>
  void encode_action(const Action& action) {
    channel::Parcel parcel;
    wire::Writer writer(&parcel);
    wire::encode_procedure(writer, action);
    const std::size_t references = parcel.references().size();
    engine_.set_action(channel::store_in_block(writer.bytes(), parcel), writer.size(), references);
  }

  std::size_t wait_until(os::Deadline deadline) {
    return engine_.wait(deadline, [this] { run_action(); });
  }

  void run_action() const {
    const std::byte* const bytes = engine_.action();
    if (bytes == nullptr) return;
    channel::OpenedParcel parcel(
        channel::references_behind(bytes, engine_.action_size(), engine_.action_references()),
        channel::PinUse::copy);
    wire::Reader reader({bytes, engine_.action_size()}, &parcel);
    wire::invoke_call(reader);
  }

  sync::BarrierEngine engine_;
};

}  // namespace procyon
