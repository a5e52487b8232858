// Pipe: two connected ends, between two processes.
//
//   auto [parent, child] = mp::Pipe();                       // both ends send and receive
//   mp::Process worker([](mp::Connection child) {
//     auto words = child.recv<std::vector<std::string>>();
//     child.send(words.size());
//   }, child);
//   worker.start();
//   child.close();                                           // the worker's is the only one now
//   parent.send(std::vector<std::string>{"a", "b"});
//   auto size = parent.recv<std::size_t>();
//
//   auto [in, out] = mp::Pipe(mp::one_way);                  // receive end, send end
//
// A message arrives whole or not at all, in the order of sending. send() and recv() carry values, with the name of their
// type: receiving another type is an error that names both. send_bytes() and recv_bytes() carry bytes in the framing of
// Python's multiprocessing.connection.Connection, which can be at the other end of the descriptor (fileno()).
//
// When every copy of the other end is closed, because its owners closed it or ended in whatever way, recv() throws
// EndOfFile and send() std::system_error (EPIPE; never the signal SIGPIPE). So each process should close the end that it
// does not use: whoever holds a copy of the other end waits for itself. Under the fork start method a child has copies of
// all that its parent had open.
//
// Values may hold whatever this library shares: send() takes a Queue, Lock, Value, ... alone or inside others, and what
// arrives is the same object. It lives while the message can be received, even if its sender has ended, and is given back
// when the last end of the pipe is closed. Connections and open files (descriptor.hpp) may be sent too. Only between
// processes of one session: plain values reach anybody at the other end.
//
// A Connection object is a reference to one end: copies share it, close() closes it for all of them in this process, and
// the last one to go closes it too. As an argument of a Process, and through another Connection, it crosses as a duplicate
// of the descriptor; so it does through a Queue or a Pool, if its sender lives until it is taken (otherwise get() throws
// PeerGone). All functions may be called from any thread: threads of one process take turns, a close() ends what others
// wait for (within 0.1 s). Copies of one end in several processes are not kept apart: let one process send, and one
// receive.
//
// Every function that waits takes a time-out, of any std::chrono duration; without one it waits for as long as it takes.
// The kernel holds some 200 KB on the way; then send() waits for the receiver. Two sides that both send large messages
// before they receive wait for each other.
// A Connection to another program, by an address, is made by connection.hpp.
// Not for many producers or consumers: use a Queue, which is also faster.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/channel/connection_value.hpp"
#include "procyon/detail/channel/remote.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/errors.hpp"

namespace procyon {

namespace channel {
class ConnectionEnd;
}

class Connection {
 public:
  /// "As many as there are", for a size or a length.
  static constexpr std::size_t all = static_cast<std::size_t>(-1);

  /// For the library: the end of a pipe, or of another stream socket.
  Connection(os::Descriptor socket, bool readable, bool writable, arena::Reference carrier = {},
             std::optional<channel::Remote> remote = {});

  /// Sends a value. Waits while the other side does not receive. Throws std::system_error (EPIPE) when the other end is
  /// closed, std::logic_error when this one is or only receives, and what serialising `value` throws; wire::EncodeError for
  /// more than 253 Connections and descriptors in one value.
  template <class T>
  void send(const T& value) {
    send_until(value, os::Deadline::never());
  }
  /// The same, but throws TimeoutError after `timeout`. If a part of the message (one of more than some 100 KB) is on its
  /// way by then, nothing can be sent after it: this direction of the pipe is closed, and the receiver is told.
  template <class T, class Rep, class Period>
  void send(const T& value, std::chrono::duration<Rep, Period> timeout) {
    send_until(value, os::Deadline::after(timeout));
  }

  /// Receives a value. Throws EndOfFile; std::runtime_error when the stream ends in the middle of a message;
  /// wire::DecodeError when the message is not a T, and is lost then, as it is when this process has no room for the
  /// descriptors that came with it (std::system_error, EMFILE); std::logic_error when this end is closed or only sends.
  template <class T>
  [[nodiscard]] T recv() {
    return recv_until<T>(os::Deadline::never());
  }
  /// The same, but throws TimeoutError after `timeout`. A message of which a part has come by then is not lost: the next
  /// call goes on with it.
  template <class T, class Rep, class Period>
  [[nodiscard]] T recv(std::chrono::duration<Rep, Period> timeout) {
    return recv_until<T>(os::Deadline::after(timeout));
  }

