#include "procyon/detail/channel/connection_value.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "os/error.hpp"
#include "os/socket.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/wire/decode_error.hpp"
#include "procyon/detail/wire/type_name.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel {

using arena::Handle;
using arena::Session;

namespace {

struct ValueHeader {
  std::array<unsigned char, 8> magic;
  std::uint64_t type;
  std::uint16_t descriptors;
  std::uint16_t objects;
  std::uint32_t name_length;
};
static_assert(sizeof(ValueHeader) == 24);

struct Trailer {
  std::uint64_t block;
  std::uint64_t carrier;
  std::uint64_t count;
};

constexpr std::array<unsigned char, 8> magic{0x89, 'P', 'r', 'o', 'c', 'y', 'o', 'n'};
constexpr std::size_t longest_name = 1024;

// Stands for the carrier of the pipe through which the message travels.
constexpr std::uint32_t this_pipe = UINT32_MAX;

// The name comes from another process: whatever it holds, the sentence stays readable.
std::string readable_name(std::span<const std::byte> bytes) {
  std::string name(bytes.size(), '?');
  std::transform(bytes.begin(), bytes.end(), name.begin(), [](std::byte byte) {
    const char character = static_cast<char>(byte);
    return character >= ' ' && character <= '~' ? character : '?';
  });
  return name;
}

[[noreturn]] void throw_plain_bytes(std::size_t size, std::string_view type) {
  throw wire::DecodeError(fmt::format(
      "procyon: recv() was to receive a value of type '{}', but the message is {} plain bytes; receive it "
      "with recv_bytes(), or send it with send()",
      type, size));
}

[[noreturn]] void throw_sending() {
  throw std::logic_error("procyon: a value that is sent has nothing to take");
}
[[noreturn]] void throw_receiving() {
  throw std::logic_error("procyon: a value that came takes nothing along");
}

}  // namespace

OutgoingValue::~OutgoingValue() {
  if (block_) Session::current().release(block_);
}

void OutgoingValue::begin(wire::Writer& writer, std::string_view type) {
  const std::string_view name = type.substr(0, longest_name);
  writer.put(
      ValueHeader{magic, wire::detail::hash_text(type), 0, 0, static_cast<std::uint32_t>(name.size())});
  writer.append(name.data(), name.size());
}

void OutgoingValue::finish(wire::Writer& writer) {
  if (!descriptors_.empty())
    writer.patch(offsetof(ValueHeader, descriptors), static_cast<std::uint16_t>(descriptors_.size()));
  if (parcel_.empty()) return;
  const std::uint64_t count = parcel_.references().size();
  // Asked anew: a process that was forked by its user may join only now, and find that the pipe went with its parent.
  const arena::Reference carrier = arena::Reference::open(carrier_.handle(), pipe_type);
  const Handle block = store_in_block({}, parcel_);
  os::crash_point("pipe.send.block_filled");
  Session::current().hand_to(block, carrier.handle());
  os::crash_point("pipe.send.block_held");
  block_ = block;
  writer.patch(offsetof(ValueHeader, objects), std::uint16_t{1});
  writer.put(Trailer{block.bits(), carrier.handle().bits(), count});
}

std::uint32_t OutgoingValue::put_object(const arena::Reference& reference) {
  if (!carrier_) {
    throw wire::EncodeError(
        "procyon: shared objects travel through the connections that Pipe() makes, between processes of one "
        "session; "
        "this connection is of another origin. Send what they hold, or pass them through a Pipe");
  }
  if (reference == carrier_) return this_pipe;
  return parcel_.put_object(reference);
}

std::uint32_t OutgoingValue::put_descriptor(int descriptor) {
  if (descriptors_.size() == os::max_descriptors_per_message)
    throw wire::EncodeError(
        "procyon: more than 253 descriptors (Connections among them) cannot travel in one message; send "
        "several");
  descriptors_.push_back(os::Descriptor::adopt(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3),
                                               "procyon: duplicating a descriptor to send it"));
  return static_cast<std::uint32_t>(descriptors_.size() - 1);
}

