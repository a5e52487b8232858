// How a request to stop reaches the std::stop_token of a running task: a thread of the worker listens for it.
//
// Protocol: STOP REQUESTS in pool_format.hpp. The thread is made with the first task that takes a token; stop callbacks
// that the task registers run in it.
#pragma once

#include <cstdint>

#include "pool/pool_format.hpp"

namespace procyon::pool {

class StopWatch {
 public:
  /// Once in a worker: where the master rings.
  static void install(os::FutexWord& bell);
  /// This thread runs that item of a task that takes a token.
  static void begin(const TaskSlot& slot, std::uint32_t item);
  static void end();
};

}  // namespace procyon::pool
