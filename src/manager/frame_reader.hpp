// Cuts a stream of bytes into frames (channel/connection_frame.hpp), many for one read.
//
//   const auto count = recv(socket, reader.room());
//   reader.arrived(count);
//   while (auto frame = reader.next()) handle(*frame);        // valid until the next room()
//
// Memory is taken as bytes arrive, never because a length was claimed; what a large frame needed is given back after it.
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace procyon::manager {

class FrameReader {
 public:
  static constexpr std::size_t usual_size = std::size_t{16} << 10;

  explicit FrameReader(std::uint64_t longest) : longest_(longest) {}

  void set_longest(std::uint64_t longest) { longest_ = longest; }
  /// Where the next bytes of the stream go; empty only if there are frames that next() has not given out. Throws
  /// std::bad_alloc; then nothing has changed.
  std::span<std::byte> room();
  /// The first `count` bytes of room() are filled.
  void arrived(std::size_t count) { end_ += count; }
  /// Nothing: more has to come. Throws ProtocolError for a frame that is longer than allowed, or none.
  std::optional<std::span<const std::byte>> next();

 private:
  void resize(std::size_t size);

  std::uint64_t longest_;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::size_t begin_ = 0;   // of what has come and has not been given out
  std::size_t end_ = 0;     // of what has come
  std::size_t wanted_ = 0;  // bytes of the frame that is coming, with its prefix; 0: not known
};

}  // namespace procyon::manager
