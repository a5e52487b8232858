// What the tests of the pool share. Their tasks run in children of this test binary, entered through the hook.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "process/test_support.hpp"
#include "procyon/event.hpp"
#include "procyon/pool.hpp"
#include "procyon/queue.hpp"
#include "procyon/value.hpp"

namespace procyon::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

/// For whatever has to happen: long enough for the busiest machine, short enough for the test's own limit.
inline constexpr std::chrono::seconds patience{60};

/// Looks until `holds()`, for what tells nobody when it happens (the end of somebody else's child). False after `patience`.
template <class Holds>
bool eventually(Holds holds) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// The error that `action` ends with, as text: "std::logic_error: the pool ...". Empty if it ends well.
template <class Action>
std::string error_of(Action action) {
  try {
    static_cast<void>(action());
  } catch (...) {
    const Error error(std::current_exception());
    return error.type() + ": " + error.what();
  }
  return "";
}

template <class Container>
std::vector<int> numbers_to(Container count) {
  std::vector<int> numbers;
  for (int number = 0; number < static_cast<int>(count); ++number) numbers.push_back(number);
  return numbers;
}

/// Whether there is such a process, be it dead and not waited for.
inline bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }
/// Whether it lives. Of somebody else's children: who waits for them is not our concern.
inline bool is_running(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto end_of_name = text.rfind(')');
  return end_of_name != std::string::npos && text[end_of_name + 2] != 'Z' && text[end_of_name + 2] != 'X';
}

// Functions for tasks.
inline int square(int number) { return number * number; }
inline pid_t pid_of_worker() { return ::getpid(); }
inline pid_t pid_of_worker_for(int) { return ::getpid(); }

/// A task that tells that it runs, and ends when it is let go. Returns the pid that ran it.
inline pid_t wait_for(Event begun, const Event& go) {
  begun.set();
  go.wait();
  return ::getpid();
}

/// The pids of a pool's workers that run tasks now: keeps all of them busy at once and asks.
inline std::vector<pid_t> pids_of(Pool& pool, int workers) {
  Event go;
  std::vector<Event> begun(static_cast<std::size_t>(workers));
  std::vector<AsyncResult<pid_t>> results;
  results.reserve(begun.size());
  for (const Event& each : begun) results.push_back(pool.apply_async(wait_for, each, go));
  for (const Event& each : begun)
    if (!each.wait(patience))
      throw std::runtime_error("the workers of the pool do not run tasks side by side");
  go.set();
  std::vector<pid_t> pids;
  pids.reserve(results.size());
  for (const AsyncResult<pid_t>& result : results) pids.push_back(result.get(patience));
  return pids;
}

}  // namespace procyon::testing
