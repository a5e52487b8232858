// Proxies inside values: how the codec writes and reads them.
//
// To the server of its object a proxy goes as a number that stands for a reference beside the bytes (OutgoingObjects), and
// comes back likewise (IncomingObjects). Anywhere else (arguments of processes, queues, pipes, a value for another server) it
// goes as {address of the server, object, lease}, and whoever reads it claims the lease; see Link::lease().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/wire/attachments.hpp"
#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::manager {

/// What goes to a server along with the bytes of a call. Shared objects of the session and descriptors cannot.
class OutgoingObjects final : public wire::Attachments {
 public:
  explicit OutgoingObjects(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  /// Whether a proxy goes as a reference here: its object is of this server.
  [[nodiscard]] bool is_for(const ObjectReference& reference) const;
  std::uint32_t put_served(const ObjectReference& reference);
  [[nodiscard]] const std::vector<ObjectReference>& objects() const { return objects_; }

  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;

 private:
  std::shared_ptr<Link> link_;
  std::vector<ObjectReference> objects_;
};

/// What came from a server along with the bytes of an answer (or, in the server, with those of a call).
class IncomingObjects final : public wire::Attachments {
 public:
  explicit IncomingObjects(std::vector<ObjectReference> objects) : objects_(std::move(objects)) {}

  /// Throws wire::DecodeError for a number that the message does not have.
  [[nodiscard]] const ObjectReference& served(std::uint32_t index) const;

  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;

 private:
  std::vector<ObjectReference> objects_;
};

/// The codec of every proxy; see the top of this file.
void write_reference(wire::Writer& writer, const ObjectReference& reference, std::string_view type);
ObjectReference read_reference(wire::Reader& reader, std::string_view type);
/// The same for a proxy of nobody's class, which any is.
ObjectReference read_any_reference(wire::Reader& reader);

/// What a server answers that serves what a method returned: the object at that place beside the bytes, or none (an empty
/// proxy). A proxy of `type` is read from it.
void write_served_reference(wire::Writer& writer, std::uint32_t place, std::string_view type);
void write_empty_reference(wire::Writer& writer, std::string_view type);

}  // namespace procyon::manager
