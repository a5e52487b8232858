#include "channel/connection_end.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <stdexcept>

#include "os/error.hpp"
#include "os/socket.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel {

namespace {

// A socket whose owner is gone with messages unread says ECONNRESET, once.
bool peer_is_gone(int error) { return error == EPIPE || error == ECONNRESET || error == ENOTCONN; }

bool would_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// How many bytes of prefix and message, `sent` of which have gone, go with one system call. Negative with errno.
ssize_t send_part(int socket, std::span<const std::byte> prefix, std::span<const std::byte> message,
                  std::size_t sent, os::DescriptorRoom* room, std::span<const int> descriptors) {
  const auto part = [](std::span<const std::byte> bytes, std::size_t skip) {
    bytes = bytes.subspan(std::min(skip, bytes.size()));
    // sendmsg() only reads what it is given.
    return iovec{const_cast<std::byte*>(bytes.data()), bytes.size()};
  };
  iovec parts[] = {part(prefix, sent), part(message, sent - std::min(sent, prefix.size()))};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  if (sent == 0 && room != nullptr) room->send_with(header, descriptors);
  return ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::vector<int> numbers_of(std::span<const os::Descriptor> descriptors) {
  std::vector<int> numbers(descriptors.size());
  std::transform(descriptors.begin(), descriptors.end(), numbers.begin(),
                 [](const os::Descriptor& descriptor) { return descriptor.get(); });
  return numbers;
}

}  // namespace

void ConnectionEnd::throw_closed() const {
  throw std::logic_error(
      fmt::format("procyon: this end of the {} has been closed by close(); use it before", name_));
}

/// For the time of a call: the descriptor stays open.
class ConnectionEnd::Use {
 public:
  explicit Use(ConnectionEnd& end) : end_(end) {
    if (!end_.descriptor_.begin_use()) end_.throw_closed();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    if (end_.descriptor_.end_use()) end_.carrier_ = {};
  }

 private:
  ConnectionEnd& end_;
};

class ConnectionEnd::Hold {
 public:
  Hold(Turn& turn, os::Deadline deadline, const char* doing, const std::string& name) : turn_(turn) {
    if (!turn_.take(deadline))
      throw TimeoutError(
          fmt::format("procyon: another thread was {} through this {} for the whole time", doing, name));
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { turn_.give(); }

 private:
  Turn& turn_;
};

class ConnectionEnd::Waited final : public sync::Waitable {
 public:
  explicit Waited(std::shared_ptr<ConnectionEnd> end) : end_(std::move(end)), use_(*end_) {}
  [[nodiscard]] int descriptor() const override { return end_->descriptor_.number(); }
  void check() override {
    if (end_->closed()) end_->throw_closed();
  }

