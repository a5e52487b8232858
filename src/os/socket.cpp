#include "os/socket.hpp"

#include <cstring>

#include "os/error.hpp"

namespace procyon::os {

namespace {

bool peer_is_gone(int error) { return error == EPIPE || error == ECONNRESET || error == ENOTCONN; }

}  // namespace

void DescriptorRoom::send_with(msghdr& header, std::span<const int> descriptors) {
  if (descriptors.size() > max_descriptors_per_message)
    throw_system_error("sending more than 253 descriptors in one message", E2BIG);
  if (descriptors.empty()) return;
  header.msg_control = bytes_;
  header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
}

void DescriptorRoom::receive_with(msghdr& header) {
  header.msg_control = bytes_;
  header.msg_controllen = sizeof(bytes_);
}

std::vector<Descriptor> DescriptorRoom::take_from(msghdr& header) {
  std::vector<Descriptor> result;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    result.reserve(result.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      result.emplace_back(number);
    }
  }
  return result;
}

SocketPair create_socket_pair() {
  int ends[2];
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends),
        "connecting two processes (socketpair)");
  // Owned first: if moving the first above the standard descriptors fails, the second is closed too.
  Descriptor first(ends[0]);
  Descriptor second(ends[1]);
  if (first.get() <= 2) first = first.duplicate();
  if (second.get() <= 2) second = second.duplicate();
  return {std::move(first), std::move(second)};
}

bool send_message(const Descriptor& socket, std::span<const std::byte> bytes,
                  std::span<const int> descriptors) {
  DescriptorRoom room;
  // sendmsg() only reads what it is given.
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  room.send_with(header, descriptors);
  for (;;) {
    if (::sendmsg(socket.get(), &header, MSG_NOSIGNAL) >= 0) return true;
    if (errno == EINTR) continue;
    if (peer_is_gone(errno)) return false;
    throw_system_error("sending a message to a process (sendmsg)");
  }
}

std::optional<Message> receive_message(const Descriptor& socket, std::span<std::byte> buffer) {
  DescriptorRoom room;
  iovec part{buffer.data(), buffer.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  room.receive_with(header);
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && !peer_is_gone(errno)) throw_system_error("receiving a message from a process (recvmsg)");
  if (size <= 0) return std::nullopt;
  Message message{static_cast<std::size_t>(size), DescriptorRoom::take_from(header)};
  if ((header.msg_flags & MSG_CTRUNC) != 0)
    throw_system_error("receiving descriptors from a process: the table of descriptors is full", EMFILE);
  if ((header.msg_flags & MSG_TRUNC) != 0)
    throw_system_error("receiving a message larger than announced", EMSGSIZE);
  return message;
}

ucred peer_credentials(const Descriptor& socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  check(::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size),
        "asking who is at the other end");
  return credentials;
}

}  // namespace procyon::os
