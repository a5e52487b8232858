// Stand-in for what is merged later.
#include <map>

#include "manager/served_object.hpp"
#include "procyon/errors.hpp"
#include "procyon/detail/manager/values.hpp"

namespace procyon::manager {

IncomingCall::IncomingCall(Sink& sink, Caller caller, std::uint64_t number, MethodId method,
                           std::vector<std::byte> arguments, std::vector<ServedPointer> objects)
    : sink_(&sink), caller_(caller), number_(number), method_(method), arguments_(std::move(arguments)), objects_(std::move(objects)) {}
IncomingCall::IncomingCall(IncomingCall&& other) noexcept
    : sink_(std::exchange(other.sink_, nullptr)), caller_(other.caller_), number_(other.number_), method_(other.method_),
      arguments_(std::move(other.arguments_)), objects_(std::move(other.objects_)) {}
IncomingCall& IncomingCall::operator=(IncomingCall&& other) noexcept {
  std::swap(sink_, other.sink_); std::swap(caller_, other.caller_); std::swap(number_, other.number_);
  std::swap(method_, other.method_); std::swap(arguments_, other.arguments_); std::swap(objects_, other.objects_);
  return *this;
}
IncomingCall::~IncomingCall() {
  if (sink_ != nullptr && method_ != 0) sink_->complete_with_error(caller_.client, number_, std::make_exception_ptr(ObjectGone("gone")));
}
void IncomingCall::reply() { reply_bytes({}, {}); }
void IncomingCall::reply_bytes(std::vector<std::byte> bytes, std::vector<ServedPointer> objects) {
  if (sink_ != nullptr) std::exchange(sink_, nullptr)->complete(caller_.client, number_, std::move(bytes), std::move(objects));
}
void IncomingCall::reply_object(ServedPointer object) { reply_bytes({}, {std::move(object)}); }
void IncomingCall::fail(std::exception_ptr error) {
  if (sink_ != nullptr) std::exchange(sink_, nullptr)->complete_with_error(caller_.client, number_, error);
}

struct ObjectReference::Held {
  std::shared_ptr<Link> link; ObjectId object;
  ~Held() { release(*link, object); }
  static void release(Link& link, ObjectId object) { link.release(object); }
};
ObjectReference::ObjectReference(std::shared_ptr<Link> link, ObjectId object) : held_(new Held{std::move(link), object}) {}
ObjectId ObjectReference::object() const { return held_->object; }
Link& ObjectReference::link() const { return *held_->link; }
const std::shared_ptr<Link>& ObjectReference::shared_link() const { return held_->link; }
bool operator==(const ObjectReference& a, const ObjectReference& b) { return a.held_->object == b.held_->object; }

bool OutgoingObjects::is_for(const ObjectReference&) const { return true; }
std::uint32_t OutgoingObjects::put_served(const ObjectReference& reference) { objects_.push_back(reference); return static_cast<std::uint32_t>(objects_.size() - 1); }
std::uint32_t OutgoingObjects::put_object(const arena::Reference&) { throw std::logic_error("no"); }
arena::Reference OutgoingObjects::take_object(std::uint32_t) { throw std::logic_error("no"); }
std::uint32_t OutgoingObjects::put_descriptor(int) { throw std::logic_error("no"); }
int OutgoingObjects::take_descriptor(std::uint32_t) { throw std::logic_error("no"); }
const ObjectReference& IncomingObjects::served(std::uint32_t index) const { return objects_.at(index); }
std::uint32_t IncomingObjects::put_object(const arena::Reference&) { throw std::logic_error("no"); }
arena::Reference IncomingObjects::take_object(std::uint32_t) { throw std::logic_error("no"); }
std::uint32_t IncomingObjects::put_descriptor(int) { throw std::logic_error("no"); }
int IncomingObjects::take_descriptor(std::uint32_t) { throw std::logic_error("no"); }
void write_reference(wire::Writer& writer, const ObjectReference& reference, std::string_view) {
  writer.put(dynamic_cast<OutgoingObjects&>(*writer.attachments()).put_served(reference));
}
ObjectReference read_reference(wire::Reader& reader, std::string_view) {
  return dynamic_cast<IncomingObjects&>(*reader.attachments()).served(reader.get<std::uint32_t>("x"));
}

}  // namespace procyon::manager
