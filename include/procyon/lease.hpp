// Lease: a message that comes back if its consumer does not finish it.
//
//   while (auto job = jobs.try_get_lease(1s)) {
//     run(job->value());
//     job->acknowledge();                // finished: the message goes for ever
//   }                                    // not acknowledged: another consumer gets it
//
// While the lease lasts nobody else has the message. When the process that holds it dies, however, the message is given to
// whoever asks next, within a tenth of a second; so is one whose lease goes without acknowledge(), as when run() throws. So
// a message may be worked on more than once: deliveries() tells, and a consumer that meets the third delivery of a message
// may well suspect that it kills whoever touches it.
// Movable; one thread at a time. A copy of it in a child made by the user's own fork() does nothing.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>

#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon {

template <class T>
class Lease {
 public:
  /// For the library. Throws DecodeError for a message that was not written as a T; it is then acknowledged, as nobody
  /// else could read it either.
  Lease(channel::QueueEngine engine, const channel::LeasedMessage& message)
      : engine_(std::move(engine)), message_(message), value_(decode()) {}
  Lease(Lease&& other) noexcept
      : engine_(std::move(other.engine_)),
        message_(other.message_),
        open_(std::exchange(other.open_, false)),
        value_(std::move(other.value_)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      give_back();
      engine_ = other.engine_;
      message_ = other.message_;
      open_ = std::exchange(other.open_, false);
      value_ = std::move(other.value_);
    }
    return *this;
  }
  ~Lease() { give_back(); }

  [[nodiscard]] T& value() { return value_; }
  [[nodiscard]] const T& value() const { return value_; }
  [[nodiscard]] T& operator*() { return value_; }
  [[nodiscard]] T* operator->() { return &value_; }

  /// How often it was given to somebody, this time included.
  [[nodiscard]] std::size_t deliveries() const { return message_.deliveries; }

  /// The message is finished; of a JoinableQueue, as by task_done(). Throws std::logic_error if the lease is over.
  void acknowledge() {
    if (!open_ || !engine_.acknowledge(message_))
      throw std::logic_error(
          "procyon: this lease is over: it was acknowledged, given back or moved from, or belongs to another "
          "process");
    open_ = false;
  }
  /// The message goes to whoever asks next. Nothing happens if the lease is over.
  void give_back() noexcept {
    if (std::exchange(open_, false)) engine_.give_back(message_);
  }

 private:
  T decode() {
    channel::OpenedParcel parcel(message_.references, channel::PinUse::copy);
    wire::Reader reader(message_.bytes, &parcel);
    try {
      return wire::read<T>(reader);
    } catch (...) {
      engine_.acknowledge(message_);
      throw;
    }
  }

  channel::QueueEngine engine_;
  channel::LeasedMessage message_;
  bool open_ = true;
  T value_;
};

}  // namespace procyon
