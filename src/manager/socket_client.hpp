// A client of a server behind a socket: its requests come in, its answers go out, and it never makes the loop wait.
//
// BACK-PRESSURE.  Answers that the client does not read are kept. While there are more than `enough_unread` of them nothing
// more is read from it; when there are more than `max_unread` it is dropped: calls that wait in the server may still
// end, so that not reading alone would not bound the memory.
//
// On the loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "manager/frame_reader.hpp"
#include "manager/served_client.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::manager {

class SocketClient final : public ServedClient {
 public:
  static constexpr std::size_t enough_unread = std::size_t{1} << 20;

  /// `to_flush`: where it notes itself when it has something to send.
  SocketClient(ClientId id, os::Descriptor socket, std::string peer, std::size_t max_unread,
               std::vector<ClientId>& to_flush);

  [[nodiscard]] std::string name() const override { return peer_; }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  enum class Arrived { something, nothing, end };
  /// Reads what there is, once. `full`: there may be more.
  Arrived receive(bool& full);
  /// As FrameReader::next().
  std::optional<std::span<const std::byte>> next_frame() { return incoming_.next(); }

  void answer(std::uint64_t call, Status status, std::span<const ObjectId> objects,
              std::span<const std::byte> bytes) override;
  void send_frame(std::span<const std::byte> first, std::span<const std::byte> second = {});
  /// It has been taken from the list of those that have something to send.
  void noted() { is_noted_ = false; }
  /// Sends what the socket takes. False if the other side is gone.
  bool flush();
  [[nodiscard]] std::size_t unread() const { return outgoing_.size() - sent_; }
  [[nodiscard]] bool has_too_much_unread() const { return too_much_unread_; }

  /// Longer messages from now on.
  void allow(std::uint64_t longest) { incoming_.set_longest(longest); }

  bool is_greeted = false;
  Nonce nonce{};              // the client's
  Nonce server_nonce{};       // the one it was given
  bool at_end = false;        // nothing more comes; what has come is still done
  bool was_stopped = false;   // nothing was read from it for a while
  bool has_more = false;      // frames, or bytes of the socket, that its last turn left
  std::uint32_t watched = 0;  // events that the epoll looks for
  Loop::TimerId greeting_timer = 0;

 private:
  os::Descriptor socket_;
  const std::string peer_;
  const std::size_t max_unread_;
  std::vector<ClientId>& to_flush_;
  bool is_noted_ = false;  // in to_flush_
  bool too_much_unread_ = false;
  FrameReader incoming_;
  std::vector<std::byte> outgoing_;
  std::size_t sent_ = 0;  // of outgoing_
};

}  // namespace procyon::manager
