// What every proxy is: a reference to an object in a server, and calls of its methods.
//
//   class CounterProxy : public manager::ProxyBase {
//     int inc(int by) { return call<int>("inc(i32)->i32", by); }
//   };
//
// A proxy is small and cheap to copy: copies are the same object, which lives as long as one of them does, in whichever
// process. It can be an argument of a process or task, go through queues and pipes and lie inside other served objects: on
// its way a lease of the server keeps the object. To be used by any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/manager/values.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon::manager {

/// What a method returned.
template <class R>
R value_of(Answer answer) {
  if constexpr (!std::is_void_v<R>) {
    IncomingObjects incoming(std::move(answer.objects));
    wire::Reader reader(answer.bytes, &incoming);
    R value = wire::read<R>(reader);
    reader.expect_end(wire::type_name<R>());
    return value;
  }
}

class ProxyBase {
 public:
  /// For the codec and tests.
  [[nodiscard]] const ObjectReference& object_reference() const { return reference_; }
  /// Whether both are the same object, as Python compares proxies.
  friend bool operator==(const ProxyBase& left, const ProxyBase& right) {
    return left.reference_ == right.reference_;
  }

 protected:
  ProxyBase() = default;
  explicit ProxyBase(ObjectReference reference) : reference_(std::move(reference)) {}

  /// Calls the method of this name and signature and waits for its result.
  template <class R, class... Arguments>
  R call(std::string_view name_and_signature, const Arguments&... arguments) const {
    OutgoingObjects outgoing(reference_.shared_link());
    wire::Writer writer(&outgoing);
    (wire::write(writer, arguments), ...);
    return value_of<R>(reference_.link().call(reference_.object(), method_id(name_and_signature),
                                              writer.bytes(), outgoing.objects(), os::Deadline::never()));
  }

 private:
  ObjectReference reference_;
};

}  // namespace procyon::manager
