// One TLS connection in the relay: a TLS stream, a local socket, and at most 16 KiB on the way in each direction.
//
//   TlsLine line(std::move(stream), std::move(local));
//   line.pump();                                    // moves what can be moved without waiting
//   watch(line.stream_descriptor(), line.stream_events()); ...
//
// One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "channel/net/tls_stream.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

class TlsLine {
 public:
  TlsLine(std::unique_ptr<TlsStream> stream, os::Descriptor local)
      : stream_(std::move(stream)), local_(std::move(local)) {}

  /// Moves bytes until nothing moves or much has been moved. True if there may be more to do at once.
  bool pump();

  /// What the epoll is to watch for (EPOLLIN, EPOLLOUT).
  [[nodiscard]] std::uint32_t stream_events() const;
  [[nodiscard]] std::uint32_t local_events() const;
  /// The epoll has said EPOLLHUP or EPOLLERR: such a descriptor is not watched any more, as it would always be ready, and
  /// need not be: reading it never waits again.
  void stream_hung_up() { stream_hung_up_ = true; }
  void local_hung_up();
  [[nodiscard]] bool stream_watched() const { return !stream_hung_up_; }
  [[nodiscard]] bool local_watched() const { return !local_hung_up_; }

  /// Both directions are at their end, or the connection is broken.
  [[nodiscard]] bool over() const;
  /// Until which the rest may take, once the local socket has been closed. Whether it is over is to be asked now and then.
  [[nodiscard]] os::Deadline linger() const { return linger_; }
  /// For a process that ends: the other side is told, if that can be done without waiting.
  void end_stream();
  /// Everything that was written to the local socket has been handed to the kernel.
  [[nodiscard]] bool drained() const {
    return outgoing_.empty() && !local_readable_ && (!local_ended_ || stream_told_);
  }

  [[nodiscard]] int stream_descriptor() const { return stream_->descriptor(); }
  [[nodiscard]] int local_descriptor() const { return local_.get(); }

 private:
  class Buffer {
   public:
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::span<std::byte> room() { return bytes_; }
    void filled(std::size_t count) { begin_ = 0, end_ = count; }
    [[nodiscard]] std::span<const std::byte> content() const {
      return std::span(bytes_).subspan(begin_, end_ - begin_);
    }
    void taken(std::size_t count) { begin_ += count; }
    void clear() { begin_ = end_ = 0; }

   private:
    std::array<std::byte, 16 * 1024> bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
  };

  bool pump_out();
  bool pump_in();
  bool read_local();
  bool write_local();
  bool say_goodbye();
  [[nodiscard]] bool all_has_arrived() const;
  void note(StreamResult result, bool writing);
  void tell_broken(const std::string& sentence) const;

  std::unique_ptr<TlsStream> stream_;
  os::Descriptor local_;
  Buffer outgoing_;  // from the local socket to the stream
  Buffer incoming_;
  bool local_ended_ = false;  // nothing more comes from it
  bool stream_ended_ = false;
  bool stream_told_ = false;  // that nothing more comes
  bool local_told_ = false;
  bool local_hung_up_ = false;  // nobody reads it any more
  bool stream_hung_up_ = false;
  bool broken_ = false;
  bool local_readable_ = true;  // as far as is known
  // What the last read and write of the stream asked for.
  bool read_wants_write_ = false;
  bool write_wants_write_ = false;
  bool write_wants_read_ = false;
  os::Deadline linger_ = os::Deadline::never();
};

}  // namespace procyon::channel::net
