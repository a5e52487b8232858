// Sockets between processes of one machine that keep message boundaries and carry descriptors.
//
//   auto [ours, theirs] = create_socket_pair();
//   send_message(ours, bytes_of(request), {descriptor.get()});
//   std::optional<Message> answer = receive_message(ours, buffer);      // nullopt: the other side is gone
//
// Descriptors that arrive are owned, close-on-exec, and either all there or an error: the kernel silently
// strips what does not fit into the receiver's table, and that is found out here.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::os {

/// The most descriptors that one message carries (the kernel's SCM_MAX_FD).
inline constexpr std::size_t max_descriptors_per_message = 253;

struct SocketPair {
  Descriptor first;
  Descriptor second;
};

/// Room for the descriptors that go along with one sendmsg() or come with one recvmsg().
class DescriptorRoom {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): a kilobyte, of which little is used
  DescriptorRoom() {}
  /// `header` sends these, at most max_descriptors_per_message. They may be closed after sendmsg().
  void send_with(msghdr& header, std::span<const int> descriptors);
  /// `header` can receive as many as come; recvmsg() wants MSG_CMSG_CLOEXEC.
  void receive_with(msghdr& header);
  /// What came with a message that was received. Some are missing if (header.msg_flags & MSG_CTRUNC) != 0.
  static std::vector<Descriptor> take_from(msghdr& header);

 private:
  alignas(cmsghdr) char bytes_[CMSG_SPACE(sizeof(int) * max_descriptors_per_message)];
};

/// Two connected SOCK_SEQPACKET sockets.
SocketPair create_socket_pair();

/// Sends one message. False if the other side is gone (never SIGPIPE); throws std::system_error otherwise.
bool send_message(const Descriptor& socket, std::span<const std::byte> bytes,
                  std::span<const int> descriptors = {});

struct Message {
  std::size_t size = 0;  // bytes of the caller's buffer that were filled
  std::vector<Descriptor> descriptors;
};

/// Waits for one message. nullopt once the other side is gone. Throws std::system_error when bytes or
/// descriptors of it did not fit (EMSGSIZE, EMFILE); what arrived of it is closed.
std::optional<Message> receive_message(const Descriptor& socket, std::span<std::byte> buffer);

/// Who made the other end: pid, user and group at that time.
ucred peer_credentials(const Descriptor& socket);

/// The bytes of a trivially copyable object, to be sent or filled.
template <class T>
std::span<const std::byte> bytes_of(const T& object) {
  return std::as_bytes(std::span<const T, 1>(&object, 1));
}
template <class T>
std::span<std::byte> writable_bytes_of(T& object) {
  return std::as_writable_bytes(std::span<T, 1>(&object, 1));
}

}  // namespace procyon::os
