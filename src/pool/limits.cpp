#include "pool/limits.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>

#include "os/error.hpp"
#include "procyon/errors.hpp"

namespace procyon::pool {

namespace {

// Of this process, a worker.
std::uint64_t own_memory_limit = 0;
std::int64_t own_cpu_limit = 0;
timer_t cpu_timer;
int own_statm = -1;

// There is little memory left: nothing here allocates but the exception, for which the runtime has a reserve.
[[noreturn]] void refuse_memory() {
  char sentence[200];
  std::snprintf(
      sentence, sizeof sentence,
      "procyon: worker %d needs more memory than the %llu MiB that max_memory_per_worker of its pool allows",
      static_cast<int>(::getpid()), static_cast<unsigned long long>(own_memory_limit >> 20));
  throw MemoryLimitExceeded(sentence);
}

void limit_memory(std::uint64_t bytes) {
  rlimit limit{};
  os::check(::getrlimit(RLIMIT_DATA, &limit), "asking for the memory limit of a worker (getrlimit)");
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? bytes : std::min<rlim_t>(bytes, limit.rlim_max);
  os::check(::setrlimit(RLIMIT_DATA, &limit), "limiting the memory of a worker (setrlimit)");
  own_memory_limit = bytes;
  std::set_new_handler(&refuse_memory);
}

void limit_cpu(std::int64_t nanoseconds) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGXCPU;
  os::check(::timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &cpu_timer),
            "limiting the processor time of a worker (timer_create)");
  own_cpu_limit = nanoseconds;
}

void set_timer(std::int64_t nanoseconds) {
  itimerspec time{};
  time.it_value.tv_sec = nanoseconds / 1'000'000'000;
  time.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  ::timer_settime(cpu_timer, 0, &time, nullptr);
}

}  // namespace

void limit_this_worker(std::uint64_t memory, std::int64_t cpu_for_each_item) {
  // A worker that was forked by another has what is the other's.
  own_cpu_limit = 0;
  if (own_statm >= 0) ::close(own_statm);
  own_statm = -1;
  if (memory != 0) limit_memory(memory);
  if (cpu_for_each_item != 0) limit_cpu(cpu_for_each_item);
}

void begin_cpu_limit() {
  if (own_cpu_limit != 0) set_timer(own_cpu_limit);
}
void end_cpu_limit() {
  if (own_cpu_limit != 0) set_timer(0);
}

std::uint64_t resident_memory() {
  if (own_statm < 0) own_statm = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  char text[128];
  const ssize_t got = own_statm < 0 ? -1 : ::pread(own_statm, text, sizeof text - 1, 0);
  if (got <= 0) return 0;
  text[got] = '\0';
  unsigned long long resident = 0;
  return std::sscanf(text, "%*u %llu", &resident) == 1 ? resident * page : 0;
}

void share_processors(std::uint32_t threads) {
  if (threads == 0) return;
  struct Library {
    const char* variable;
    const char* function;  // void(int)
  };
  constexpr Library libraries[] = {
      {"OMP_NUM_THREADS", "omp_set_num_threads"}, {"OPENBLAS_NUM_THREADS", "openblas_set_num_threads"},
      {"MKL_NUM_THREADS", "MKL_Set_Num_Threads"}, {"BLIS_NUM_THREADS", "bli_thread_set_num_threads"},
      {"VECLIB_MAXIMUM_THREADS", nullptr},        {"NUMEXPR_NUM_THREADS", nullptr},
  };
  const bool is_said_for_all = ::getenv("OMP_NUM_THREADS") != nullptr;
  const std::string number = std::to_string(threads);
  for (const Library& library : libraries) {
    // The others go by OMP_NUM_THREADS, if it is set and theirs is not.
    if (is_said_for_all || ::getenv(library.variable) != nullptr) continue;
    ::setenv(library.variable, number.c_str(), 0);
    if (library.function == nullptr) continue;
    if (void* const function = ::dlsym(RTLD_DEFAULT, library.function))
      reinterpret_cast<void (*)(int)>(function)(static_cast<int>(threads));
  }
}

}  // namespace procyon::pool
