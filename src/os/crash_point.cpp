#include "procyon/detail/os/crash_point.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace procyon::os {

namespace crash_point_detail {

constinit std::atomic<std::uint32_t> mode{0};

namespace {

constexpr std::uint32_t idle = 0;
constexpr std::uint32_t recording = 1;
constexpr std::uint32_t armed = 2;

// Fixed tables: a point may be passed under any lock, in a signal handler, or where memory has run out.
struct Entry {
  std::atomic<const char*> name{nullptr};
  std::atomic<std::uint64_t> count{0};
};

constexpr std::size_t table_size = 1024;
constinit std::array<Entry, table_size> table;
constinit std::array<char, 96> armed_name{};
constinit std::atomic<std::uint64_t> passages_left{0};

[[noreturn]] void die_as_if_killed() noexcept {
  // Through the kernel and not by abort(): no handler, no destructor, no core dump, like a kill from outside.
  for (;;) {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
}

[[noreturn]] void give_up(const char* sentence) noexcept {
  std::fputs(sentence, stderr);
  std::abort();
}

void record(const char* name) noexcept {
  for (Entry& entry : table) {
    const char* known = entry.name.load(std::memory_order_acquire);
    // The first thread to meet a new name takes the next free entry; a thread that loses the race sees whose
    // it is.
    if (known == nullptr && entry.name.compare_exchange_strong(known, name, std::memory_order_acq_rel)) {
      known = name;
    }
    if (std::strcmp(known, name) == 0) {
      entry.count.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  give_up(
      "procyon: more crash points were passed than the recorder has entries for (1024); enlarge "
      "table_size\n");
}

void forget_records() noexcept {
  for (Entry& entry : table) {
    entry.name.store(nullptr, std::memory_order_relaxed);
    entry.count.store(0, std::memory_order_relaxed);
  }
}

void set_armed(std::string_view name, std::uint64_t nth) noexcept {
  mode.store(idle, std::memory_order_seq_cst);
  armed_name.fill('\0');
  name.copy(armed_name.data(), armed_name.size() - 1);
  passages_left.store(nth, std::memory_order_relaxed);
  mode.store(armed, std::memory_order_release);
}

/// PROCYON_CRASH_AT=name or name:n. A test that misspells it must not pass for want of a crash.
[[maybe_unused]] void arm_from_environment() noexcept {
  const char* text = std::getenv("PROCYON_CRASH_AT");
  if (text == nullptr || *text == '\0') return;
  std::string_view name(text);
  std::uint64_t nth = 1;
  if (const auto colon = name.rfind(':'); colon != name.npos) {
    const char* end = name.data() + name.size();
    const auto result = std::from_chars(name.data() + colon + 1, end, nth);
    if (result.ec != std::errc() || result.ptr != end) nth = 0;
    name = name.substr(0, colon);
  }
  if (nth == 0 || name.empty() || name.size() >= armed_name.size()) {
    give_up("procyon: PROCYON_CRASH_AT must read <crash point> or <crash point>:<number from 1>\n");
  }
  set_armed(name, nth);
}

struct ArmedFromEnvironment {
  ArmedFromEnvironment() {
    if constexpr (crash_points_enabled) arm_from_environment();
  }
};
const ArmedFromEnvironment armed_from_environment;

}  // namespace

void passed(const char* name) noexcept {
  switch (mode.load(std::memory_order_acquire)) {
    case recording:
      record(name);
      break;
    case armed:
      if (std::strcmp(name, armed_name.data()) == 0 &&
          passages_left.fetch_sub(1, std::memory_order_relaxed) == 1) {
        die_as_if_killed();
      }
      break;
    default:
      break;
  }
}

}  // namespace crash_point_detail

void record_crash_points() {
  using namespace crash_point_detail;
  mode.store(idle, std::memory_order_seq_cst);
  forget_records();
  mode.store(recording, std::memory_order_release);
}

std::vector<CrashPointPassages> crash_points_passed() {
  std::vector<CrashPointPassages> passed;
  for (const auto& entry : crash_point_detail::table) {
    const char* name = entry.name.load(std::memory_order_acquire);
    if (name == nullptr) break;
    passed.push_back({name, entry.count.load(std::memory_order_relaxed)});
  }
  return passed;
}

void arm_crash_point(std::string_view name, std::uint64_t nth) {
  if (!crash_points_enabled) {
    throw std::logic_error(
        "arm_crash_point: this build of Procyon has no crash points; configure it with "
        "-DPROCYON_CRASH_POINTS=ON");
  }
  if (name.empty() || name.size() >= crash_point_detail::armed_name.size()) {
    throw std::invalid_argument("arm_crash_point: a crash point's name has 1 to 95 characters");
  }
  if (nth == 0) throw std::invalid_argument("arm_crash_point: passages are counted from 1");
  crash_point_detail::set_armed(name, nth);
}

void disarm_crash_points() {
  crash_point_detail::mode.store(crash_point_detail::idle, std::memory_order_seq_cst);
}

}  // namespace procyon::os
