// What the workers of a pool of two cost: replacing one that is killed while it is busy, and the memory of an idle one.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <procyon/event.hpp>
#include <procyon/pool.hpp>
#include <procyon/value.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr int workers = 2;
constexpr int kills = 100;

int square(int x) { return x * x; }

// From the kill of a busy worker until its task is known to be lost and another worker has run the next one.
// `begin_busy_task` returns the worker's pid, `await_loss_and_run_next` the pid of the other.
Result measure_kills(const std::function<pid_t()>& begin_busy_task,
                     const std::function<pid_t()>& await_loss_and_run_next) {
  std::vector<double> times;
  const Stopwatch watch;
  for (int i = 0; i < kills; ++i) {
    const pid_t victim = begin_busy_task();
    const auto start = std::chrono::steady_clock::now();
    ::kill(victim, SIGKILL);
    const pid_t successor = await_loss_and_run_next();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    require(successor > 0 && successor != victim, "the next task did not run elsewhere");
  }
  return {kills, std::accumulate(times.begin(), times.end(), 0.0), watch.stop(kills).seconds,
          percentile_99(times)};
}

void tell_pid_and_stay(mp::Value<pid_t> pid, mp::Event told, mp::Event over) {
  pid.value() = ::getpid();
  told.set();
  over.wait();
}

// The other worker is busy all the while: the successor alone can run the next task.
Result our_kills() {
  mp::Pool pool({.processes = workers, .warm_up = true});
  const mp::Value<pid_t> pid;
  mp::Event over;
  std::optional<mp::AsyncResult<void>> task;
  const auto begin_busy_task = [&] {
    const mp::Event told;
    task.emplace(pool.apply_async(tell_pid_and_stay, pid, told, over));
    told.wait();
    return pid.value();
  };
  begin_busy_task();
  const auto other = *task;
  const auto await_loss_and_run_next = [&] {
    try {
      task->get();
    } catch (const mp::WorkerLost&) {
      return pool.apply([] { return ::getpid(); });
    }
    return 0;
  };
  const Result result = measure_kills(begin_busy_task, await_loss_and_run_next);
  over.set();
  other.get();
  return result;
}

// The limit: a pipe ends with the worker that held its other end; a fork takes its place.
Result fork_kills() {
  const auto pipe_of_new_worker = [](pid_t& worker) {
    int ends[2];
    require(::pipe(ends) == 0, "pipe failed");
    worker = in_child([&] {
      ::close(ends[0]);
      const pid_t pid = ::getpid();
      require(::write(ends[1], &pid, sizeof pid) == sizeof pid, "write failed");
      for (;;) ::pause();
    });
    ::close(ends[1]);
    return ends[0];
  };
  const auto pid_from = [](int pipe) {
    pid_t pid = 0;
    return ::read(pipe, &pid, sizeof pid) == sizeof pid ? pid : 0;
  };
  pid_t worker = 0;
  int results = -1;
  const auto begin_busy_task = [&] {
    if (worker == 0) {
      results = pipe_of_new_worker(worker);
      require(pid_from(results) == worker, "a wrong result");
    }
    return worker;
  };
  const auto await_loss_and_run_next = [&] {
    require(pid_from(results) == 0, "a worker that was killed lives");
    ::close(results);
    int status = 0;
    require(::waitpid(worker, &status, 0) == worker && WIFSIGNALED(status), "waitpid failed");
    results = pipe_of_new_worker(worker);
    return pid_from(results);
  };
  const Result result = measure_kills(begin_busy_task, await_loss_and_run_next);
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  return result;
}

// Of a process: what it shares with no other, as an operation that takes so many "seconds".
Result measure_unshared_memory(const std::vector<pid_t>& pids) {
  const Stopwatch watch;
  double most = 0;
  for (const pid_t pid : pids) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    double kib = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:"))
        kib += std::stod(line.substr(line.find(':') + 1));
    }
    require(kib > 0, "there is no account of a process's memory");
    most = std::max(most, kib);
  }
  return {1, most, watch.stop(1).seconds};
}

Result our_worker_memory() {
  mp::Pool pool({.processes = workers, .start_method = mp::StartMethod::forkserver, .warm_up = true});
  require(pool.map({.chunksize = 1}, square, std::vector<int>(100, 3)) == std::vector<int>(100, 9),
          "a wrong result");
  std::vector<pid_t> pids;
  for (const auto& worker : pool.stats().workers) pids.push_back(worker.pid);
  return measure_unshared_memory(pids);
}

// What any process of this program has for its own: its libraries relocated, its heap begun.
Result program_memory() {
  int ends[2];
  require(::pipe(ends) == 0, "pipe failed");
  std::string program = "/proc/self/exe";
  std::string option = "--idle";
  std::string descriptor = std::to_string(ends[1]);
  char* arguments[] = {program.data(), option.data(), descriptor.data(), nullptr};
  pid_t child = -1;
  require(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0,
          "posix_spawn failed");
  char ready = 0;
  require(::read(ends[0], &ready, 1) == 1, "a child is gone");
  const Result result = measure_unshared_memory({child});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return result;
}

int be_idle(int descriptor) {
  require(::write(descriptor, "", 1) == 1, "write failed");
  for (;;) ::pause();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  if (argc == 3 && std::string_view(argv[1]) == "--idle") return be_idle(std::atoi(argv[2]));
  return run_contender(argc, argv,
                       {
                           {"killed/procyon", our_kills},
                           {"killed/raw-fork", fork_kills},
                           {"memory/procyon", our_worker_memory},
                           {"memory/posix_spawn", program_memory},
                       });
}