 private:
  std::shared_ptr<ConnectionEnd> end_;
  Use use_;
};

sync::WaitTarget ConnectionEnd::wait_target(const std::shared_ptr<ConnectionEnd>& end) {
  end->check_readable();
  return {std::make_shared<Waited>(end),
          {sync::WaitTarget::Kind::connection, reinterpret_cast<std::uintptr_t>(end.get())}};
}

void ConnectionEnd::check_readable() const {
  if (readable()) return;
  throw std::logic_error(fmt::format(
      "procyon: this end of the {} does not receive: it is the send end of a one-way pipe, or an earlier "
      "message was too long or damaged; receive at the other end, or make a new one",
      name_));
}

void ConnectionEnd::check_writable() const {
  if (writable()) return;
  throw std::logic_error(fmt::format(
      "procyon: this end of the {} does not send: it is the receive end of a one-way pipe, or an earlier "
      "message was broken off by its time-out; send at the other end, or make a new one",
      name_));
}

int ConnectionEnd::fileno() {
  const Use use(*this);
  return descriptor_.number();
}

arena::Reference ConnectionEnd::carrier() {
  const Use use(*this);
  return carrier_;
}

bool ConnectionEnd::wait_for(short events, os::Deadline deadline) {
  for (;;) {
    if (closed()) throw_closed();
    if (deadline.expired()) return false;
    pollfd entry{descriptor_.number(), events, 0};
    const int ready = ::poll(&entry, 1, deadline.slice(os::wait_slice).poll_timeout());
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR)
      os::throw_system_error(fmt::format("procyon: waiting for the other end of the {} (poll)", name_));
  }
}

void ConnectionEnd::send(std::span<const std::byte> message, std::span<const os::Descriptor> descriptors,
                         os::Deadline deadline) {
  const Use use(*this);
  check_writable();
  if (remote_ && !remote_->carries_descriptors && !descriptors.empty())
    throw std::logic_error(fmt::format(
        "procyon: Connections and open files cannot travel through the {}: they are this machine's; only a "
        "unix: address carries them",
        name_));
  const Hold turn(sending_, deadline, "sending", name_);
  check_writable();  // while this thread waited, another's message may have been broken off
  std::size_t sent = 0;
  try {
    send_all(message, descriptors, sent, deadline);
  } catch (...) {
    if (sent != 0) {  // whatever came next would be taken for the rest of this message
      writable_.store(false, std::memory_order_relaxed);
      ::shutdown(descriptor_.number(), SHUT_WR);
    }
    throw;
  }
}

void ConnectionEnd::send_all(std::span<const std::byte> message, std::span<const os::Descriptor> descriptors,
                             std::size_t& sent, os::Deadline deadline) {
  const FramePrefix prefix(message.size());
  const std::vector<int> numbers = numbers_of(descriptors);
  std::optional<os::DescriptorRoom> room;
  if (!numbers.empty()) room.emplace();
  const std::size_t whole = prefix.bytes().size() + message.size();
  while (sent < whole) {
    const ssize_t written =
        send_part(descriptor_.number(), prefix.bytes(), message, sent, room ? &*room : nullptr, numbers);
    if (written >= 0) {
      sent += static_cast<std::size_t>(written);
      continue;
    }
    if (errno == EINTR) continue;
    if (peer_is_gone(errno))
      os::throw_system_error(
          fmt::format("procyon: sending through the {}, whose other end is closed, or whose owner has ended",
                      name_),
          EPIPE);
    if (errno == ETOOMANYREFS)
      os::throw_system_error(fmt::format(
          "procyon: sending descriptors through the {}: this user has as many on the way as it may open; "
          "let some be received, or raise the limit (RLIMIT_NOFILE)",
          name_));
    if (!would_wait(errno))
      os::throw_system_error(fmt::format("procyon: sending through the {} (sendmsg)", name_));
    if (wait_for(POLLOUT, deadline)) continue;
    if (sent == 0)
      throw TimeoutError(
          fmt::format("procyon: the other end of the {} did not make room for a message in time", name_));
    throw TimeoutError(fmt::format(
        "procyon: the other end of the {} took {} of {} bytes of a message in time; this direction of it is "
        "closed now, because the rest is missing",
        name_, sent, whole));
  }
}

ArrivedMessage ConnectionEnd::take_arrived() {
  return {incoming_.take(), std::exchange(arrived_, {}), std::exchange(arrived_descriptors_are_lost_, false)};
}

ArrivedMessage ConnectionEnd::receive(std::size_t maxlength, os::Deadline deadline) {
  const Use use(*this);
  check_readable();
  const Hold turn(receiving_, deadline, "receiving", name_);
  receive_length(deadline);
  check_length(maxlength);
  receive_rest(deadline);
  return take_arrived();
}

void ConnectionEnd::check_length(std::size_t maxlength) {
  if (remote_) maxlength = std::min(maxlength, remote_->max_message);
  if (*incoming_.length() <= maxlength) return;
  give_up_receiving(
      EMSGSIZE, fmt::format("procyon: receiving a message of {} bytes with a limit of {}; this end of the "
                            "{} receives no more",
                            *incoming_.length(), maxlength, name_));
}

std::size_t ConnectionEnd::receive_into(std::span<std::byte> buffer, os::Deadline deadline) {
  const Use use(*this);
  check_readable();
  const Hold turn(receiving_, deadline, "receiving", name_);
  receive_length(deadline);
  check_length(std::numeric_limits<std::size_t>::max());
  const auto length = static_cast<std::size_t>(*incoming_.length());
  if (length <= buffer.size()) {
    incoming_.redirect(buffer);
    try {
      receive_rest(deadline);
    } catch (...) {
      incoming_.keep();
      throw;
    }
    static_cast<void>(take_arrived());
    return length;
  }
  receive_rest(deadline);
  throw BufferTooShort(
      fmt::format("procyon: a message of {} bytes was to be received into a buffer of {}; it is in this "
                  "exception, as message()",
                  length, buffer.size()),
      take_arrived().bytes);
}

void ConnectionEnd::receive_length(os::Deadline deadline) {
  check_readable();  // again: while this thread waited for its turn, another may have met a damaged message
  receive_until([](const IncomingMessage& message) { return message.length().has_value(); }, deadline);
}

void ConnectionEnd::receive_rest(os::Deadline deadline) {
  receive_until([](const IncomingMessage& message) { return message.complete(); }, deadline);
}

ssize_t ConnectionEnd::receive_part(std::span<std::byte> room) {
  if (incoming_.started()) return ::recv(descriptor_.number(), room.data(), room.size(), MSG_DONTWAIT);
  os::DescriptorRoom descriptors;
  iovec part{room.data(), room.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  descriptors.receive_with(header);
  const ssize_t count = ::recvmsg(descriptor_.number(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count > 0 && header.msg_controllen != 0) {
    arrived_ = os::DescriptorRoom::take_from(header);
    arrived_descriptors_are_lost_ = (header.msg_flags & MSG_CTRUNC) != 0;
  }
  return count;
}

void ConnectionEnd::receive_until(bool (*done)(const IncomingMessage&), os::Deadline deadline) {
  while (!done(incoming_)) {
    if (!incoming_.sensible()) {
      give_up_receiving(
          EBADMSG,
          fmt::format(
              "procyon: receiving from the {}: what came is not a message; something else than send() and "
              "send_bytes() writes to the other end, and this end receives no more",
              name_));
    }
    const std::span<std::byte> room = incoming_.room();
    const ssize_t count = receive_part(room);
    bool in_time = true;
    if (count > 0) {
      incoming_.arrived(static_cast<std::size_t>(count));
      // What lies in the socket is taken whatever the deadline; a message that never ends is not.
      if (incoming_.received() >= IncomingMessage::first_step && !done(incoming_))
        in_time = !deadline.expired();
    } else if (count == 0 || peer_is_gone(errno)) {
      throw_end_of_stream();
    } else if (would_wait(errno)) {
      in_time = wait_for(POLLIN, deadline);
    } else if (errno != EINTR) {
      os::throw_system_error(fmt::format("procyon: receiving from the {} (recv)", name_));
    }
    if (in_time) continue;
    if (!incoming_.started())
      throw TimeoutError(fmt::format("procyon: no message came through the {} in time", name_));
    throw TimeoutError(fmt::format(
        "procyon: only a part of a message came through the {} in time; the next recv goes on with it",
        name_));
  }
}

void ConnectionEnd::give_up_receiving(int error, const std::string& sentence) {
  readable_.store(false, std::memory_order_relaxed);
  if (!writable()) close();
  os::throw_system_error(sentence, error);
}

void ConnectionEnd::throw_end_of_stream() const {
  if (!incoming_.started())
    throw EndOfFile(fmt::format("procyon: the other end of the {} is closed, nothing more can come", name_));
  const std::string size =
      incoming_.length() ? fmt::format("after {} of {} bytes", incoming_.received(), *incoming_.length())
                         : std::string("within its length");
  throw std::runtime_error(fmt::format(
      "procyon: the other end of the {} was closed, or its owner ended, in the middle of a message ({})",
      name_, size));
}

bool ConnectionEnd::poll(os::Deadline deadline) {
  const Use use(*this);
  check_readable();
  pollfd entry{descriptor_.number(), POLLIN, 0};
  if (::poll(&entry, 1, 0) > 0) return true;
  return wait_for(POLLIN, deadline);
}

}  // namespace procyon::channel
