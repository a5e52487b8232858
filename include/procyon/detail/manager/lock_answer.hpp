// What a server answers to who asked for a lock.
#pragma once

#include <cstdint>

namespace procyon::manager {

enum class LockOutcome : std::uint8_t { not_in_time, taken, taken_from_the_dead };

struct LockAnswer {
  LockOutcome outcome = LockOutcome::not_in_time;
  bool notified = true;      // of Condition::wait()
  std::uint64_t tenure = 0;  // by which an OwnerDied gives back what it holds
};

}  // namespace procyon::manager
