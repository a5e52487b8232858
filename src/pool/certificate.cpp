#include "pool/certificate.hpp"

#include <fmt/format.h>
#include <signal.h>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::pool {

namespace {

// Where a bad access went, which often tells what kind of mistake it was.
std::string describe_access(const Crash& crash) {
  if (crash.code <= 0) return "The signal was sent, by a process or by itself; no instruction failed.";
  if (crash.signal != SIGSEGV && crash.signal != SIGBUS) return "";
  if (crash.code == SI_KERNEL) return "It used an address that no memory can have.";
  constexpr std::uint64_t first_page = 4096;
  if (crash.address < first_page)
    return fmt::format("It used the address {:#x}: a null pointer.", crash.address);
  if (crash.signal == SIGBUS && crash.code == BUS_ADRERR)
    return fmt::format(
        "It used the address {:#x}, for which there is no memory behind a mapping: a mapped file became "
        "shorter, or "
        "its file system is full.",
        crash.address);
  if (crash.signal == SIGSEGV && crash.code == SEGV_ACCERR)
    return fmt::format("It used the address {:#x} in a way that is not allowed there.", crash.address);
  return fmt::format("It used the address {:#x}, where no memory is mapped.", crash.address);
}

}  // namespace

std::exception_ptr Certificate::error(const std::string& task) const {
  WorkerEnd filled = end;
  filled.task = task;
  switch (kind) {
    case Kind::cpu_limit:
      return std::make_exception_ptr(CpuLimitExceeded(std::move(filled)));
    case Kind::out_of_memory:
      return std::make_exception_ptr(KilledForMemory(std::move(filled)));
    case Kind::lost:
      break;
  }
  return std::make_exception_ptr(WorkerLost(std::move(filled)));
}

std::string Certificates::details(const Workforce::End& end, const std::optional<Crash>& crash,
                                  Certificate::Kind& kind) {
  const std::optional<int> signal = end.status.signal;
  if (!signal) return "";
  if (*signal == SIGXCPU && pool_.max_task_cpu != 0) {
    kind = Certificate::Kind::cpu_limit;
    return fmt::format("Its pool allows {} ms of processor time for a task (max_cpu_time_per_task).",
                       pool_.max_task_cpu / 1'000'000);
  }
  if (*signal == SIGKILL && !end.was_told_to_end) {
    std::string told = memory_kills_.told_since();
    if (!told.empty()) kind = Certificate::Kind::out_of_memory;
    return told;
  }
  if (*signal == SIGKILL || *signal == SIGTERM) return end.was_told_to_end ? "The pool itself ended it." : "";
  return crash ? describe_access(*crash) : "";
}

Certificate Certificates::write(const Workforce::End& end) {
  const ExitStatus& status = end.status;
  const std::optional<Crash> crash = read_crash(pool_.crash(end.worker), end.pid);
  Certificate certificate{Certificate::Kind::lost,
                          {.pid = end.pid,
                           .signal = status.signal,
                           .exit_code = status.code,
                           .core_dumped = status.core_dumped,
                           .name = end.name,
                           .user_time = status.user_time,
                           .system_time = status.system_time,
                           .peak_memory = status.peak_memory,
                           .last_words = end.last_words}};
  certificate.end.details = details(end, crash, certificate.kind);
  const std::int64_t began = pool_.worker(end.worker).task_began.load(std::memory_order_relaxed);
  if (began != 0)
    certificate.end.running_for = std::chrono::nanoseconds(os::Deadline::monotonic_now() - began);
  if (crash) certificate.end.stack = symbols_.describe(*crash);
  return certificate;
}

}  // namespace procyon::pool
