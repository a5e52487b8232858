// The queue that moves bytes; Queue<T> gives them a type. Format, recovery and memory order: src/channel/queue_format.hpp.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/detail/sync/watch.hpp"
#include "procyon/queue_options.hpp"

namespace procyon {

/// Messages that a process had taken from a queue when it was killed.
struct LostMessages {
  pid_t pid;  // 0: of several processes
  std::size_t count;
};

}  // namespace procyon

namespace procyon::channel {

struct ConsumerEntry;
struct LeaseEntry;
struct QueueState;
struct QueueView;

/// A message that was taken from a queue: its bytes, wherever they lie, and what travelled with it.
class ReceivedMessage {
 public:
  ReceivedMessage() = default;
  /// A small message of just this size is put into `target` instead of into this object.
  explicit ReceivedMessage(std::span<std::byte> target) : target_(target) {}
  ReceivedMessage(const ReceivedMessage&) = delete;
  ReceivedMessage& operator=(const ReceivedMessage&) = delete;
  ~ReceivedMessage();

  /// In place for a large message; until this object goes.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::span<const TravellingReference> references() const { return references_; }

 private:
  friend class QueueEngine;
  static constexpr std::size_t inline_size = 512;

  std::byte* make_room(std::size_t size);

  std::span<std::byte> target_;
  std::span<const std::byte> bytes_;
  std::span<const TravellingReference> references_;
  arena::Handle block_;
  std::unique_ptr<std::byte[]> heap_;
  // Uninitialised on purpose: clearing it would cost more than a message.
  alignas(std::max_align_t) std::array<std::byte, inline_size> inline_;
};

/// Small messages, one behind the other: for putting and taking many at a time.
class MessageBatch {
 public:
  static constexpr std::size_t largest_message = 4096;
  static constexpr std::size_t enough_bytes = 32 << 10;

  void add(std::span<const std::byte> message) {
    bytes_.insert(bytes_.end(), message.begin(), message.end());
    ends_.push_back(bytes_.size());
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] bool is_enough() const { return bytes_.size() >= enough_bytes; }
  [[nodiscard]] std::span<const std::byte> message(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::span(bytes_).subspan(begin, ends_[index] - begin);
  }
  void clear() {
    bytes_.clear();
    ends_.clear();
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
};

/// A message on lease, in place. It is the queue's; who holds it acknowledges it or gives it back.
struct LeasedMessage {
  LeaseEntry* entry = nullptr;
  std::uint32_t holder = 0;  // participant
  std::uint32_t deliveries = 0;
  std::span<const std::byte> bytes;
  std::span<const TravellingReference> references;
};

/// What waiting for a message came to.
enum class Got : std::uint8_t { message, nothing_in_time, no_producers };

class QueueEngine {
 public:
  enum class Kind : std::uint8_t { plain, counts_tasks };

  QueueEngine(arena::ObjectType type, const QueueOptions& options, Kind kind = Kind::plain);
  QueueEngine(arena::Reference reference, arena::ObjectType type);

  /// Puts a message; `parcel` is spent if that succeeds. False if there was no room in time. Throws std::length_error for
  /// a message that can never fit.
  bool put(std::span<const std::byte> message, Parcel& parcel, os::Deadline deadline);
  /// Puts the messages in order, together as far as there is room; returns how many were put in time.
  std::size_t put_many(const MessageBatch& messages, os::Deadline deadline);

  /// Takes the next message.
  Got get(ReceivedMessage& message, os::Deadline deadline);
  /// Takes small messages, up to `most`, or one that is not small, which is then in `single`.
  Got get_many(MessageBatch& messages, ReceivedMessage& single, std::size_t most, os::Deadline deadline);

  /// Takes the next message on lease.
  Got get_lease(LeasedMessage& message, os::Deadline deadline);
  /// Finishes it. False if it is not this process's any more (a child made by the user's fork()).
  bool acknowledge(const LeasedMessage& message) const;
  /// Gives it to whoever asks next.
  void give_back(const LeasedMessage& message) const noexcept;

  /// This process produces no more, if it is named as a producer.
  void leave_producers() const;

  /// One of the messages that were taken is finished. Throws std::logic_error if none is out.
  void task_done() const;
  /// Waits until all that was put is finished: true, false if not in time. Throws OwnerDied for those that a dead consumer
  /// had taken.
  bool join(os::Deadline deadline) const;
  /// What died with its taker.
  [[nodiscard]] std::vector<LostMessages> lost() const;

  /// Messages that were put and not taken: exact at the moment of the call.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] QueueOptions options() const;
  [[nodiscard]] bool counts_tasks() const;
  /// Whether a put() of `bytes` would have to wait, at this moment.
  [[nodiscard]] bool is_full(std::size_t bytes = 0) const;

  /// For wait(): ready while there is a message, or nobody is left who could put one.
  [[nodiscard]] sync::WaitTarget wait_target() const;
  /// An eventfd of this process that is readable when wait_target() may be ready (sync/watch.hpp).
  [[nodiscard]] int fileno() const;

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  class Waited;
  enum class Attempt : std::uint8_t { done, must_wait, ring_is_full, not_in_time };

  Attempt try_put(std::span<const std::byte> message, Parcel& parcel, os::Deadline deadline, bool may_grow);
  Attempt put_locked(const QueueView& queue, std::span<const std::byte> message, Parcel& parcel,
                     bool may_grow);
  bool wait_for_room(std::size_t bytes, os::Deadline deadline) const;
  void refuse_too_large(std::size_t bytes) const;

  template <class Try>
  Got take_when_there(Try try_take, os::Deadline deadline);
  Attempt try_get(ReceivedMessage& message, os::Deadline deadline);
  Attempt try_get_many(MessageBatch& messages, ReceivedMessage& single, std::size_t most,
                       os::Deadline deadline);
  Attempt try_lease(LeasedMessage& message, os::Deadline deadline);
  bool wait_for_message(os::Deadline deadline) const;
  void take_block(const QueueView& queue, arena::Handle block, std::size_t size, std::size_t pins,
                  ReceivedMessage& message);
  bool take_returned(const QueueView& queue, ReceivedMessage& message);
  LeaseEntry* find_returned(const QueueView& queue);
  bool producers_are_gone() const;
  void claim_task(const QueueView& queue, std::uint32_t count);
  [[noreturn]] void throw_lost(std::uint32_t count) const;
  void finish_tasks_of_the_dead() const;

  arena::Reference reference_;
  QueueState* state_;
  // What this process has found out about itself, under the queue's locks; a forked child finds out anew.
  std::uint32_t producer_ = 0;  // participant that is registered
  ConsumerEntry* consumer_ = nullptr;
  mutable sync::WatchSlot watch_;
};

}  // namespace procyon::channel
