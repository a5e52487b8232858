#include "os/threads.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "os/signals.hpp"

// The thread sanitizer's, if the program has it: it keeps a thread of its own.
extern "C" [[gnu::weak]] void __tsan_init();

namespace procyon::os {

namespace {

// In a list such as "cpu,cpuacct".
bool names_processor(std::string_view controllers) {
  while (!controllers.empty()) {
    const auto comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

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

std::optional<double> read_number(std::ifstream& file) {
  double value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

std::optional<double> quota_per_period(std::optional<double> quota, std::optional<double> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

// "max 100000" or "150000 100000": microseconds of processor time per period. "max" is no number.
std::optional<double> quota_version_2(const std::string& directory) {
  std::ifstream file(directory + "/cpu.max");
  const auto quota = read_number(file);
  return quota_per_period(quota, read_number(file));
}

std::optional<double> quota_version_1(const std::string& directory) {
  std::ifstream quota_file(directory + "/cpu.cfs_quota_us");  // -1: none
  std::ifstream period_file(directory + "/cpu.cfs_period_us");
  return quota_per_period(read_number(quota_file), read_number(period_file));
}

std::optional<double> smaller(std::optional<double> one, std::optional<double> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

// The smallest quota from `group` up to the root of its hierarchy at `mount`. In a container the group may be told as the
// host sees it, and not lie beneath the mount: the mount itself is the container's then.
template <class Read>
std::optional<double> smallest_quota(const std::string& mount, std::string group, Read read) {
  std::optional<double> smallest;
  while (!group.empty() && group != "/") {
    smallest = smaller(smallest, read(mount + group));
    const auto slash = group.rfind('/');
    group.resize(slash == std::string::npos ? 0 : slash);
  }
  return smaller(smallest, read(mount));
}

}  // namespace

int start_detached_thread(pthread_t& thread, void* (*main)(void*), void* argument,
                          const ThreadOptions& options) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  if (options.stack_size != 0) ::pthread_attr_setstacksize(&attributes, options.stack_size);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const BlockSignals quiet;
  const int error = ::pthread_create(&thread, &attributes, main, argument);
  ::pthread_attr_destroy(&attributes);
  if (error == 0 && options.name != nullptr) ::pthread_setname_np(thread, options.name);
  return error;
}

int thread_count() {
  struct stat status {};
  if (::stat("/proc/self/task", &status) != 0) return 0;
  const int threads = static_cast<int>(status.st_nlink) - 2;  // one directory for each, besides . and ..
  return __tsan_init != nullptr && threads > 1 ? threads - 1 : threads;
}

// Lines of /proc/self/cgroup: "0::/user.slice" (version 2), "4:cpu,cpuacct:/docker/1f" (version 1).
std::optional<double> quota_of_control_groups(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  std::ifstream groups(root + "/proc/self/cgroup");
  std::optional<double> smallest;
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty())
      smallest = smaller(smallest, smallest_quota(mount, group, quota_version_2));
    else if (names_processor(controllers))
      // The hierarchy is called after its controllers, usually with a link from each.
      for (const auto& hierarchy : {mount + "/cpu", std::string(mount).append("/").append(controllers)})
        smallest = smaller(smallest, smallest_quota(hierarchy, group, quota_version_1));
  }
  return smallest;
}

int usable_processors() {
  int count = processors_by_affinity();
  if (const auto quota = quota_of_control_groups())
    count = std::min(count, static_cast<int>(std::ceil(std::min(*quota, 1e6))));
  return std::max(count, 1);
}

}  // namespace procyon::os
