#include "channel/net/stream.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace procyon::channel::net {

namespace {

bool would_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

StreamResult PlainStream::read(std::span<std::byte> room) {
  const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (count > 0) return {StreamStatus::moved, static_cast<std::size_t>(count)};
  if (count == 0) return {StreamStatus::ended};
  if (would_wait(errno)) return {StreamStatus::wants_read};
  error_ = errno;
  return {StreamStatus::failed};
}

StreamResult PlainStream::write(std::span<const std::byte> bytes) {
  const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) return {StreamStatus::moved, static_cast<std::size_t>(count)};
  if (would_wait(errno)) return {StreamStatus::wants_write};
  error_ = errno;
  return {StreamStatus::failed};
}

}  // namespace procyon::channel::net
