#include "manager/stored_values.hpp"

#include <utility>

namespace procyon::manager {

StoredPointer ArgumentReader::value() {
  const auto objects = reader_.get<std::uint32_t>("a value");
  const std::size_t length = reader_.get_length(1, "a value");
  const std::byte* const bytes = reader_.take(length, "a value");
  if (objects > objects_.size() - next_object_)
    wire::throw_bad_value("a value", "a number of objects that the call does not have");
  auto value = std::make_shared<StoredValue>();
  value->bytes.assign(bytes, bytes + length);
  const auto first = objects_.begin() + static_cast<std::ptrdiff_t>(next_object_);
  value->objects.assign(first, first + objects);
  next_object_ += objects;
  return value;
}

void AnswerWriter::put_value(const StoredValue& value) {
  writer_.put(static_cast<std::uint32_t>(value.objects.size()));
  writer_.put(static_cast<std::uint64_t>(value.bytes.size()));
  writer_.append(value.bytes.data(), value.bytes.size());
  objects_.insert(objects_.end(), value.objects.begin(), value.objects.end());
}

void AnswerWriter::reply_to(IncomingCall& call) {
  call.reply_bytes({writer_.bytes().begin(), writer_.bytes().end()}, std::move(objects_));
}

}  // namespace procyon::manager
