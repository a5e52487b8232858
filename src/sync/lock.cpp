#include "procyon/lock.hpp"

#include <stdexcept>
#include <string>

namespace procyon::sync {

arena::Reference checked(arena::Reference reference, arena::ObjectType type) {
  if (!reference || reference.type_code() != type.code())
    throw std::logic_error(std::string("procyon: what arrived here as a ") + type.name +
                           " is an object of another type: sender and receiver disagree");
  return reference;
}

void throw_released_too_often(const char* object) {
  throw std::logic_error(std::string("procyon: this ") + object +
                         " was released more often than it was acquired");
}

void throw_released_by_a_stranger(const char* object) {
  throw std::logic_error(std::string("procyon: this ") + object +
                         " is not held by the thread that releases it; only its owner may");
}

}  // namespace procyon::sync
