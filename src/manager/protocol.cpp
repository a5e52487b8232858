#include "manager/protocol.hpp"

#include <cstring>
#include <type_traits>

namespace procyon::manager {

static_assert(std::is_trivially_copyable_v<Hello>);

Hello read_hello(std::span<const std::byte> frame) {
  Hello hello;
  if (frame.size() != sizeof(Hello)) throw ProtocolError("it does not speak the protocol of managers");
  std::memcpy(&hello, frame.data(), sizeof(Hello));
  if (hello.magic != protocol_magic || hello.byte_order != Hello().byte_order)
    throw ProtocolError(
        "it does not speak the protocol of managers, or has another byte order than this machine");
  if (hello.version != protocol_version)
    throw ProtocolError("it speaks version " + std::to_string(hello.version) +
                        " of the protocol and this side version " + std::to_string(protocol_version) +
                        "; build both with one version of Procyon");
  if (hello.word_size != sizeof(void*))
    throw ProtocolError("its words have " + std::to_string(8 * std::uint64_t{hello.word_size}) +
                        " bits and this side's " + std::to_string(8 * sizeof(void*)));
  return hello;
}

void write_text(wire::Writer& writer, std::string_view text) {
  writer.put(static_cast<std::uint64_t>(text.size()));
  writer.append(text.data(), text.size());
}

std::string read_text(wire::Reader& reader) {
  const std::size_t length = reader.get_length(1, "a text of the protocol");
  return {reinterpret_cast<const char*>(reader.take(length, "a text of the protocol")), length};
}

void write_objects(wire::Writer& writer, std::span<const ObjectId> objects) {
  writer.put(static_cast<std::uint64_t>(objects.size()));
  writer.append(objects.data(), objects.size_bytes());
}

std::vector<ObjectId> read_objects(wire::Reader& reader) {
  const std::size_t count = reader.get_length(sizeof(ObjectId), "a list of objects");
  std::vector<ObjectId> objects(count);
  if (count != 0)
    std::memcpy(objects.data(), reader.take(count * sizeof(ObjectId), "a list of objects"),
                count * sizeof(ObjectId));
  return objects;
}

std::span<const std::byte> rest_of(wire::Reader& reader) {
  const std::size_t length = reader.remaining();
  return {reader.take(length, "the rest of a message"), length};
}

void write_answer_head(wire::Writer& writer, std::uint64_t call, Status status,
                       std::span<const ObjectId> objects) {
  writer.put(call);
  writer.put(status);
  write_objects(writer, objects);
}

AnswerHead read_answer_head(wire::Reader& reader) {
  AnswerHead head;
  head.call = reader.get<std::uint64_t>("an answer");
  head.status = reader.get<Status>("an answer");
  if (head.status != Status::ok && head.status != Status::error)
    throw wire::DecodeError("an answer is neither a value nor an error");
  head.objects = read_objects(reader);
  return head;
}

}  // namespace procyon::manager
