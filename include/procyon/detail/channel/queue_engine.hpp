// The queue that moves bytes; Queue<T> gives them a type. Format, recovery and memory order: src/channel/queue_format.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/os/deadline.hpp"

namespace procyon::channel {

struct QueueState;
struct Segment;

/// A message that was taken from a queue: its bytes, wherever they lie, and what travelled with it.
class ReceivedMessage {
 public:
  ReceivedMessage() = default;
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

  std::span<const std::byte> bytes_;
  std::span<const TravellingReference> references_;
  arena::Handle block_;
  std::unique_ptr<std::byte[]> heap_;
  std::array<std::byte, inline_size>
      inline_;  // uninitialised on purpose: clearing it would cost more than a message
};

class QueueEngine {
 public:
  QueueEngine(arena::ObjectType type, std::size_t maxsize);
  QueueEngine(arena::Reference reference, arena::ObjectType type);

  /// Puts a message; `parcel` is spent if that succeeds. False if there was no room in time.
  bool put(std::span<const std::byte> message, Parcel& parcel, os::Deadline deadline);
  /// Takes the next message. False if there was none in time.
  bool get(ReceivedMessage& message, os::Deadline deadline);

  /// Messages that were put and not taken: exact at the moment of the call.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t maxsize() const;

  [[nodiscard]] const arena::Reference& reference() const { return reference_; }

 private:
  enum class Attempt : std::uint8_t { done, must_wait, ring_is_full, not_in_time };

  Attempt try_put(std::span<const std::byte> message, Parcel& parcel, os::Deadline deadline, bool may_grow);
  Attempt try_get(ReceivedMessage& message, os::Deadline deadline);
  bool wait_for_room(os::Deadline deadline) const;
  bool wait_for_message(os::Deadline deadline) const;

  arena::Reference reference_;
  QueueState* state_;
};

}  // namespace procyon::channel