arena::Reference OutgoingValue::take_object(std::uint32_t) { throw_sending(); }
int OutgoingValue::take_descriptor(std::uint32_t) { throw_sending(); }

ReceivedValue::ReceivedValue(ArrivedMessage message, std::string_view type, arena::Reference carrier)
    : message_(std::move(message)), carrier_(std::move(carrier)) {
  const std::span<const std::byte> bytes = message_.bytes;
  ValueHeader header;
  if (bytes.size() < sizeof(header)) throw_plain_bytes(bytes.size(), type);
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != magic) throw_plain_bytes(bytes.size(), type);
  value_ = bytes.subspan(sizeof(header));
  if (header.name_length > std::min(value_.size(), longest_name))
    wire::throw_bad_value(type, "the name of its type is longer than the message");
  const auto name = value_.first(header.name_length);
  value_ = value_.subspan(header.name_length);
  if (header.objects != 0) {
    Trailer trailer;
    if (value_.size() < sizeof(trailer)) wire::throw_bad_value(type, "its shared objects are missing");
    std::memcpy(&trailer, value_.data() + value_.size() - sizeof(trailer), sizeof(trailer));
    value_ = value_.first(value_.size() - sizeof(trailer));
    take_block(trailer.block, trailer.carrier, trailer.count);
  }
  if (header.type != wire::detail::hash_text(type)) {
    throw wire::DecodeError(fmt::format(
        "procyon: recv() was to receive a value of type '{}', but the message holds one of type '{}'; ask "
        "for what is sent. The message is lost",
        type, readable_name(name)));
  }
  if (header.descriptors <= message_.descriptors.size()) return;
  if (message_.descriptors_lost) {
    os::throw_system_error(
        fmt::format(
            "procyon: receiving a '{}' with {} descriptors, for which this process has no room; close "
            "some or raise its limit (RLIMIT_NOFILE). The message is lost",
            type, header.descriptors),
        EMFILE);
  }
  wire::throw_bad_value(type, "the descriptors that belong to it did not come along");
}

ReceivedValue::Block::~Block() {
  if (handle) Session::current().release(handle);
}

void ReceivedValue::take_block(std::uint64_t block_bits, std::uint64_t carrier, std::uint64_t count) {
  if (!carrier_ || carrier_.handle().bits() != carrier) {
    throw wire::DecodeError(
        "procyon: this message holds shared objects of another session, or was sent through another pipe: "
        "they "
        "cannot be reached from here. The message is lost");
  }
  Session& session = Session::current();
  const Handle block = Handle::from_bits(block_bits);
  // Nobody else does this for the same message: it came only once.
  if (session.bytes(block) == nullptr || !session.is_held_by(block, carrier_.handle())) {
    throw ObjectGone(
        "procyon: the shared objects that came with this message are gone: the same message was received "
        "before");
  }
  session.take_from(block, carrier_.handle());
  os::crash_point("pipe.recv.block_taken");
  block_.handle = block;
  if (count > session.size(block) / sizeof(TravellingReference))
    throw wire::DecodeError("procyon: this message names more shared objects than came with it");
  references_ = references_behind(session.bytes(block), 0, static_cast<std::size_t>(count));
}

arena::Reference ReceivedValue::take_object(std::uint32_t index) {
  if (index == this_pipe && carrier_) return carrier_;
  return OpenedParcel(references_).take_object(index);
}

int ReceivedValue::take_descriptor(std::uint32_t index) {
  if (index >= message_.descriptors.size() || !message_.descriptors[index])
    throw wire::DecodeError("procyon: this message names a descriptor that did not come with it");
  return message_.descriptors[index].release();
}

std::uint32_t ReceivedValue::put_object(const arena::Reference&) { throw_receiving(); }
std::uint32_t ReceivedValue::put_descriptor(int) { throw_receiving(); }

}  // namespace procyon::channel
