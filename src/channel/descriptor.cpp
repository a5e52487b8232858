#include "procyon/descriptor.hpp"

#include <fcntl.h>

#include <stdexcept>

namespace procyon {

Descriptor Descriptor::duplicate_of(int number) {
  return Descriptor(
      os::Descriptor::adopt(::fcntl(number, F_DUPFD_CLOEXEC, 3), "procyon: duplicating a descriptor")
          .release());
}

int Descriptor::procyon_descriptor() const {
  if (!owned_)
    throw std::logic_error(
        "procyon: this Descriptor holds none (it was closed, released or moved from): nothing to send");
  return owned_.get();
}

}  // namespace procyon
