#include "os/memfd.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include "os/error.hpp"

namespace procyon::os {

Descriptor create_memfd(const char* name) {
  return Descriptor::adopt(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING),
                           "creating shared memory (memfd)");
}

void seal_against_shrinking(const Descriptor& memory) {
  check(::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL), "sealing shared memory (memfd)");
}

bool commit(const Descriptor& memory, std::size_t offset, std::size_t size) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      offset + size > limit.rlim_cur) {
    errno = EFBIG;  // asking the kernel would cost the process its life: the default action of SIGXFSZ
    return false;
  }
  int result = 0;
  do {
    result = ::fallocate(memory.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(size));
  } while (result < 0 && errno == EINTR);
  return result == 0;
}

bool decommit(const Descriptor& memory, std::size_t offset, std::size_t size) {
  return ::fallocate(memory.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                     static_cast<off_t>(size)) == 0;
}

}  // namespace procyon::os
