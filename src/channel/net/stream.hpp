// A stream of bytes to another program of which nothing is known yet, while it is being found out: plain or through TLS.
// No call waits; each says what would have to happen before it can go on.
//
//   PlainStream stream(std::move(socket));
//   StreamResult result = stream.read(room);
//   if (result.status == StreamStatus::wants_read) ...;               // when the descriptor is readable
//   os::Descriptor socket = stream.finish();                          // what goes on as a Connection
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

enum class StreamStatus {
  moved,
  wants_read,   // go on when the descriptor is readable
  wants_write,  // go on when it is writable
  ended,        // the other side has closed it
  refused,      // one side does not trust the other: Stream::problem()
  failed,       // Stream::error() and problem() say how
};

struct StreamResult {
  StreamStatus status;
  std::size_t bytes = 0;  // of read() and write() that moved
};

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// What comes before the first byte. To be repeated until it has moved.
  virtual StreamResult open() = 0;
  virtual StreamResult read(std::span<std::byte> room) = 0;
  virtual StreamResult write(std::span<const std::byte> bytes) = 0;
  [[nodiscard]] virtual int descriptor() const = 0;
  /// After it failed or was refused: an errno, and the rest of a sentence, "the certificate has expired".
  [[nodiscard]] virtual int error() const = 0;
  [[nodiscard]] virtual std::string problem() const = 0;
  /// An ordinary socket that is this stream from now on. The end of this object's use.
  virtual os::Descriptor finish() = 0;
};

class PlainStream final : public Stream {
 public:
  explicit PlainStream(os::Descriptor socket) : socket_(std::move(socket)) {}

  StreamResult open() override { return {StreamStatus::moved}; }
  StreamResult read(std::span<std::byte> room) override;
  StreamResult write(std::span<const std::byte> bytes) override;
  [[nodiscard]] int descriptor() const override { return socket_.get(); }
  [[nodiscard]] int error() const override { return error_; }
  [[nodiscard]] std::string problem() const override { return "the connection broke during the handshake"; }
  os::Descriptor finish() override { return std::move(socket_); }

 private:
  os::Descriptor socket_;
  int error_ = 0;
};

}  // namespace procyon::channel::net
