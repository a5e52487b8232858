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
// once, and one that was put before its producer was killed is there afterwards. What a consumer had taken when it was
// killed is lost with it: lost() says how much. Where it must not be, take it by get_lease().
//
// A Queue object is a reference: copies, and what arrives in another process, are the same queue. It is free of cost to
// who does not use it: 4 KiB when empty; it grows with what lies in it and the memory goes back with the queue.
// put and get make no system call unless they must wait. All functions may be called from any thread.
// Not for one value that everybody reads (Value), or for bytes that another program must understand (Pipe). For work
// whose end somebody waits for: JoinableQueue.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/arena/type_detail.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/errors.hpp"
#include "procyon/lease.hpp"
#include "procyon/message_view.hpp"
#include "procyon/queue_options.hpp"

namespace procyon {

namespace channel {

template <class T>
inline constexpr arena::ObjectType queue_type{"Queue", 5, arena::type_detail<T>()};

[[noreturn]] void throw_queue_full(const QueueOptions& options);
[[noreturn]] void throw_queue_empty();
[[noreturn]] void throw_queue_closed();
/// Whether a message came. Throws PeerGone if nobody is left who could put one.
bool has_come(Got got);

}  // namespace channel

template <class T>
class Queue {
 public:
  using procyon_shared_object = void;
  using value_type = T;

  /// A new queue of at most `maxsize` messages; 0: as many as memory holds. Throws SessionError.
  explicit Queue(std::size_t maxsize = 0) : Queue(QueueOptions{.maxsize = maxsize}) {}
  explicit Queue(const QueueOptions& options) : Queue(options, channel::QueueEngine::Kind::plain) {}
  /// For the library: another reference to a queue.
  explicit Queue(arena::Reference reference) : engine_(std::move(reference), channel::queue_type<T>) {}

  // Putting -----------------------------------------------------------------------------------------------------

  /// Puts a message, waiting for room if the queue is bounded. Throws what serialising `item` throws, SessionError when
  /// shared memory is exhausted, and std::length_error if it is larger than max_bytes; then nothing was put.
  void put(const T& item) { put_until(item, os::Deadline::never()); }
  /// The same, but throws Full if there is no room for `timeout`.
  template <class Rep, class Period>
  void put(const T& item, std::chrono::duration<Rep, Period> timeout) {
    put_until(item, os::Deadline::after(timeout));
  }
  void put_nowait(const T& item) { put_until(item, os::Deadline::now()); }

  /// Puts each of `items`, in order: what one put() costs is paid once for many. Small messages that find room together
  /// lie together in the queue.
  template <std::ranges::input_range Items>
  void put_many(Items&& items) {
    put_many_until(items, os::Deadline::never());
  }
  /// The same for at most `timeout`; returns how many were put.
  template <std::ranges::input_range Items, class Rep, class Period>
  std::size_t put_many(Items&& items, std::chrono::duration<Rep, Period> timeout) {
    return put_many_until(items, os::Deadline::after(timeout));
  }

  // Taking ------------------------------------------------------------------------------------------------------

  /// Takes the next message, waiting for one. Throws DecodeError for a message that was not written as a T, and PeerGone
  /// as QueueOptions::end_with_producers says, as all of these.
  [[nodiscard]] T get() { return get_until(os::Deadline::never()).value(); }
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

  /// Waits for a message and takes it with those behind it that are there already, `most` at most.
  [[nodiscard]] std::vector<T> get_many(std::size_t most) {
    return get_many_until(most, os::Deadline::never());
  }
  /// The same; nothing if none comes for `timeout`.
  template <class Rep, class Period>
  [[nodiscard]] std::vector<T> get_many(std::size_t most, std::chrono::duration<Rep, Period> timeout) {
    return get_many_until(most, os::Deadline::after(timeout));
  }

  /// Takes the next message and leaves it where it lies: message_view.hpp.
  [[nodiscard]] MessageView<T> get_view() { return get_view_until(os::Deadline::never()).value(); }
  template <class Rep, class Period>
  [[nodiscard]] std::optional<MessageView<T>> try_get_view(std::chrono::duration<Rep, Period> timeout) {
    return get_view_until(os::Deadline::after(timeout));
  }

  /// Takes the next message on lease: it is given to another if this process dies before it acknowledges it (lease.hpp).
  [[nodiscard]] Lease<T> get_lease() { return get_lease_until(os::Deadline::never()).value(); }
  template <class Rep, class Period>
  [[nodiscard]] std::optional<Lease<T>> try_get_lease(std::chrono::duration<Rep, Period> timeout) {
    return get_lease_until(os::Deadline::after(timeout));
  }

  // Looking -----------------------------------------------------------------------------------------------------

  /// How many messages lie in it, exact at the moment of the call. Those on lease do not.
  [[nodiscard]] std::size_t qsize() const { return engine_.size(); }
  [[nodiscard]] bool empty() const { return engine_.size() == 0; }
  /// Whether put_nowait() would throw Full.
  [[nodiscard]] bool full() const {
    const QueueOptions options = engine_.options();
    return (options.maxsize != 0 && engine_.size() >= options.maxsize) ||
           (options.max_bytes != 0 && engine_.is_full(1));
  }
  [[nodiscard]] QueueOptions options() const { return engine_.options(); }
  /// What was taken by processes that were killed in get(), and, of a JoinableQueue, what they had not finished.
  [[nodiscard]] std::vector<LostMessages> lost() const { return engine_.lost(); }

