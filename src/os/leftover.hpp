// Names in the file system that a process would leave behind if it were killed, for those who make them and stand before
// the layer that has somebody to remove them.
//
//   const os::Leftover socket{path, os::Leftover::Kind::socket};
//   os::watch_leftover(socket);          // first
//   ::bind(...);                         // then the name may appear
//   ...
//   ::unlink(path); os::forget_leftover(socket);
//
// Who removes them is the guardian (process/guardian.hpp), which the process layer registers before static constructors
// run. In a program without it nothing happens here, and the names stay.
//
// Thread-safe.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace procyon::os {

/// Which file it is, whatever its name. The time tells apart what got the number of a file that is gone.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t born = 0;  // nanoseconds since 1970; 0 where the file system does not say

  /// The all-zero one stands for any file.
  [[nodiscard]] bool is_any() const { return inode == 0; }
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

/// Of what a path leads to, which may be a symbolic link; the all-zero one if there is nothing. Async-signal-safe.
FileIdentity identity_at(const char* path) noexcept;
/// Whether there is something, and it is that file. Async-signal-safe.
bool leads_to(const char* path, const FileIdentity& file) noexcept;

/// A name, and what is to be done about it.
struct Leftover {
  enum class Kind : std::uint32_t {
    file,       // unlink
    directory,  // rmdir
    socket,     // unlink, with the directory locked (flock); of any file: only if nobody listens there
  };
  std::string path;  // absolute, less than max_length bytes
  Kind kind = Kind::file;
  FileIdentity file;  // that the name is for

  static constexpr std::size_t max_length = 480;
  friend auto operator<=>(const Leftover&, const Leftover&) = default;
};

/// From now on the name goes with this process, if that can be had. Where it cannot, it has been told as a warning.
bool watch_leftover(const Leftover& leftover) noexcept;
/// It is removed, or never came to be.
void forget_leftover(const Leftover& leftover) noexcept;

struct LeftoverKeeper {
  bool (*watch)(const Leftover& leftover) noexcept;
  void (*forget)(const Leftover& leftover) noexcept;
};
/// `keeper` lives for ever.
void set_leftover_keeper(const LeftoverKeeper& keeper) noexcept;

}  // namespace procyon::os
