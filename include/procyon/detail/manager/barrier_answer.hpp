// What a server answers to who waits at a Barrier.
#pragma once

#include <cstdint>
#include <string>

namespace procyon::manager {

struct BarrierAnswer {
  std::uint64_t number = 0;
  std::string action;  // to be run by who gets it: a procedure as the codec writes it; mostly empty
};

struct BarrierState {
  std::uint64_t parties = 0;
  std::uint64_t waiting = 0;
  bool broken = false;
};

}  // namespace procyon::manager