  /// Sends bytes[offset, offset + size) as one message, which may be empty. Throws as send(), and std::out_of_range.
  void send_bytes(std::span<const std::byte> bytes, std::size_t offset = 0, std::size_t size = all) {
    send_message(part_of(bytes, offset, size), os::Deadline::never());
  }
  template <class Rep, class Period>
  void send_bytes(std::span<const std::byte> bytes, std::size_t offset, std::size_t size,
                  std::chrono::duration<Rep, Period> timeout) {
    send_message(part_of(bytes, offset, size), os::Deadline::after(timeout));
  }
  /// The characters of a text, without a final 0.
  void send_bytes(std::string_view text) { send_bytes(std::as_bytes(std::span(text))); }
  template <class Rep, class Period>
  void send_bytes(std::span<const std::byte> bytes, std::chrono::duration<Rep, Period> timeout) {
    send_message(bytes, os::Deadline::after(timeout));
  }
  template <class Rep, class Period>
  void send_bytes(std::string_view text, std::chrono::duration<Rep, Period> timeout) {
    send_message(std::as_bytes(std::span(text)), os::Deadline::after(timeout));
  }

  /// The bytes of the next message. Throws as recv(). One longer than `maxlength` is a std::system_error (EMSGSIZE), after
  /// which this end receives no more, and is closed if it cannot send either.
  [[nodiscard]] std::vector<std::byte> recv_bytes(std::size_t maxlength = all) {
    return receive_message(maxlength, os::Deadline::never());
  }
  template <class Rep, class Period>
  [[nodiscard]] std::vector<std::byte> recv_bytes(std::chrono::duration<Rep, Period> timeout) {
    return receive_message(all, os::Deadline::after(timeout));
  }
  template <class Rep, class Period>
  [[nodiscard]] std::vector<std::byte> recv_bytes(std::size_t maxlength,
                                                  std::chrono::duration<Rep, Period> timeout) {
    return receive_message(maxlength, os::Deadline::after(timeout));
  }

  /// Puts the bytes of the next message at `offset` of `buffer` and returns how many they are. Throws as recv(),
  /// std::out_of_range, and BufferTooShort, which has the whole message.
  std::size_t recv_bytes_into(std::span<std::byte> buffer, std::size_t offset = 0) {
    return receive_message_into(buffer, offset, os::Deadline::never());
  }
  template <class Rep, class Period>
  std::size_t recv_bytes_into(std::span<std::byte> buffer, std::chrono::duration<Rep, Period> timeout) {
    return receive_message_into(buffer, 0, os::Deadline::after(timeout));
  }
  template <class Rep, class Period>
  std::size_t recv_bytes_into(std::span<std::byte> buffer, std::size_t offset,
                              std::chrono::duration<Rep, Period> timeout) {
    return receive_message_into(buffer, offset, os::Deadline::after(timeout));
  }

  /// Whether there is something to receive, at once or within `timeout`; also true at the end of file. A part of a message
  /// counts: a recv() may still wait for the rest.
  [[nodiscard]] bool poll() { return poll_until(os::Deadline::now()); }
  template <class Rep, class Period>
  [[nodiscard]] bool poll(std::chrono::duration<Rep, Period> timeout) {
    return poll_until(os::Deadline::after(timeout));
  }

  /// The descriptor, for event loops and other programs; it stays this end's. Throws std::logic_error once closed.
  [[nodiscard]] int fileno() const;
  /// Closes this end for all copies in this process. Nothing happens if it is closed.
  void close();
  [[nodiscard]] bool closed() const;
  /// What this end is for: a closed one still says what it was for.
  [[nodiscard]] bool readable() const;
  [[nodiscard]] bool writable() const;

  /// Who is at the other end of one that a Listener or Client has made: "tcp://10.0.0.7:41234". Empty for a pipe's.
  [[nodiscard]] std::string peer() const;

  /// For wait(): ready when poll() is true.
  [[nodiscard]] sync::WaitTarget wait_target() const;
  /// For the library: what keeps shared objects alive on their way; null for a connection that is no Pipe's.
  [[nodiscard]] arena::Reference carrier() const;
  /// For the library: nothing for a Pipe's.
  [[nodiscard]] const std::optional<channel::Remote>& remote() const;

