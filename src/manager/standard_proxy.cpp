#include "procyon/detail/manager/standard_proxy.hpp"

#include <stdexcept>

namespace procyon::manager {

const ObjectReference& ValueReader::object() const {
  if (answer_.objects.empty()) wire::throw_bad_value("an object", "an answer without one");
  return answer_.objects.front();
}

std::vector<ObjectReference> ValueReader::next_objects(std::size_t count) {
  if (count > answer_.objects.size() - next_object_)
    wire::throw_bad_value("a value", "a number of objects that the answer does not have");
  const auto first = answer_.objects.begin() + static_cast<std::ptrdiff_t>(next_object_);
  next_object_ += count;
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

arena::Reference StandardProxy::find_local(const ObjectReference& object) {
  if (!object.link().is_in_session()) return {};
  const ObjectDescription description = object.link().describe(object.object());
  return description.local ? arena::Reference::open(*description.local) : arena::Reference();
}

void throw_no_such_key(const std::string& type) {
  throw std::out_of_range("procyon: this " + type + " of a manager has no such key");
}

void throw_empty_list(const std::string& type) {
  throw std::out_of_range("procyon: this " + type + " of a manager is empty");
}

void check_type(const ObjectReference& object, const std::string& type) {
  const std::string actual = object.link().describe(object.object()).type;
  if (actual != type)
    throw std::invalid_argument("procyon: this object of the manager at " + object.link().address() +
                                " is a " + actual + ", not a " + type);
}

}  // namespace procyon::manager
