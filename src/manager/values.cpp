#include "procyon/detail/manager/values.hpp"

#include <stdexcept>
#include <string>

#include "manager/links.hpp"
#include "manager/protocol.hpp"
#include "procyon/detail/arena/reference.hpp"

namespace procyon::manager {

namespace {

// What stands before a proxy in a message.
enum class Way : std::uint8_t {
  beside_the_bytes = 1,  // u32: its place among the objects of the message
  by_lease = 2,  // text address, u64 object, u64 lease, u8 whether there are credentials, u32 their place
  empty = 3,     // nothing: a method returned no object
};

[[noreturn]] void refuse_object() {
  throw wire::EncodeError(
      "procyon: an object of this session's shared memory (a queue, a lock, a value) cannot go to the server "
      "of a manager: "
      "it may run elsewhere; take the manager's own, as in manager.Queue()");
}

[[noreturn]] void refuse_descriptor() {
  throw wire::EncodeError(
      "procyon: a connection or an open file cannot go to the server of a manager: only bytes and proxies "
      "do");
}

}  // namespace

bool OutgoingObjects::is_for(const ObjectReference& reference) const {
  return reference.shared_link() == link_ || reference.shared_link()->address() == link_->address();
}

std::uint32_t OutgoingObjects::put_served(const ObjectReference& reference) {
  static_cast<void>(reference.link());
  objects_.push_back(reference);
  return static_cast<std::uint32_t>(objects_.size() - 1);
}

std::uint32_t OutgoingObjects::put_object(const arena::Reference&) { refuse_object(); }
arena::Reference OutgoingObjects::take_object(std::uint32_t) { refuse_object(); }
std::uint32_t OutgoingObjects::put_descriptor(int) { refuse_descriptor(); }
int OutgoingObjects::take_descriptor(std::uint32_t) { refuse_descriptor(); }

const ObjectReference& IncomingObjects::served(std::uint32_t index) const {
  if (index >= objects_.size())
    throw wire::DecodeError("a message of a manager names an object that was not sent along");
  return objects_[index];
}

std::uint32_t IncomingObjects::put_object(const arena::Reference&) { refuse_object(); }
arena::Reference IncomingObjects::take_object(std::uint32_t) { refuse_object(); }
std::uint32_t IncomingObjects::put_descriptor(int) { refuse_descriptor(); }
int IncomingObjects::take_descriptor(std::uint32_t) { refuse_descriptor(); }

namespace {

// Only what carries objects of the session can take them along.
void write_credentials(wire::Writer& writer, Link& link) {
  const arena::Reference credentials =
      writer.attachments() == nullptr ? arena::Reference() : link.credentials();
  if (credentials) {
    try {
      const std::uint32_t place = writer.attachments()->put_object(credentials);
      writer.put(std::uint8_t{1});
      writer.put(place);
      return;
    } catch (
        const wire::EncodeError&) {  // it leads out of the session: whoever is there has the key, or has not
    }
  }
  writer.put(std::uint8_t{0});
}

void write_place(wire::Writer& writer, std::uint32_t place) {
  writer.put(Way::beside_the_bytes);
  writer.put(place);
}

// The message has the hash of the type only; the server knows its name.
[[noreturn]] void throw_other_type(const ObjectReference& object, std::string_view type) {
  std::string sent = "of another type";
  try {
    if (object) sent = "of a " + object.link().describe(object.object()).type;
  } catch (const std::exception&) {  // the server is gone, or it is its loop that reads this
  }
  throw wire::DecodeError("a proxy " + sent + " was sent where one of a " + std::string(type) +
                          " is asked for");
}

// What stands behind the hash of its type.
ObjectReference read_way(wire::Reader& reader, std::string_view type) {
  const Way way = reader.get<Way>(type);
  if (way == Way::empty) return {};
  if (way == Way::beside_the_bytes) {
    const auto* const incoming = dynamic_cast<const IncomingObjects*>(reader.attachments());
    if (incoming == nullptr)
      throw wire::DecodeError("a proxy was sent in a way that only messages of a manager allow: " +
                              std::string(type));
    return incoming->served(reader.get<std::uint32_t>(type));
  }
  if (way != Way::by_lease) wire::throw_bad_value(type, "neither an object of the message nor a lease");
  const std::string address = read_text(reader);
  const auto object = reader.get<ObjectId>(type);
  const auto lease = reader.get<std::uint64_t>(type);
  if (reader.get<std::uint8_t>(type) != 0)
    learn_credentials(address, reader.require_attachments(type).take_object(reader.get<std::uint32_t>(type)));
  return link_to(address)->claim(object, lease);
}

}  // namespace

void write_reference(wire::Writer& writer, const ObjectReference& reference, std::string_view type) {
  writer.put(wire::detail::hash_text(type));
  auto* const outgoing = dynamic_cast<OutgoingObjects*>(writer.attachments());
  if (outgoing != nullptr && outgoing->is_for(reference))
    return write_place(writer, outgoing->put_served(reference));
  writer.put(Way::by_lease);
  write_text(writer, reference.shared_link()->address());
  writer.put(reference.object());
  writer.put(reference.link().lease(reference.object()));
  write_credentials(writer, reference.link());
}

ObjectReference read_reference(wire::Reader& reader, std::string_view type) {
  const bool is_that = reader.get<std::uint64_t>(type) == wire::detail::hash_text(type);
  ObjectReference object = read_way(reader, type);
  if (!is_that) throw_other_type(object, type);
  return object;
}

ObjectReference read_any_reference(wire::Reader& reader) {
  constexpr std::string_view type = "a proxy";
  static_cast<void>(reader.get<std::uint64_t>(type));
  return read_way(reader, type);
}

void write_served_reference(wire::Writer& writer, std::uint32_t place, std::string_view type) {
  writer.put(wire::detail::hash_text(type));
  write_place(writer, place);
}

void write_empty_reference(wire::Writer& writer, std::string_view type) {
  writer.put(wire::detail::hash_text(type));
  writer.put(Way::empty);
}

}  // namespace procyon::manager
