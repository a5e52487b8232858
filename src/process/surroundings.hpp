// What surrounds a process and a fork server of it cannot know: what it has been made into since the server was started.
//
//   const Settings now = current_settings();
//   record.settings = encode_differences(settings_at_launch, now);     // mostly empty; the child applies them
//   if (current_standing() != standing_at_launch) ...                  // this server will not do any more: another
//
// Two kinds: settings that a child can take over by itself travel with its request, if they differ from the server's.
// What it could not take over (it may not, or cannot go back) makes its parent start another server: privileges that
// somebody has given up must not come back in his children.
//
// Looked at by each start, so it is cheap: some thirty short system calls, 10 us together for a process that may change
// its namespaces, 5 us for others.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace procyon::process {

struct Settings {
  std::uint64_t environment = 0;  // a hash of all variables, in their order
  std::array<rlimit, RLIM_NLIMITS> limits{};
  cpu_set_t affinity{};  // of the calling thread
};

Settings current_settings();

/// What a child of a server with the settings `server` has to change to have `wanted`, which is this process's own.
/// Empty if nothing.
std::string encode_differences(const Settings& server, const Settings& wanted);

/// In the child. Throws std::system_error when the system does not allow it.
void apply_differences(std::string_view differences);

using Namespaces = std::array<std::uint64_t, 8>;

struct Standing {
  std::array<uid_t, 3> users{};  // real, effective, saved
  std::array<gid_t, 3> groups{};
  std::uint64_t more_groups = 0;  // a hash, as are the control groups
  std::array<std::uint32_t, 6> capabilities{};
  pid_t session = 0;
  std::uint64_t control_groups = 0;
  Namespaces namespaces{};  // of the calling thread; zeros if it may not change them

  friend bool operator==(const Standing&, const Standing&) = default;
};

/// Throws std::system_error when there is no descriptor left to look with.
Standing current_standing();

}  // namespace procyon::process
