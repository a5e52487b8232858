#include "manager/served_object.hpp"

#include <exception>
#include <utility>

#include "procyon/errors.hpp"

namespace procyon::manager {

ServedObject::~ServedObject() {
  if (const std::shared_ptr<Registry> registry = registry_.lock()) registry->forget(id_);
}

void IncomingCall::Sink::abandon(ClientId client, std::uint64_t call) {
  complete_with_error(client, call,
                      std::make_exception_ptr(ObjectGone(
                          "procyon: the object in the manager ended before it had answered this call")));
}

IncomingCall::IncomingCall(Sink& sink, Caller caller, std::uint64_t number, MethodId method,
                           std::vector<std::byte> arguments, std::vector<ServedPointer> objects)
    : sink_(&sink),
      caller_(caller),
      number_(number),
      method_(method),
      arguments_(std::move(arguments)),
      objects_(std::move(objects)) {}

IncomingCall::IncomingCall(IncomingCall&& other) noexcept
    : sink_(std::exchange(other.sink_, nullptr)),
      caller_(other.caller_),
      number_(other.number_),
      method_(other.method_),
      arguments_(std::move(other.arguments_)),
      objects_(std::move(other.objects_)) {}

IncomingCall& IncomingCall::operator=(IncomingCall&& other) noexcept {
  if (this == &other) return *this;
  if (sink_ != nullptr) sink_->abandon(caller_.client, number_);
  sink_ = std::exchange(other.sink_, nullptr);
  caller_ = other.caller_;
  number_ = other.number_;
  method_ = other.method_;
  arguments_ = std::move(other.arguments_);
  objects_ = std::move(other.objects_);
  return *this;
}

IncomingCall::~IncomingCall() {
  if (sink_ != nullptr) sink_->abandon(caller_.client, number_);
}

void IncomingCall::reply() { reply_bytes({}, {}); }

void IncomingCall::reply_bytes(std::vector<std::byte> bytes, std::vector<ServedPointer> objects) {
  if (Sink* const sink = std::exchange(sink_, nullptr))
    sink->complete(caller_.client, number_, std::move(bytes), std::move(objects));
}

void IncomingCall::reply_object(ServedPointer object) {
  std::vector<ServedPointer> objects;
  objects.push_back(std::move(object));
  reply_bytes({}, std::move(objects));
}

void IncomingCall::fail(std::exception_ptr error) {
  if (Sink* const sink = std::exchange(sink_, nullptr))
    sink->complete_with_error(caller_.client, number_, std::move(error));
}

}  // namespace procyon::manager
