#include "procyon/detail/os/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "os/error.hpp"

namespace procyon::os {

namespace {
constexpr int first_above_standard = 3;
}

void Descriptor::reset(int number) {
  const int previous = std::exchange(number_, number);
  if (previous < 0) return;
  const int saved = errno;
  ::close(previous);
  errno = saved;
}

Descriptor Descriptor::duplicate() const {
  return Descriptor(
      check(::fcntl(number_, F_DUPFD_CLOEXEC, first_above_standard), "duplicating a descriptor"));
}

Descriptor Descriptor::adopt(int number, const char* attempt) {
  Descriptor result(check(number, attempt));
  if (number < first_above_standard) return result.duplicate();
  check(::fcntl(number, F_SETFD, FD_CLOEXEC), attempt);
  return result;
}

}  // namespace procyon::os
