#include "process/surroundings.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "os/error.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

namespace {

// Not against enemies: it tells whether something changed.
class Hash {
 public:
  void add(const char* bytes, std::size_t size) {
    for (; size >= sizeof(std::uint64_t); bytes += sizeof(std::uint64_t), size -= sizeof(std::uint64_t))
      add_word(bytes, sizeof(std::uint64_t));
    add_word(bytes, size);
    mix(size);
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  void add_word(const char* bytes, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, size);
    mix(word);
  }
  void mix(std::uint64_t word) {
    value_ = (value_ ^ word) * 0x9e3779b97f4a7c15U;
    value_ ^= value_ >> 32;
  }

  std::uint64_t value_ = 0x70726f6379'6f6eU;
};

std::uint64_t hash_of_environment() {
  Hash hash;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    hash.add(*variable, std::strlen(*variable) + 1);
  return hash.value();
}

std::uint64_t hash_of_groups() {
  std::vector<gid_t> groups(256);
  int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  if (count < 0) {
    groups.resize(65536);  // NGROUPS_MAX
    count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  }
  Hash hash;
  if (count > 0)
    hash.add(reinterpret_cast<const char*>(groups.data()), static_cast<std::size_t>(count) * sizeof(gid_t));
  return hash.value();
}

// Empty on a system that has no such thing. Throws when there is no room to look.
os::Descriptor open_if_there(const char* path, int flags) {
  os::Descriptor file(::open(path, flags | O_CLOEXEC));
  if (!file && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
    os::throw_system_error(std::string("starting a process: looking at ") + path);
  return file;
}

std::uint64_t hash_of_control_groups() {
  const os::Descriptor file = open_if_there("/proc/self/cgroup", O_RDONLY);
  Hash hash;
  char text[4096];
  const ssize_t size = file ? ::read(file.get(), text, sizeof(text)) : 0;
  if (size > 0) hash.add(text, static_cast<std::size_t>(size));
  return hash.value();
}

bool may_change_namespaces(const std::array<std::uint32_t, 6>& capabilities) {
  return (capabilities[0] & (1U << CAP_SYS_ADMIN)) != 0;
}

Namespaces current_namespaces() {
  constexpr const char* names[] = {"cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children",
                                   "user",   "uts"};
  Namespaces result{};
  const os::Descriptor directory = open_if_there("/proc/thread-self/ns", O_PATH | O_DIRECTORY);
  for (std::size_t i = 0; directory && i < result.size(); ++i) {
    struct stat status {};
    if (::fstatat(directory.get(), names[i], &status, 0) == 0) result[i] = status.st_ino;
  }
  return result;
}

std::array<std::uint32_t, 6> current_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return {};
  return {data[0].effective, data[0].permitted, data[0].inheritable,
          data[1].effective, data[1].permitted, data[1].inheritable};
}

// ---- differences: a byte that says what follows; limits; affinity; the variables, each with its zero

enum Difference : char { limits_differ = 1, affinity_differs = 2, environment_differs = 4 };

template <class T>
void append(std::string& text, const T& object) {
  text.append(reinterpret_cast<const char*>(&object), sizeof(object));
}

template <class T>
T take(std::string_view& text) {
  T object{};
  if (text.size() < sizeof(object)) os::throw_system_error("reading the settings of the parent", EBADMSG);
  std::memcpy(&object, text.data(), sizeof(object));
  text.remove_prefix(sizeof(object));
  return object;
}

template <class T>
bool same(const T& one, const T& other) {
  return std::memcmp(&one, &other, sizeof(one)) == 0;
}

void set_limits(const std::array<rlimit, RLIM_NLIMITS>& limits) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const auto resource = static_cast<__rlimit_resource_t>(i);
    rlimit present{};
    if (::getrlimit(resource, &present) == 0 && same(present, limits[i])) continue;
    os::check(::setrlimit(resource, &limits[i]), "taking over a resource limit of the parent (setrlimit)");
  }
}

// For good: what points to them is not known.
void replace_environment(std::string_view variables) {
  auto* text = new std::string(variables);
  auto* pointers = new std::vector<char*>;
  for (std::size_t at = 0; at < text->size(); at = text->find('\0', at) + 1)
    pointers->push_back(text->data() + at);
  pointers->push_back(nullptr);
  environ = pointers->data();
}

}  // namespace

Settings current_settings() {
  Settings settings;
  settings.environment = hash_of_environment();
  for (std::size_t i = 0; i < settings.limits.size(); ++i)
    ::getrlimit(static_cast<__rlimit_resource_t>(i), &settings.limits[i]);
  // A machine with more processors than a cpu_set_t has room for: not carried over.
  if (::sched_getaffinity(0, sizeof(settings.affinity), &settings.affinity) != 0)
    CPU_ZERO(&settings.affinity);
  return settings;
}

std::string encode_differences(const Settings& server, const Settings& wanted) {
  int differences = 0;
  if (!same(server.limits, wanted.limits)) differences |= limits_differ;
  if (!same(server.affinity, wanted.affinity)) differences |= affinity_differs;
  if (server.environment != wanted.environment) differences |= environment_differs;
  std::string text;
  if (differences == 0) return text;
  text.push_back(static_cast<char>(differences));
  if ((differences & limits_differ) != 0) append(text, wanted.limits);
  if ((differences & affinity_differs) != 0) append(text, wanted.affinity);
  if ((differences & environment_differs) == 0) return text;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    text.append(*variable).push_back('\0');
  return text;
}

void apply_differences(std::string_view text) {
  if (text.empty()) return;
  const int differences = take<unsigned char>(text);
  // Limits last: memory may be scarce afterwards.
  std::array<rlimit, RLIM_NLIMITS> limits{};
  if ((differences & limits_differ) != 0) limits = take<std::array<rlimit, RLIM_NLIMITS>>(text);
  if ((differences & affinity_differs) != 0) {
    const auto affinity = take<cpu_set_t>(text);
    if (CPU_COUNT(&affinity) != 0)
      os::check(::sched_setaffinity(0, sizeof(affinity), &affinity),
                "taking over the processors of the parent (sched_setaffinity)");
  }
  if ((differences & environment_differs) != 0) replace_environment(text);
  if ((differences & limits_differ) != 0) set_limits(limits);
}

Standing current_standing() {
  Standing standing;
  ::getresuid(&standing.users[0], &standing.users[1], &standing.users[2]);
  ::getresgid(&standing.groups[0], &standing.groups[1], &standing.groups[2]);
  standing.more_groups = hash_of_groups();
  standing.capabilities = current_capabilities();
  standing.session = ::getsid(0);
  standing.control_groups = hash_of_control_groups();
  if (may_change_namespaces(standing.capabilities)) standing.namespaces = current_namespaces();
  return standing;
}

}  // namespace procyon::process
