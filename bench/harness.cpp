#include "harness.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace bench {
namespace {

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double clock_seconds(clockid_t clock) {
  timespec time{};
  return ::clock_gettime(clock, &time) == 0 ? seconds_of(time) : 0;
}

// Of the children that still run: a pool's workers, for example.
double cpu_seconds_of_children() {
  double total = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      clockid_t clock{};
      if (::clock_getcpuclockid(child, &clock) == 0) total += clock_seconds(clock);
    }
  }
  return total;
}

// Of this process and of all its children, those that have ended included.
double cpu_seconds() {
  rusage ended{};
  ::getrusage(RUSAGE_CHILDREN, &ended);
  double total = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) + cpu_seconds_of_children();
  for (const timeval& time : {ended.ru_utime, ended.ru_stime}) {
    total += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  }
  return total;
}

// CPU seconds of the latest stopwatch's set-up, and this process's own when it stopped: neither is the work itself.
double cpu_before = 0;
double own_cpu_at_stop = 0;
void* gibibyte = nullptr;

}  // namespace

Stopwatch::Stopwatch() {
  cpu_before = cpu_seconds();
  start_ = std::chrono::steady_clock::now();
}

Result Stopwatch::stop(double operations) const {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  own_cpu_at_stop = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
  return {operations, elapsed.count()};
}

void fail(std::string_view what) {
  std::fprintf(stderr, "benchmark failed: %.*s\n", static_cast<int>(what.size()), what.data());
  std::_Exit(1);
}

pid_t fork_child() {
  const pid_t pid = ::fork();
  require(pid >= 0, "fork failed");
  return pid;
}

void join_child(pid_t pid) {
  int status = 0;
  require(::waitpid(pid, &status, 0) == pid && status == 0, "a child failed");
}

void stay_on_core(int index) {
  cpu_set_t allowed;
  require(::sched_getaffinity(0, sizeof allowed, &allowed) == 0, "sched_getaffinity failed");
  int wanted = index % CPU_COUNT(&allowed);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || wanted-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

void touch_one_gibibyte() {
  constexpr std::size_t size = std::size_t{1} << 30;
  gibibyte = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(gibibyte != MAP_FAILED, "no memory");
  ::madvise(gibibyte, size, MADV_NOHUGEPAGE);  // as a heap grown piece by piece would be
  std::memset(gibibyte, 1, size);
}

double percentile_99(std::vector<double> times) {
  require(!times.empty(), "nothing was measured");
  const auto place = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

int run_contender(int argc, char** argv, const std::vector<Contender>& contenders) {
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  for (const auto& [name, run] : contenders) {
    if (name != wanted) continue;
    const Result result = run();
    if (gibibyte != nullptr) ::munmap(gibibyte, std::size_t{1} << 30);
    const double outside = cpu_before + clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - own_cpu_at_stop;
    std::printf(
        "{\"operations\": %.17g, \"seconds\": %.17g, \"busy_seconds\": %.17g, \"cpu_outside\": %.17g, "
        "\"p99\": %.17g}\n",
        result.operations, result.seconds, result.busy_seconds, outside, result.p99);
    return 0;
  }
  std::fprintf(stderr, "there is no such contender; these there are:\n");
  for (const auto& contender : contenders) {
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(contender.name.size()), contender.name.data());
  }
  return 2;
}

}  // namespace bench
