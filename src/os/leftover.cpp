#include "os/leftover.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>

namespace procyon::os {

namespace {

// The release that sets it pairs with the acquire of who uses it: the keeper's functions find what was made before.
constinit std::atomic<const LeftoverKeeper*> keeper_of_process{nullptr};

constexpr std::uint64_t nanoseconds_of_second = 1'000'000'000;

}  // namespace

FileIdentity identity_at(const char* path) noexcept {
  struct statx found {};
  if (::statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &found) != 0) return {};
  const bool has_time = (found.stx_mask & STATX_BTIME) != 0;
  return {.device = gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor),
          .inode = found.stx_ino,
          .born = has_time ? static_cast<std::uint64_t>(found.stx_btime.tv_sec) * nanoseconds_of_second +
                                 found.stx_btime.tv_nsec
                           : 0};
}

bool leads_to(const char* path, const FileIdentity& file) noexcept {
  const FileIdentity there = identity_at(path);
  if (there.is_any()) return false;
  if (file.is_any()) return true;
  const bool was_born_then = file.born == 0 || there.born == 0 || there.born == file.born;
  return there.device == file.device && there.inode == file.inode && was_born_then;
}

bool watch_leftover(const Leftover& leftover) noexcept {
  const LeftoverKeeper* keeper = keeper_of_process.load(std::memory_order_acquire);
  return keeper != nullptr && keeper->watch(leftover);
}

void forget_leftover(const Leftover& leftover) noexcept {
  if (const LeftoverKeeper* keeper = keeper_of_process.load(std::memory_order_acquire))
    keeper->forget(leftover);
}

void set_leftover_keeper(const LeftoverKeeper& keeper) noexcept {
  keeper_of_process.store(&keeper, std::memory_order_release);
}

}  // namespace procyon::os
