#include "pool_killer.hpp"

#include <signal.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "os/pidfd.hpp"

namespace procyon::torture {

using namespace std::chrono_literals;

PoolKiller::PoolKiller(Pool& pool, const Options& options)
    : pool_(pool), options_(options), random_(options.seed) {
  thread_ = std::thread([this] { run(); });
}

PoolKiller::~PoolKiller() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

Recovery PoolKiller::finish() {
  thread_.join();
  if (violation_) std::rethrow_exception(violation_);
  return recovery_;
}

void PoolKiller::run() {
  try {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(options_.minutes * 60));
    const std::uint64_t per_second = *options_.kills_per_second;
    const auto pause = [&] {
      return std::chrono::nanoseconds(random_() % (2'000'000'000 / std::max<std::uint64_t>(per_second, 1)));
    };
    auto next_kill = Clock::now() + pause();
    while (!stop_.load() && Clock::now() < end && (options_.kills == 0 || kills() < options_.kills)) {
      std::this_thread::sleep_until(std::min({next_kill, end, Clock::now() + 100ms}));
      if (per_second == 0 || Clock::now() < next_kill) continue;
      kill_somebody();
      next_kill =
          std::max(next_kill + pause(), Clock::now() - 100ms);  // a late start does not become a massacre
    }
  } catch (...) {
    violation_ = std::current_exception();
  }
  is_done_.store(true, std::memory_order_release);
}

// A pid that the pool still names after the descriptor was opened was its worker's then: nobody else is hit.
void PoolKiller::kill_somebody() {
  const std::vector<WorkerStats> workers = pool_.stats().workers;
  const std::size_t place = random_() % workers.size();
  const pid_t victim = workers[place].pid;
  if (victim == 0) return;
  os::Descriptor process;
  try {
    process = os::open_pidfd(victim);
  } catch (const std::system_error&) {
    return;  // it has ended meanwhile
  }
  if (pool_.stats().workers[place].pid != victim) return;
  const auto killed = Clock::now();
  if (!os::send_signal(process, SIGKILL)) return;
  kills_.fetch_add(1, std::memory_order_acq_rel);
  await_recovery(place, victim, killed);
}

void PoolKiller::await_recovery(std::size_t place, pid_t victim, Clock::time_point killed) {
  std::uint64_t tasks_before = 0;
  for (bool is_replaced = false; !stop_.load();) {
    const WorkerStats worker = pool_.stats().workers[place];
    if (is_replaced && worker.tasks > tasks_before) break;
    if (!is_replaced && worker.pid != 0 && worker.pid != victim) {
      is_replaced = true;
      tasks_before = worker.tasks;
    }
    if (Clock::now() - killed > longest_wait)
      throw Violation(is_replaced ? "a worker that replaced a killed one does not work"
                                  : "a killed worker is not replaced");
    std::this_thread::sleep_for(1ms);
  }
  const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - killed);
  recovery_.all += taken;
  recovery_.longest = std::max(recovery_.longest, taken);
}

}  // namespace procyon::torture
