#include "os/threads.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>

// The thread sanitizer's, if the program has it: it keeps a thread of its own.
extern "C" [[gnu::weak]] void __tsan_init();

namespace procyon::os {

namespace {

int processors_by_affinity() {
  // The kernel refuses masks shorter than its own: grow until it agrees.
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(capacity));
    if (mask == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    const bool known = ::sched_getaffinity(0, size, mask) == 0;
    const int count = known ? CPU_COUNT_S(size, mask) : 0;
    CPU_FREE(mask);
    if (known) return count;
  }
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
}

// "max 100000" or "150000 100000": microseconds of processor time per period.
std::optional<double> quota_version_2(const std::string& directory) {
  std::ifstream file(directory + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  return std::stod(quota) / period;
}

std::optional<double> quota_version_1(const std::string& directory) {
  std::ifstream quota_file(directory + "/cpu.cfs_quota_us");
  std::ifstream period_file(directory + "/cpu.cfs_period_us");
  double quota = -1;
  double period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// The smallest quota from `group` up to the root of its hierarchy at `mount`.
template <class Read>
std::optional<double> smallest_quota(const std::string& mount, std::string group, Read read) {
  std::optional<double> smallest;
  for (;;) {
    if (const auto quota = read(mount + group)) smallest = std::min(*quota, smallest.value_or(*quota));
    if (group.empty() || group == "/") return smallest;
    group.resize(group.rfind('/'));
  }
}

// Lines of /proc/self/cgroup: "0::/user.slice" (version 2), "4:cpu,cpuacct:/docker/1f" (version 1).
std::optional<double> quota_of_control_group() {
  std::ifstream groups("/proc/self/cgroup");
  std::optional<double> smallest;
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    std::optional<double> quota;
    if (controllers == ",,")
      quota = smallest_quota("/sys/fs/cgroup", group, quota_version_2);
    else if (controllers.find(",cpu,") != std::string::npos)
      quota = smallest_quota("/sys/fs/cgroup/cpu", group, quota_version_1);
    if (quota) smallest = std::min(*quota, smallest.value_or(*quota));
  }
  return smallest;
}

}  // namespace

int thread_count() {
  struct stat status {};
  if (::stat("/proc/self/task", &status) != 0) return 0;
  const int threads = static_cast<int>(status.st_nlink) - 2;  // one directory for each, besides . and ..
  return __tsan_init != nullptr && threads > 1 ? threads - 1 : threads;
}

int usable_processors() {
  int count = processors_by_affinity();
  if (const auto quota = quota_of_control_group())
    count = std::min(count, static_cast<int>(std::ceil(*quota)));
  return std::max(count, 1);
}

}  // namespace procyon::os
