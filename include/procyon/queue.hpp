// Queue: first in, first out, between any number of processes.
//
//   mp::Queue<Job> jobs;                                  // or jobs(100): at most 100 waiting
//   mp::Process worker([](mp::Queue<Job> jobs) { while (auto job = jobs.try_get(1s)) run(*job); }, jobs);
//   worker.start();
//   jobs.put(Job{...});
//
// put() serialises in the caller, so what cannot be sent fails there and later changes to the object do not show; the
// message is published before put() returns, so empty() and get_nowait() never lie. There is no feeder thread and
// nothing to flush: a process may end right after put(). Messages of one producer arrive in its order, each is taken
// once, and one that was put before its producer was killed is there afterwards.
//
// A Queue object is a reference: copies, and what arrives in another process, are the same queue. It is free of cost to
// who does not use it: 4 KiB when empty; it grows with what lies in it and the memory goes back with the queue.
// put and get make no system call unless they must wait. All functions may be called from any thread.
// Not for one value that everybody reads (Value), or for bytes that another program must understand (Pipe).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

#include "procyon/detail/arena/type_detail.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/errors.hpp"

namespace procyon {

namespace channel {

template <class T>
inline constexpr arena::ObjectType queue_type{"Queue", 5, arena::type_detail<T>()};

[[noreturn]] void throw_queue_full(std::size_t maxsize);
[[noreturn]] void throw_queue_empty();
[[noreturn]] void throw_queue_closed();

}  // namespace channel

template <class T>
class Queue {
 public:
  using procyon_shared_object = void;
  using value_type = T;

  /// A new queue of at most `maxsize` messages; 0: as many as memory holds. Throws SessionError.
  explicit Queue(std::size_t maxsize = 0) : engine_(channel::queue_type<T>, maxsize) {
    wire::check_transferable<T>();
  }
  /// For the library: another reference to a queue.
  explicit Queue(arena::Reference reference) : engine_(std::move(reference), channel::queue_type<T>) {}

  /// Puts a message, waiting for room if the queue is bounded. Throws what serialising `item` throws, and SessionError
  /// when shared memory is exhausted; then nothing was put.
  void put(const T& item) { put_until(item, os::Deadline::never()); }
  /// The same, but throws Full if there is no room for `timeout`.
  template <class Rep, class Period>
  void put(const T& item, std::chrono::duration<Rep, Period> timeout) {
    put_until(item, os::Deadline::after(timeout));
  }
  void put_nowait(const T& item) { put_until(item, os::Deadline::now()); }

  /// Takes the next message, waiting for one. Throws DecodeError for a message that was not written as a T.
  [[nodiscard]] T get() { return *get_until(os::Deadline::never()); }
  /// The same, but throws Empty if none comes for `timeout`.
  template <class Rep, class Period>
  [[nodiscard]] T get(std::chrono::duration<Rep, Period> timeout) {
    return value_or_empty(get_until(os::Deadline::after(timeout)));
  }
  [[nodiscard]] T get_nowait() { return value_or_empty(get_until(os::Deadline::now())); }

  /// The next message, or nothing if there is none (for `timeout`).
  [[nodiscard]] std::optional<T> try_get() { return get_until(os::Deadline::now()); }
  template <class Rep, class Period>
  [[nodiscard]] std::optional<T> try_get(std::chrono::duration<Rep, Period> timeout) {
    return get_until(os::Deadline::after(timeout));
  }

  /// How many messages lie in it, exact at the moment of the call.
  [[nodiscard]] std::size_t qsize() const { return engine_.size(); }
  [[nodiscard]] bool empty() const { return engine_.size() == 0; }
  /// Whether put_nowait() would throw Full.
  [[nodiscard]] bool full() const { return engine_.maxsize() != 0 && engine_.size() >= engine_.maxsize(); }

  /// This object puts and gets no more (both throw std::logic_error); other references are not affected.
  void close() { closed_ = true; }

  [[nodiscard]] const arena::Reference& reference() const { return engine_.reference(); }

 private:
  void put_until(const T& item, os::Deadline deadline) {
    if (closed_) channel::throw_queue_closed();
    channel::Parcel parcel;
    wire::Writer writer(&parcel);
    wire::write(writer, item);
    if (!engine_.put(writer.bytes(), parcel, deadline)) channel::throw_queue_full(engine_.maxsize());
  }

  std::optional<T> get_until(os::Deadline deadline) {
    if (closed_) channel::throw_queue_closed();
    channel::ReceivedMessage message;
    if (!engine_.get(message, deadline)) return std::nullopt;
    channel::OpenedParcel parcel(message.references());
    wire::Reader reader(message.bytes(), &parcel);
    return wire::read<T>(reader);
  }

  static T value_or_empty(std::optional<T> value) {
    if (!value) channel::throw_queue_empty();
    return *std::move(value);
  }

  channel::QueueEngine engine_;
  bool closed_ = false;
};

}  // namespace procyon
