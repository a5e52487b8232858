// What the tortures of the structures have in common: a ledger in shared memory, a crew of processes, the report.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>

#include "options.hpp"
#include "procyon/value.hpp"

namespace procyon::torture {

inline constexpr unsigned most_workers = 32;
/// Of a healthy process on a busy machine; a hang is for ever.
inline constexpr std::chrono::seconds longest_wait{30};

/// A broken promise. A worker that throws it ends with a message and an exit code, which the crew takes for what it is.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void demand(bool holds, const char* promise) {
  if (!holds) throw Violation(promise);
}

/// A number in the torture's own shared memory that several processes change.
template <class Number>
std::atomic_ref<Number> shared(Number& number) {
  return std::atomic_ref<Number>(number);
}

/// What every ledger begins with: how the crew sees that its workers get on, and tells them to end.
struct Pulse {
  std::uint64_t beats[most_workers];  // one word for each place in the crew
  std::uint64_t stop;
  std::uint64_t phase;  // changed by the crew now and then

  void beat(unsigned place) { shared(beats[place]).fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool stopped() { return shared(stop).load(std::memory_order_acquire) != 0; }
};

struct Report {
  std::uint64_t kills = 0;
  std::chrono::milliseconds longest_silence{0};  // of one place in the crew; of a pool, between two outcomes
  std::string summary;
};

struct Structure {
  const char* name;
  Report (*torture)(const Options& options);
  unsigned kills_per_second = 100;
};
std::span<const Structure> all_structures();

Report torture_queue(const Options& options);
Report torture_lock(const Options& options);
Report torture_semaphore(const Options& options);
Report torture_condition(const Options& options);
Report torture_barrier(const Options& options);
Report torture_event(const Options& options);
Report torture_pool(const Options& options);
Report torture_pool_mixed(const Options& options);

}  // namespace procyon::torture
