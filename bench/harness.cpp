#include "harness.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace bench {
namespace {

double cpu_seconds() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      total += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
  }
  return total;
}

double cpu_before = 0;  // of the latest stopwatch: what the set-up cost
void* gibibyte = nullptr;

}  // namespace

Stopwatch::Stopwatch() {
  cpu_before = cpu_seconds();
  start_ = std::chrono::steady_clock::now();
}

Result Stopwatch::stop(double operations) const {
  return {operations, std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count()};
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

int run_contender(int argc, char** argv, std::initializer_list<Contender> contenders) {
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  for (const auto& [name, run] : contenders) {
    if (name != wanted) continue;
    const Result result = run();
    double outside = cpu_before;
    if (gibibyte != nullptr) {  // giving it back is not what is measured
      const double before = cpu_seconds();
      ::munmap(gibibyte, std::size_t{1} << 30);
      outside += cpu_seconds() - before;
    }
    std::printf("{\"operations\": %.17g, \"seconds\": %.17g, \"cpu_outside\": %.17g}\n", result.operations,
                result.seconds, outside);
    return 0;
  }
  std::fprintf(stderr, "there is no such contender; these there are:\n");
  for (const auto& contender : contenders) {
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(contender.name.size()), contender.name.data());
  }
  return 2;
}

}  // namespace bench
