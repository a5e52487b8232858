// Paths for tests: a directory for keys, certificates and the paths of listeners, what a dead listener leaves at one, and
// names that no other test has.
//
//   const TestDirectory directory;
//   const Address address = parse_address("unix:" + (directory.path() / "socket").string());
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "channel/net/address.hpp"
#include "os/error.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::channel::net {

/// A directory that goes with its object, but not with a forked copy.
class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "procyon-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("a directory for a test could not be made");
    path_ = pattern;
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    if (owner_ == ::getpid()) std::filesystem::remove_all(path_);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  pid_t owner_ = ::getpid();
};

/// The address, if it is an abstract name with this process's number behind it: tests run beside each other.
inline std::string of_this_process(std::string address) {
  if (address.starts_with("unix:@")) address += "-" + std::to_string(::getpid());
  return address;
}

/// As a program does that is killed, and has no guardian.
inline void leave_dead_socket(const Address& address) {
  const os::Descriptor left(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress where = resolve(address, os::Deadline::never()).front();
  os::check(::bind(left.get(), where.get(), where.size), "leaving a dead socket for a test (bind)");
}

}  // namespace procyon::channel::net