 private:
  template <class T>
  void send_until(const T& value, os::Deadline deadline) {
    using Stored = wire::stored_t<const T&>;  // a text literal goes as a std::string
    wire::check_transferable<Stored>();
    const Stored& stored = value;
    channel::OutgoingValue outgoing(carrier());
    wire::Writer writer(&outgoing);
    channel::OutgoingValue::begin(writer, wire::type_name<Stored>());
    wire::write(writer, stored);
    send_value(writer, outgoing, deadline);
  }

  template <class T>
  T recv_until(os::Deadline deadline) {
    wire::check_transferable<T>();
    channel::ReceivedValue received(receive_value(deadline), wire::type_name<T>(), carrier());
    wire::Reader reader(received.value(), &received);
    T value = wire::read<T>(reader);
    reader.expect_end(wire::type_name<T>());
    return value;
  }

  static std::span<const std::byte> part_of(std::span<const std::byte> bytes, std::size_t offset,
                                            std::size_t size);
  void send_message(std::span<const std::byte> message, os::Deadline deadline);
  void send_value(wire::Writer& writer, channel::OutgoingValue& value, os::Deadline deadline);
  channel::ArrivedMessage receive_value(os::Deadline deadline);
  std::vector<std::byte> receive_message(std::size_t maxlength, os::Deadline deadline);
  std::size_t receive_message_into(std::span<std::byte> buffer, std::size_t offset, os::Deadline deadline);
  bool poll_until(os::Deadline deadline);
  [[nodiscard]] channel::ConnectionEnd& end() const;

  std::shared_ptr<channel::ConnectionEnd> end_;  // null once moved from
};

/// Two connected ends, each of which sends and receives. Throws std::system_error when there are no descriptors left.
[[nodiscard]] std::pair<Connection, Connection> Pipe();

/// The argument of Pipe() for ends that only receive, or only send.
struct OneWay {};
inline constexpr OneWay one_way{};

/// The end that receives, and the end that sends.
[[nodiscard]] std::pair<Connection, Connection> Pipe(OneWay);

namespace wire {

/// A Connection travels as a duplicate of its descriptor, what it is for, its pipe's carrier, and who is at the other end.
template <>
struct Codec<Connection> {
  using Parts = TypeList<>;

  static void write(Writer& writer, const Connection& connection) {
    Attachments& attachments = writer.require_attachments(type_name<Connection>());
    const arena::Reference carrier = connection.carrier();
    const std::optional<channel::Remote>& remote = connection.remote();
    const int traits = (connection.readable() ? reads : 0) | (connection.writable() ? writes : 0) |
                       (carrier ? has_carrier : 0) | (remote ? is_remote : 0);
    writer.put(static_cast<std::uint8_t>(traits));
    writer.put(attachments.put_descriptor(connection.fileno()));
    if (carrier) writer.put(attachments.put_object(carrier));
    if (remote) wire::write(writer, *remote);
  }

  static Connection read(Reader& reader) {
    const auto traits = reader.get<std::uint8_t>(type_name<Connection>());
    if (traits > (reads | writes | has_carrier | is_remote))
      throw_bad_value(type_name<Connection>(), "it does not say whether it sends or receives");
    Attachments& attachments = reader.require_attachments(type_name<Connection>());
    os::Descriptor socket(attachments.take_descriptor(reader.get<std::uint32_t>(type_name<Connection>())));
    arena::Reference carrier;
    if ((traits & has_carrier) != 0)
      carrier = attachments.take_object(reader.get<std::uint32_t>(type_name<Connection>()));
    std::optional<channel::Remote> remote;
    if ((traits & is_remote) != 0) remote = wire::read<channel::Remote>(reader);
    return Connection(std::move(socket), (traits & reads) != 0, (traits & writes) != 0, std::move(carrier),
                      std::move(remote));
  }

 private:
  static constexpr int reads = 1;
  static constexpr int writes = 2;
  static constexpr int has_carrier = 4;
  static constexpr int is_remote = 8;
};

}  // namespace wire

}  // namespace procyon
