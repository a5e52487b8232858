// What a server answers to who waits until all messages of a JoinableQueue are finished.
#pragma once

#include <cstdint>
#include <string>

namespace procyon::manager {

enum class JoinOutcome : std::uint8_t { not_in_time, all_finished, some_lost };

struct JoinAnswer {
  JoinOutcome outcome = JoinOutcome::not_in_time;
  std::string sentence;  // about what is lost
};

}  // namespace procyon::manager
