#include "pool/memory_kills.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <string_view>

namespace procyon::pool {

namespace {

// The number behind "name " at the start of a line.
std::optional<std::uint64_t> number_in(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  std::string word;
  std::uint64_t number = 0;
  while (file >> word >> number)
    if (word == name) return number;
  return std::nullopt;
}

bool is_readable(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }

struct Group {
  std::string path;
  bool is_first_version = false;
};

// "4:memory:/jobs" of version 1, "0::/jobs" of version 2.
std::optional<Group> group_of_memory(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::optional<Group> found;
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers.find(",memory,") != std::string::npos) return Group{line.substr(second + 1), true};
    if (controllers == ",,") found = Group{line.substr(second + 1), false};
  }
  return found;
}

}  // namespace

MemoryKills::MemoryKills(std::string root) : root_(std::move(root)) {
  if (const auto group = group_of_memory(root_)) {
    const std::string base = root_ + (group->is_first_version ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup");
    const std::string counts = group->is_first_version ? "/memory.oom_control" : "/memory.events";
    const std::string limit = group->is_first_version ? "/memory.limit_in_bytes" : "/memory.max";
    // In a container the group may be mounted as the root, whatever its path outside is.
    for (const std::string& directory : {base + group->path, base}) {
      if (!is_readable(directory + counts)) continue;
      group_file_ = directory + counts;
      limit_file_ = directory + limit;
      break;
    }
  }
  of_group_ = group_count();
  of_machine_ = machine_count();
}

std::optional<std::uint64_t> MemoryKills::group_count() const {
  return group_file_.empty() ? std::nullopt : number_in(group_file_, "oom_kill");
}

std::optional<std::uint64_t> MemoryKills::machine_count() const {
  return number_in(root_ + "/proc/vmstat", "oom_kill");
}

std::string MemoryKills::told_since() {
  const auto group = group_count();
  const auto machine = machine_count();
  const bool in_group = group && of_group_ && *group > *of_group_;
  const bool on_machine = machine && of_machine_ && *machine > *of_machine_;
  of_group_ = group;
  of_machine_ = machine;
  if (in_group) {
    std::uint64_t limit = 0;
    std::ifstream(limit_file_) >> limit;
    constexpr std::uint64_t no_limit = std::uint64_t{1} << 60;
    const bool is_known = limit != 0 && limit < no_limit;
    return fmt::format(
        "The kernel killed a process of this control group for want of memory meanwhile{}; give the tasks "
        "less "
        "to hold, use fewer workers, or raise the limit.",
        is_known ? fmt::format(" (its limit is {} MiB)", limit >> 20) : "");
  }
  if (on_machine)
    return "The kernel killed a process of this machine for want of memory meanwhile; give the tasks less to "
           "hold, or use fewer workers.";
  return "";
}

}  // namespace procyon::pool
