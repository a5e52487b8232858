// The guardian's own side: it keeps the list, and removes what is on it when its creator is gone. See guardian.hpp.
#pragma once

#include <cstdint>

#include "process/guardian.hpp"

namespace procyon::process {

struct GuardianMessage {
  enum class Verb : std::uint32_t { watch, forget };
  Verb verb = Verb::watch;
  Leftover::Kind kind = Leftover::Kind::file;
  os::FileIdentity file;
  char path[Leftover::max_length] = {};
};

/// The first message, from the guardian.
struct GuardianReady {
  std::int32_t pid = 0;
};

/// Ends the calling process; another one that it forks is the guardian, to be told of names over `socket`, until the
/// process `pidfd` has ended. Async-signal-safe.
[[noreturn]] void become_guardian(int socket, int pidfd) noexcept;

}  // namespace procyon::process
