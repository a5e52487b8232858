// SemaphoreProxy and BoundedSemaphoreProxy: at most so many at a time, over all clients of a manager's server.
//
//   auto licences = manager.Semaphore(3);
//   const auto permit = licences.permit();        // goes back when it goes, and when this process ends, however
//
// As mp::Semaphore (semaphore.hpp): a permit belongs to the process that took it; what was taken by acquire() belongs to
// nobody and is never taken back. Who waits is served in the order of coming.
//
// A proxy is a reference: copies, and what arrives in another process, are the same semaphore. To be used by any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "procyon/detail/manager/calls.hpp"

namespace procyon {

/// The methods of a semaphore that are one call each and do not wait: at once in SemaphoreProxy, begun by async(), in a batch
/// by Batch::on() (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class How>
class SemaphoreCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  /// Adds `count`, whoever took them. Throws std::logic_error, and adds none, if a BoundedSemaphore had more then than at
  /// first, or a Semaphore more than 2^31 - 1.
  Result<void> release(std::size_t count = 1) const {
    return this->call("release(u64)", manager::ReadNothing{}, std::uint64_t{count});
  }
  /// How many could be taken at this moment.
  [[nodiscard]] Result<std::size_t> get_value() const {
    return this->call("value()->u64", manager::ReadSize{});
  }
  [[nodiscard]] Result<bool> locked() const { return this->call("value()->u64", manager::ReadIsZero{}); }
};

class SemaphoreProxy : public SemaphoreCalls<manager::AtOnce> {
 public:
  template <class How>
  using Calls = SemaphoreCalls<How>;
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Semaphore")); }

  /// One that was taken by permit(). Gives it back when it goes. For one thread at a time.
  class Permit {
   public:
    Permit(Permit&& other) noexcept : object_(std::exchange(other.object_, {})), process_(other.process_) {}
    Permit& operator=(Permit&& other) noexcept {
      release();
      object_ = std::exchange(other.object_, {});
      process_ = other.process_;
      return *this;
    }
    ~Permit() { release(); }

    /// Gives it back now. Nothing happens if that was done.
    void release() noexcept;

   private:
    friend class SemaphoreProxy;
    explicit Permit(manager::ObjectReference object);
    manager::ObjectReference object_;
    std::int64_t process_;  // a forked child has a copy of its parent's permit
  };

  /// For the library: a proxy of an object that is a semaphore.
  explicit SemaphoreProxy(manager::ObjectReference object)
      : SemaphoreCalls<manager::AtOnce>(std::move(object)) {}

  /// Takes one, waiting until there is one.
  void acquire() const { take(manager::WaitingTime::for_ever()); }
  /// The same for at most `timeout` (zero or negative: does not wait); false if there was none in time.
  template <class Rep, class Period>
  [[nodiscard]] bool acquire(std::chrono::duration<Rep, Period> timeout) const {
    return take(manager::WaitingTime::of(timeout));
  }
  /// release() and its kind, sent without waiting: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const { return Calls<manager::Begun>(object_reference()); }

  /// Takes one for this process, waiting until there is one.
  [[nodiscard]] Permit permit() const { return *take_permit(manager::WaitingTime::for_ever()); }
  /// The same for at most `timeout`; nothing if there was none in time.
  template <class Rep, class Period>
  [[nodiscard]] std::optional<Permit> permit(std::chrono::duration<Rep, Period> timeout) const {
    return take_permit(manager::WaitingTime::of(timeout));
  }

  // Lockable: acquire(), not permit().
  void lock() const { acquire(); }
  [[nodiscard]] bool try_lock() const { return take(manager::WaitingTime::none()); }
  /// Says nothing if the server is gone.
  void unlock() const;

 private:
  bool take(manager::WaitingTime time) const;
  std::optional<Permit> take_permit(manager::WaitingTime time) const;
};

class BoundedSemaphoreProxy : public SemaphoreProxy {
 public:
  static consteval auto procyon_type() {
    return manager::type_text(manager::signature::Text("BoundedSemaphore"));
  }
  using SemaphoreProxy::SemaphoreProxy;
};

}  // namespace procyon