  /// For event loops (poll, epoll, asio): a descriptor of this process that is readable when there may be messages. Then
  /// call try_get() until it gives nothing, which makes it unreadable again; another consumer may have been faster. It
  /// stays the queue's: nothing is read from it, and it is open as long as this object or a copy made since. In a
  /// forked child ask again. The first call starts a library thread; a put() to a queue that is watched costs a system call
  /// for each time that it was found empty. Throws std::system_error.
  [[nodiscard]] int fileno() const { return engine_.fileno(); }
  /// For wait(): ready while get() would not wait.
  [[nodiscard]] sync::WaitTarget wait_target() const { return engine_.wait_target(); }

  /// This object puts and gets no more (both throw std::logic_error); other references are not affected, nor is a call that
  /// waits already. If the queue ends
  /// with its producers, this process is none any more.
  void close() {
    if (!std::atomic_ref<bool>(closed_).exchange(true)) engine_.leave_producers();
  }

  [[nodiscard]] const arena::Reference& reference() const { return engine_.reference(); }

 protected:
  Queue(const QueueOptions& options, channel::QueueEngine::Kind kind)
      : engine_(channel::queue_type<T>, options, kind) {
    wire::check_transferable<T>();
  }
  [[nodiscard]] const channel::QueueEngine& engine() const { return engine_; }

 private:
  // What such a T is serialised to lies in memory already: no need to copy it to and fro.
  static constexpr bool is_its_bytes = wire::bitwise<T> && std::is_trivially_default_constructible_v<T>;

  void check_open() const {
    if (std::atomic_ref<bool>(const_cast<bool&>(closed_)).load(std::memory_order_relaxed))
      channel::throw_queue_closed();
  }

  void put_until(const T& item, os::Deadline deadline) {
    check_open();
    channel::Parcel parcel;
    if constexpr (is_its_bytes) {
      if (!engine_.put(std::as_bytes(std::span(&item, 1)), parcel, deadline))
        channel::throw_queue_full(engine_.options());
    } else {
      wire::Writer writer(&parcel);
      wire::write(writer, item);
      if (!engine_.put(writer.bytes(), parcel, deadline)) channel::throw_queue_full(engine_.options());
    }
  }

  template <class Items>
  std::size_t put_many_until(Items& items, os::Deadline deadline) {
    check_open();
    channel::MessageBatch batch;
    std::size_t put = 0;
    const auto flush = [&] {
      const std::size_t done = engine_.put_many(batch, deadline);
      put += done;
      const bool all = done == batch.size();
      batch.clear();
      return all;
    };
    for (const T& item : items) {
      channel::Parcel parcel;
      wire::Writer writer(&parcel);
      wire::write(writer, item);
      if (parcel.empty() && writer.size() <= channel::MessageBatch::largest_message) {
        batch.add(writer.bytes());
        if (batch.is_enough() && !flush()) return put;
      } else {
        if (!flush() || !engine_.put(writer.bytes(), parcel, deadline)) return put;
        ++put;
      }
    }
    flush();
    return put;
  }

  static T decode(std::span<const std::byte> bytes,
                  std::span<const channel::TravellingReference> references = {}) {
    channel::OpenedParcel parcel(references);
    wire::Reader reader(bytes, &parcel);
    return wire::read<T>(reader);
  }

  std::optional<T> get_until(os::Deadline deadline) {
    check_open();
    if constexpr (is_its_bytes) {
      std::optional<T> value(std::in_place);
      const auto target = std::as_writable_bytes(std::span(&*value, 1));
      channel::ReceivedMessage message(target);
      if (!channel::has_come(engine_.get(message, deadline))) return std::nullopt;
      if (message.bytes().data() != target.data()) value = decode(message.bytes());
      return value;
    } else {
      channel::ReceivedMessage message;
      if (!channel::has_come(engine_.get(message, deadline))) return std::nullopt;
      return decode(message.bytes(), message.references());
    }
  }

  std::vector<T> get_many_until(std::size_t most, os::Deadline deadline) {
    check_open();
    std::vector<T> items;
    while (items.size() < most) {
      channel::MessageBatch batch;
      channel::ReceivedMessage single;
      const channel::Got got = engine_.get_many(batch, single, most - items.size(), deadline);
      // What was taken is given out; that nobody is left is told by the next call.
      if (got != channel::Got::message && !items.empty()) break;
      if (!channel::has_come(got)) break;
      for (std::size_t index = 0; index < batch.size(); ++index)
        items.push_back(decode(batch.message(index)));
      if (batch.size() == 0) items.push_back(decode(single.bytes(), single.references()));
      deadline = os::Deadline::now();
    }
    return items;
  }

  std::optional<MessageView<T>> get_view_until(os::Deadline deadline) {
    check_open();
    auto message = std::make_unique<channel::ReceivedMessage>();
    if (!channel::has_come(engine_.get(*message, deadline))) return std::nullopt;
    return MessageView<T>(std::move(message));
  }

  std::optional<Lease<T>> get_lease_until(os::Deadline deadline) {
    check_open();
    channel::LeasedMessage message;
    if (!channel::has_come(engine_.get_lease(message, deadline))) return std::nullopt;
    return Lease<T>(engine_, message);
  }

  static T value_or_empty(std::optional<T> value) {
    if (!value) channel::throw_queue_empty();
    return *std::move(value);
  }

  channel::QueueEngine engine_;
  alignas(std::atomic_ref<bool>::required_alignment) bool closed_ = false;
};

}  // namespace procyon
