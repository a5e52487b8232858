// Values on their way into and out of the containers of a server: read from a call, written to its answer.
//
//   ArgumentReader arguments(call);
//   const std::string key = arguments.key();
//   const StoredPointer value = arguments.value();
//   arguments.end();
//
// Format of a value in a message: number of the objects that it refers to (u32), length (u64), bytes. The objects of all
// values of a message stand one behind the other beside its bytes; within a value they are numbered from 0. The client's
// side of this is in detail/manager/stored_values.hpp. A key is its bytes alone, with their length before them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "manager/served_object.hpp"

namespace procyon::manager {

/// Shared by containers, snapshots and answers; never changed.
using StoredPointer = std::shared_ptr<const StoredValue>;

inline bool operator==(const StoredValue& left, const StoredValue& right) {
  return left.bytes == right.bytes && left.objects == right.objects;
}

class ArgumentReader {
 public:
  /// `call` outlives it.
  explicit ArgumentReader(const IncomingCall& call) : reader_(call.arguments()), objects_(call.objects()) {}

  // All of these throw wire::DecodeError for what a client of this library would not have written.
  template <class T>
  T get() {
    return wire::read<T>(reader_);
  }
  std::string key() { return get<std::string>(); }
  StoredPointer value();
  /// Whether no argument is left: for those that may be left out.
  [[nodiscard]] bool at_end() const { return reader_.remaining() == 0; }
  void end() const { reader_.expect_end("the arguments of a call"); }

 private:
  wire::Reader reader_;
  const std::vector<ServedPointer>& objects_;
  std::size_t next_object_ = 0;
};

class AnswerWriter {
 public:
  template <class T>
  void put(const T& value) {
    wire::write(writer_, value);
  }
  void put_value(const StoredValue& value);
  [[nodiscard]] std::size_t size() const { return writer_.size(); }
  void reply_to(IncomingCall& call);

 private:
  wire::Writer writer_;
  std::vector<ServedPointer> objects_;
};

}  // namespace procyon::manager
