#include "manager/socket_client.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "channel/connection_frame.hpp"

namespace procyon::manager {

namespace {

constexpr std::size_t kept_for_answers = std::size_t{256} << 10;

void append(std::vector<std::byte>& target, std::span<const std::byte> bytes) {
  target.insert(target.end(), bytes.begin(), bytes.end());
}

}  // namespace

SocketClient::SocketClient(ClientId id, os::Descriptor socket, std::string peer, std::size_t max_unread,
                           std::vector<ClientId>& to_flush)
    : ServedClient(id),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      max_unread_(max_unread),
      to_flush_(to_flush),
      incoming_(sizeof(Hello)) {}

SocketClient::Arrived SocketClient::receive(bool& full) {
  full = false;
  const std::span<std::byte> room = incoming_.room();
  if (room.empty()) return Arrived::something;  // full of frames that wait for its next turn
  ssize_t count = 0;
  do count = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Arrived::nothing : Arrived::end;
  if (count == 0) return Arrived::end;
  incoming_.arrived(static_cast<std::size_t>(count));
  full = static_cast<std::size_t>(count) == room.size();
  return Arrived::something;
}

void SocketClient::answer(std::uint64_t call, Status status, std::span<const ObjectId> objects,
                          std::span<const std::byte> bytes) {
  wire::Writer head;
  write_answer_head(head, call, status, objects);
  send_frame(head.bytes(), bytes);
}

void SocketClient::send_frame(std::span<const std::byte> first, std::span<const std::byte> second) {
  if (unread() > max_unread_) {
    too_much_unread_ = true;  // whoever flushes drops it
    if (!std::exchange(is_noted_, true)) to_flush_.push_back(id());
    return;
  }
  if (!std::exchange(is_noted_, true)) to_flush_.push_back(id());
  append(outgoing_, channel::FramePrefix(first.size() + second.size()).bytes());
  append(outgoing_, first);
  append(outgoing_, second);
}

bool SocketClient::flush() {
  while (sent_ < outgoing_.size()) {
    const ssize_t count = ::send(socket_.get(), outgoing_.data() + sent_, outgoing_.size() - sent_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // Half of it gone: the rest moves to the front, so that a slow reader's answers do not grow for ever.
      if (sent_ > outgoing_.size() / 2) {
        outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
      }
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  outgoing_.clear();
  sent_ = 0;
  if (outgoing_.capacity() > kept_for_answers) outgoing_.shrink_to_fit();
  return true;
}

}  // namespace procyon::manager
