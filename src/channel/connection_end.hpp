// One end of a stream of messages: what all copies of a Connection in this process share.
//
//   ConnectionEnd end(std::move(socket), true, true);
//   end.send(bytes, os::Deadline::never());
//   std::vector<std::byte> answer = end.receive(Connection::all, os::Deadline::after(1s));
//
// The socket may be blocking or not, and stays as it is: other processes may share it. Each call asks the kernel not to
// wait, and waits in poll(), in slices, so that a close() by another thread is noticed.
//
// A message of which a part has come stays here when a receive() gives up; the next one goes on. A message of which a part
// has been sent when send() gives up cannot be taken back: the stream is shut down in that direction.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "channel/connection_frame.hpp"
#include "channel/connection_guard.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/channel/connection_value.hpp"
#include "procyon/detail/channel/remote.hpp"
#include "procyon/detail/sync/waitable.hpp"

namespace procyon::channel {

class ConnectionEnd {
 public:
  /// `carrier`: see connection_value.hpp; null for a connection that is no Pipe's, which has a `remote` instead.
  ConnectionEnd(os::Descriptor socket, bool readable, bool writable, arena::Reference carrier,
                std::optional<Remote> remote)
      : descriptor_(std::move(socket)),
        remote_(std::move(remote)),
        name_(remote_ ? "connection with " + remote_->peer : "pipe"),
        readable_(readable),
        writable_(writable),
        carrier_(std::move(carrier)) {}

  void send(std::span<const std::byte> message, std::span<const os::Descriptor> descriptors,
            os::Deadline deadline);
  ArrivedMessage receive(std::size_t maxlength, os::Deadline deadline);
  /// Throws BufferTooShort.
  std::size_t receive_into(std::span<std::byte> buffer, os::Deadline deadline);
  bool poll(os::Deadline deadline);
  /// For wait(): keeps the descriptor open while it waits.
  static sync::WaitTarget wait_target(const std::shared_ptr<ConnectionEnd>& end);

  [[nodiscard]] int fileno();
  void close() {
    if (descriptor_.close()) carrier_ = {};
  }
  /// Throws std::logic_error once closed.
  [[nodiscard]] arena::Reference carrier();
  [[nodiscard]] bool closed() const { return descriptor_.closed(); }
  [[nodiscard]] bool readable() const { return readable_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool writable() const { return writable_.load(std::memory_order_relaxed); }
  [[nodiscard]] const std::optional<Remote>& remote() const { return remote_; }

 private:
  class Use;
  class Hold;
  class Waited;

  void send_all(std::span<const std::byte> message, std::span<const os::Descriptor> descriptors,
                std::size_t& sent, os::Deadline deadline);
  ssize_t receive_part(std::span<std::byte> room);
  ArrivedMessage take_arrived();
  void receive_until(bool (*done)(const IncomingMessage&), os::Deadline deadline);
  void receive_length(os::Deadline deadline);
  void receive_rest(os::Deadline deadline);
  /// False when the deadline passed. Throws when this end is closed meanwhile.
  bool wait_for(short events, os::Deadline deadline);

  void check_readable() const;
  void check_writable() const;
  void check_length(std::size_t maxlength);
  [[noreturn]] void throw_closed() const;
  [[noreturn]] void give_up_receiving(int error, const std::string& sentence);
  [[noreturn]] void throw_end_of_stream() const;

  GuardedDescriptor descriptor_;
  const std::optional<Remote> remote_;
  const std::string name_;  // for sentences: "pipe"
  // Relaxed: they go from true to false once, and matter only to sentences of errors.
  std::atomic<bool> readable_;
  std::atomic<bool> writable_;
  Turn sending_;
  Turn receiving_;
  IncomingMessage incoming_;                   // under receiving_, like the next two
  std::vector<os::Descriptor> arrived_;        // with the message that is coming
  bool arrived_descriptors_are_lost_ = false;  // some of them
  arena::Reference carrier_;                   // written by who closes the descriptor, after all uses
};

}  // namespace procyon::channel
