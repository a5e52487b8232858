// The torture program: README.md.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "procyon/detail/arena/session.hpp"
#include "procyon/process.hpp"
#include "torture.hpp"

namespace procyon::torture {

namespace {

constexpr Structure structures[] = {
    {"queue", torture_queue},         {"lock", torture_lock},
    {"semaphore", torture_semaphore}, {"condition", torture_condition},
    {"barrier", torture_barrier},     {"event", torture_event},
    {"pool", torture_pool, 10},       {"pool-mixed", torture_pool_mixed, 10},
};

std::ptrdiff_t entries_of(const char* directory) {
  return std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator());
}

/// What the program holds, which must not be more after a structure than before.
struct Holdings {
  std::ptrdiff_t descriptors = entries_of("/proc/self/fd");
  std::ptrdiff_t threads = entries_of("/proc/self/task");
  std::size_t children = active_children().size();
  std::size_t memory = [] {
    arena::Session::current().recover_everybody();
    return arena::Session::current().used_bytes();
  }();

  [[nodiscard]] bool grew_since(const Holdings& before) const {
    return descriptors > before.descriptors || threads > before.threads || children > before.children ||
           memory > before.memory;
  }
};

// The supervisor's thread gives back what a child had when it comes to it: a moment later.
void expect_nothing_grew(const Holdings& before) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (Holdings().grew_since(before) && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Holdings now;
  if (now.grew_since(before))
    throw Violation(
        fmt::format("something stayed behind: {} descriptors (before: {}), {} threads ({}), {} children "
                    "({}), {} bytes of shared memory ({})",
                    now.descriptors, before.descriptors, now.threads, before.threads, now.children,
                    before.children, now.memory, before.memory));
  arena::Session::current().verify();
}

// What comes with the first child and stays: the supervisor, the server.
void warm_up() {
  Process first({.daemon = true}, [] {});
  first.start();
  first.join();
}

bool torture(const Structure& structure, Options options) {
  options.kills_per_second = options.kills_per_second.value_or(structure.kills_per_second);
  try {
    const Holdings before;
    const Report report = structure.torture(options);
    expect_nothing_grew(before);
    fmt::print("{}: {} kills, longest silence {} ms; {}\n", structure.name, report.kills,
               report.longest_silence.count(), report.summary);
    return true;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: FAILED (seed {}): {}\n", structure.name, options.seed, error.what());
    return false;
  }
}

}  // namespace

std::span<const Structure> all_structures() { return structures; }

}  // namespace procyon::torture

int main(int count, char** arguments) {
  using namespace procyon::torture;
  if (count == 2 && std::string_view(arguments[1]) == "--help") {
    fmt::print("{}", usage());
    return 0;
  }
  try {
    const Options options = parse_options(count, arguments);
    fmt::print("seed {}\n", options.seed);
    warm_up();
    bool well = true;
    for (const Structure& structure : all_structures())
      if (std::find(options.structures.begin(), options.structures.end(), structure.name) !=
          options.structures.end())
        well = torture(structure, options) && well;
    return well ? 0 : 1;
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "procyon_torture: {}\n\n{}", error.what(), usage());
    return 2;
  }
}
