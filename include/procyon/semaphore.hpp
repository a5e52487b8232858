// Semaphore and BoundedSemaphore: at most so many at a time, over all processes.
//
//   mp::Semaphore licences(3);
//   mp::Process worker([](mp::Semaphore licences) {
//     const auto permit = licences.permit();      // goes back when it goes, and when this process is killed
//     ...
//   }, licences);
//
// There are two ways to take one. permit() belongs to the process that took it: whoever ends with one, in whatever way,
// has given it back. acquire() belongs to nobody, as in Python: another process may release() it, so the library cannot
// know what a dead process owed, and never takes it back. Prefer permit().
//
// A release() without an acquire() adds one to a Semaphore; to a BoundedSemaphore it is an error. Copies, and what
// arrives in another process, are the same semaphore. A free one is taken without a system call.
// Not for mutual exclusion (Lock, whose next owner is told of a death) or for counting things that are handed over
// (Queue).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"

namespace procyon {

namespace sync {

struct SemaphoreState;

inline constexpr arena::ObjectType semaphore_type{"Semaphore", 7};
inline constexpr arena::ObjectType bounded_semaphore_type{"BoundedSemaphore", 8};

}  // namespace sync

class Semaphore {
 public:
  using procyon_shared_object = void;

  /// One that was taken by permit(). Gives it back when it goes. For one thread at a time.
  class Permit {
   public:
    Permit(Permit&& other) noexcept
        : reference_(std::move(other.reference_)), slot_(other.slot_), holder_(other.holder_) {}
    Permit& operator=(Permit&& other) noexcept {
      release();
      reference_ = std::move(other.reference_);
      slot_ = other.slot_;
      holder_ = other.holder_;
      return *this;
    }
    ~Permit() { release(); }

    /// Gives it back now. Nothing happens if that was done, or in a forked child: the permit is its parent's.
    void release() noexcept;

   private:
    friend class Semaphore;
    Permit(arena::Reference reference, std::uint32_t slot, arena::ParticipantId holder)
        : reference_(std::move(reference)), slot_(slot), holder_(holder) {}
    arena::Reference reference_;
    std::uint32_t slot_;
    arena::ParticipantId holder_;
  };

  /// So many at a time. Throws std::invalid_argument unless 0 <= value <= 2^31 - 1, SessionError when shared memory is
  /// exhausted.
  explicit Semaphore(std::int64_t value = 1) : Semaphore(sync::semaphore_type, value) {}
  /// For the library: another reference to a semaphore.
  explicit Semaphore(arena::Reference reference) : Semaphore(std::move(reference), sync::semaphore_type) {}

  /// Takes one, waiting until there is one.
  void acquire() { acquire_until(os::Deadline::never()); }
  /// The same for at most `timeout` (zero or negative: does not wait); false if there was none in time.
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) {
    return acquire_until(os::Deadline::after(timeout));
  }
  /// Adds `count`, whoever took them. Throws std::logic_error, and adds none, if a BoundedSemaphore had more then than at
  /// first, or a Semaphore more than 2^31 - 1.
  void release(std::size_t count = 1);

  /// Takes one for this process, waiting until there is one. Throws std::runtime_error if more permits are out than the
  /// semaphore can keep book of: its first value, or 64 if that was less, and never more than 4096.
  [[nodiscard]] Permit permit() { return *permit_until(os::Deadline::never()); }
  /// The same for at most `timeout`; nothing if there was none in time.
  template <class Rep, class Period>
  [[nodiscard]] std::optional<Permit> permit(std::chrono::duration<Rep, Period> timeout) {
    return permit_until(os::Deadline::after(timeout));
  }

  /// How many could be taken at this moment. What dead processes held as permits has come back.
  [[nodiscard]] std::size_t get_value() const;
  /// Whether none could.
  [[nodiscard]] bool locked() const { return get_value() == 0; }

  // Lockable, so that std::unique_lock, std::scoped_lock and std::lock take it: acquire(), not permit().
  void lock() { acquire(); }
  [[nodiscard]] bool try_lock() { return acquire_until(os::Deadline::now()); }
  void unlock() { release(); }

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 protected:
  Semaphore(arena::ObjectType type, std::int64_t value);
  Semaphore(arena::Reference reference, arena::ObjectType type);

 private:
  bool acquire_until(os::Deadline deadline);
  std::optional<Permit> permit_until(os::Deadline deadline);
  template <class Take>
  bool take_until(os::Deadline deadline, Take take) const;

  arena::Reference reference_;
  sync::SemaphoreState* state_;
};

class BoundedSemaphore : public Semaphore {
 public:
  /// So many at a time, and never more.
  explicit BoundedSemaphore(std::int64_t value = 1) : Semaphore(sync::bounded_semaphore_type, value) {}
  /// For the library: another reference to a bounded semaphore.
  explicit BoundedSemaphore(arena::Reference reference)
      : Semaphore(std::move(reference), sync::bounded_semaphore_type) {}
};

}  // namespace procyon
