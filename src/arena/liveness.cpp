#include "arena/liveness.hpp"

#include <fcntl.h>

#include <cerrno>

#include "os/error.hpp"
#include "os/memfd.hpp"

namespace procyon::arena {

namespace {

struct flock byte_lock(short type, std::uint32_t slot) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = slot;
  lock.l_len = 1;
  return lock;
}

}  // namespace

os::Descriptor create_liveness_file() { return os::create_memfd("procyon-liveness"); }

bool claim_slot(const os::Descriptor& liveness, std::uint32_t slot) {
  struct flock lock = byte_lock(F_WRLCK, slot);
  if (::fcntl(liveness.get(), F_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  os::throw_system_error("joining the session (record lock)");
}

void unclaim_slot(const os::Descriptor& liveness, std::uint32_t slot) {
  struct flock lock = byte_lock(F_UNLCK, slot);
  ::fcntl(liveness.get(), F_SETLK, &lock);
}

bool is_claimed_by_another(const os::Descriptor& liveness, std::uint32_t slot) {
  struct flock lock = byte_lock(F_WRLCK, slot);
  // If the question cannot be asked, nobody is declared dead.
  return ::fcntl(liveness.get(), F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

}  // namespace procyon::arena
