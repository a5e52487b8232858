// The framing of messages on a stream, that of CPython's multiprocessing.connection:
//
//   int32 length, then the message                      lengths up to 0x7fffffff
//   int32 -1, uint64 length, then the message           longer ones
//
// both numbers in big-endian order.
//
//   IncomingMessage incoming;
//   while (!incoming.complete()) incoming.arrived(read(fd, incoming.room()));
//   std::vector<std::byte> message = incoming.take();
//
// Memory is taken in steps as bytes arrive, never because a length was claimed. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace procyon::channel {

/// What stands before a message of some length.
class FramePrefix {
 public:
  static constexpr std::size_t longest = 12;

  explicit FramePrefix(std::uint64_t length);
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, longest> bytes_{};
  std::size_t size_;
};

class IncomingMessage {
 public:
  /// The most memory that is taken for a message of which nothing has come but its length.
  static constexpr std::size_t first_step = std::size_t{1} << 20;

  /// Where the next bytes of the stream go. Empty once complete. Throws std::bad_alloc; then nothing has changed.
  [[nodiscard]] std::span<std::byte> room();
  /// The first `count` bytes of room() are filled.
  void arrived(std::size_t count);

  /// Whether a part of the message has come.
  [[nodiscard]] bool started() const { return prefix_size_ != 0; }
  /// Not known before the prefix has come.
  [[nodiscard]] std::optional<std::uint64_t> length() const { return length_; }
  /// False if the prefix that came cannot be one, or a part of the message is lost: the stream is of no use any more.
  [[nodiscard]] bool sensible() const { return sensible_; }
  [[nodiscard]] bool complete() const { return length_ && received_ == *length_; }
  /// Bytes of the message that have come.
  [[nodiscard]] std::size_t received() const { return received_; }

  /// The message is to be put together in `target`, which has room for it, from now on until take() or keep().
  void redirect(std::span<std::byte> target);
  /// What has come into a target is kept here.
  void keep() noexcept;

  /// The message; empty if it is in a target. The next one may come.
  std::vector<std::byte> take();

 private:
  void read_prefix();

  std::array<std::byte, FramePrefix::longest> prefix_{};
  std::size_t prefix_size_ = 0;
  bool sensible_ = true;
  std::optional<std::uint64_t> length_;
  std::size_t received_ = 0;
  std::vector<std::byte> own_;
  std::byte* target_ = nullptr;
};

}  // namespace procyon::channel
