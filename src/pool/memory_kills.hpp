// Whether the kernel has killed a process for want of memory: counts that rise before the victim gets its SIGKILL.
//
//   MemoryKills kills;                              // notes how many there were
//   ... a worker dies of a SIGKILL that we did not send ...
//   std::string sentence = kills.told_since();      // empty: none
//
// The count of this process's control group (version 1 or 2) says it for certain, as far as its own processes are
// concerned; that of the whole machine says that it was some process. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace procyon::pool {

class MemoryKills {
 public:
  /// `root` is put before the paths of /proc and /sys: for tests.
  explicit MemoryKills(std::string root = "");

  /// What has been counted since this was last called or made, as a sentence; empty if nothing.
  std::string told_since();

 private:
  [[nodiscard]] std::optional<std::uint64_t> group_count() const;
  [[nodiscard]] std::optional<std::uint64_t> machine_count() const;

  std::string root_;
  std::string group_file_;  // empty: there is none
  std::string limit_file_;
  std::optional<std::uint64_t> of_group_;
  std::optional<std::uint64_t> of_machine_;
};

}  // namespace procyon::pool
