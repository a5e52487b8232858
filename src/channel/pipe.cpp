#include "procyon/pipe.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <stdexcept>

#include "channel/connection_end.hpp"
#include "os/error.hpp"

namespace procyon {

namespace {

void check_offset(std::size_t offset, std::size_t size) {
  if (offset > size)
    throw std::out_of_range(
        fmt::format("procyon: the offset {} lies beyond the buffer of {} bytes", offset, size));
}

struct SocketPair {
  os::Descriptor first;
  os::Descriptor second;
};

SocketPair create_stream() {
  int ends[2];
  os::check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
            "procyon: making a pipe (socketpair)");
  // Owned first: if moving one above the standard descriptors fails, both are closed.
  SocketPair pair{os::Descriptor(ends[0]), os::Descriptor(ends[1])};
  if (pair.first.get() <= 2) pair.first = pair.first.duplicate();
  if (pair.second.get() <= 2) pair.second = pair.second.duplicate();
  return pair;
}

}  // namespace

Connection::Connection(os::Descriptor socket, bool readable, bool writable, arena::Reference carrier,
                       std::optional<channel::Remote> remote)
    : end_(std::make_shared<channel::ConnectionEnd>(std::move(socket), readable, writable, std::move(carrier),
                                                    std::move(remote))) {}

channel::ConnectionEnd& Connection::end() const {
  if (!end_)
    throw std::logic_error("procyon: this Connection has been moved from; use the one that it was moved to");
  return *end_;
}

std::span<const std::byte> Connection::part_of(std::span<const std::byte> bytes, std::size_t offset,
                                               std::size_t size) {
  check_offset(offset, bytes.size());
  if (size == all) return bytes.subspan(offset);
  if (size > bytes.size() - offset) {
    throw std::out_of_range(
        fmt::format("procyon: {} bytes from offset {} on are more than the buffer of {} bytes has", size,
                    offset, bytes.size()));
  }
  return bytes.subspan(offset, size);
}

void Connection::send_message(std::span<const std::byte> message, os::Deadline deadline) {
  end().send(message, {}, deadline);
}

void Connection::send_value(wire::Writer& writer, channel::OutgoingValue& value, os::Deadline deadline) {
  value.finish(writer);
  end().send(writer.bytes(), value.descriptors(), deadline);
  value.sent();
}

arena::Reference Connection::carrier() const { return end().carrier(); }

std::vector<std::byte> Connection::receive_message(std::size_t maxlength, os::Deadline deadline) {
  return end().receive(maxlength, deadline).bytes;
}

channel::ArrivedMessage Connection::receive_value(os::Deadline deadline) {
  return end().receive(all, deadline);
}

std::size_t Connection::receive_message_into(std::span<std::byte> buffer, std::size_t offset,
                                             os::Deadline deadline) {
  check_offset(offset, buffer.size());
  return end().receive_into(buffer.subspan(offset), deadline);
}

bool Connection::poll_until(os::Deadline deadline) { return end().poll(deadline); }

sync::WaitTarget Connection::wait_target() const {
  static_cast<void>(end());  // says so if there is none
  return channel::ConnectionEnd::wait_target(end_);
}

int Connection::fileno() const { return end().fileno(); }
void Connection::close() { end().close(); }
bool Connection::closed() const { return end().closed(); }
bool Connection::readable() const { return end().readable(); }
bool Connection::writable() const { return end().writable(); }
std::string Connection::peer() const { return remote() ? remote()->peer : std::string(); }
const std::optional<channel::Remote>& Connection::remote() const { return end().remote(); }

namespace {

// Before there are sockets: the session, should this be its beginning, takes descriptors too.
arena::Reference make_carrier() { return arena::Reference::create<channel::PipeCarrier>(channel::pipe_type); }

}  // namespace

std::pair<Connection, Connection> Pipe() {
  const arena::Reference carrier = make_carrier();
  SocketPair pair = create_stream();
  return {Connection(std::move(pair.first), true, true, carrier),
          Connection(std::move(pair.second), true, true, carrier)};
}

std::pair<Connection, Connection> Pipe(OneWay) {
  const arena::Reference carrier = make_carrier();
  SocketPair pair = create_stream();
  // So that whoever reads the send end's descriptor is told too, instead of waiting for ever.
  os::check(::shutdown(pair.first.get(), SHUT_WR), "procyon: making a pipe one-way (shutdown)");
  return {Connection(std::move(pair.first), true, false, carrier),
          Connection(std::move(pair.second), false, true, carrier)};
}

}  // namespace procyon
