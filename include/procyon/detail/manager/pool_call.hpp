// Calls on their way to the Pool of a server.
#pragma once

#include <string>
#include <vector>

namespace procyon::manager {

/// Each as wire::encode_call() writes it: a worker runs them one after another.
using PoolCalls = std::vector<std::string>;
/// What each ended with, as wire::decode_outcome() reads it.
using PoolOutcomes = std::vector<std::string>;

struct ManagedPoolOptions {
  int processes = 0;
  int maxtasksperchild = 0;
};

}  // namespace procyon::manager
