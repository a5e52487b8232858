#include "tracee.hpp"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <system_error>

#include "stepper.hpp"

namespace procyon::crash {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int victim_failed = 86;
constexpr std::chrono::milliseconds never_asleep = std::chrono::hours(24);

/// ptrace's last two arguments are addresses or numbers, as the request likes.
long trace(int request, pid_t pid, std::uint64_t address = 0, std::uint64_t data = 0) {
  return ::ptrace(static_cast<__ptrace_request>(request), pid, address, data);
}

std::uint64_t debug_register_offset(int number) {
  return offsetof(user, u_debugreg) + sizeof(std::uint64_t) * static_cast<std::uint64_t>(number);
}

[[noreturn]] void throw_errno(const char* attempt) {
  throw std::system_error(errno, std::generic_category(), attempt);
}

/// One letter of /proc/<pid>/stat: R runs, S and D sleep, t is stopped by its tracer, Z is dead.
char scheduler_state(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  char line[512];
  const ssize_t size = file >= 0 ? ::read(file, line, sizeof line - 1) : -1;
  if (file >= 0) ::close(file);
  if (size <= 0) return 'Z';
  line[size] = '\0';
  // The name in parentheses may itself contain parentheses: the state follows the last one.
  const char* end_of_name = std::strrchr(line, ')');
  return end_of_name != nullptr ? end_of_name[2] : 'Z';
}

/// In the child. Never returns, so that it cannot go on with the test program's own business.
[[noreturn]] void run_victim(const std::function<void()>& set_up, const std::function<void()>& body,
                             pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(victim_failed);
  try {
    set_up();
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kill harness: the victim threw: %s\n", error.what());
    ::_exit(victim_failed);
  } catch (...) {
    std::fputs("kill harness: the victim threw something that is no std::exception\n", stderr);
    ::_exit(victim_failed);
  }
  ::_exit(0);
}

void become_traced() {
  detail::window_mode = detail::WindowMode::traced;
  if (trace(PTRACE_TRACEME, 0) != 0) throw_errno("asking to be traced");
}

}  // namespace

pid_t fork_victim(const std::function<void()>& set_up, const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw_errno("forking a victim");
  if (child == 0) run_victim(set_up, body, parent);
  return child;
}

std::string describe_end_status(int status) {
  if (WIFEXITED(status)) return "exited with code " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  return "was killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

Tracee::Tracee(const std::function<void()>& victim, Milliseconds watchdog)
    : pid_(fork_victim(become_traced, victim)), watchdog_(watchdog) {
  ticking_.emplace();  // after the fork: ticks would interrupt a long one again and again
}

Tracee::~Tracee() {
  try {
    kill();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kill harness: %s\n", error.what());
  }
}

Stop Tracee::run_to_window() {
  const Stop stop = resume_past_signals(0, never_asleep);
  if (stop != Stop::stepped) return stop;
  const auto options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
  if (trace(PTRACE_SETOPTIONS, pid_, 0, options) != 0) throw_errno("setting the options of ptrace");
  return stop;
}

Stop Tracee::step(Milliseconds asleep_after) { return resume_past_signals(PTRACE_SINGLESTEP, asleep_after); }

Stop Tracee::enter_call() {
  resume(PTRACE_SYSCALL);
  const Stop stop = wait(never_asleep);
  // A signal stands before the call: the handler's first instruction is next, and the call comes after it.
  return stop == Stop::signalled ? step(never_asleep) : stop;
}

Stop Tracee::finish_call(Milliseconds asleep_after) {
  resume(PTRACE_SYSCALL);
  const Stop stop = wait(asleep_after);
  return stop == Stop::call_entry ? Stop::call_exit : stop;
}

Stop Tracee::run_to(std::uint64_t address, std::uint64_t end, Milliseconds asleep_after) {
  constexpr std::uint64_t execute_0_and_1 = 0b0101;  // DR7: enable both, condition "execute", length one byte
  if (!set_debug_register(0, address) || !set_debug_register(1, end) ||
      !set_debug_register(7, execute_0_and_1)) {
    throw_errno("setting a hardware breakpoint");
  }
  const Stop stop = resume_past_signals(PTRACE_CONT, asleep_after);
  if (stop == Stop::stepped) set_debug_register(7, 0);
  return stop;
}

void Tracee::run_to_own_end() {
  leave_processor();
  while (!ended_) resume_past_signals(PTRACE_CONT, never_asleep);
}

void Tracee::kill() {
  if (ended_) return;
  leave_processor();
  ::kill(pid_, SIGKILL);
  // A traced process may report stops that it made before the signal came.
  while (!ended_) wait(never_asleep);
}

user_regs_struct Tracee::registers() const {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers) != 0) throw_errno("reading a victim's registers");
  return registers;
}

std::uint64_t Tracee::instruction_pointer() const {
  errno = 0;
  const long value = trace(PTRACE_PEEKUSER, pid_, offsetof(user_regs_struct, rip));
  if (errno != 0) throw_errno("reading a victim's instruction pointer");
  return static_cast<std::uint64_t>(value);
}

std::array<std::uint8_t, 16> Tracee::code_at(std::uint64_t address) const {
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint64_t offset = 0; offset < bytes.size(); offset += sizeof(long)) {
    errno = 0;
    const long word = trace(PTRACE_PEEKTEXT, pid_, address + offset);
    if (errno == 0) std::memcpy(bytes.data() + offset, &word, sizeof word);
  }
  return bytes;
}

void Tracee::share_processor() {
  const int processor = ::sched_getcpu();
  if (shares_processor_ || processor < 0 ||
      ::sched_getaffinity(0, sizeof processors_before_, &processors_before_) != 0) {
    return;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(processor), &one);
  shares_processor_ = true;
  ::sched_setaffinity(0, sizeof one, &one);
  ::sched_setaffinity(pid_, sizeof one, &one);
}

void Tracee::leave_processor() {
  if (!shares_processor_) return;
  shares_processor_ = false;
  ::sched_setaffinity(0, sizeof processors_before_, &processors_before_);
  ::sched_setaffinity(pid_, sizeof processors_before_, &processors_before_);
}

void Tracee::gone() {
  leave_processor();
  ended_ = true;
  ticking_.reset();
}

void Tracee::resume(int request) {
  // Fails only if the victim was killed meanwhile, which wait() then tells.
  trace(request, pid_, 0, static_cast<std::uint64_t>(pending_signal_));
  pending_signal_ = 0;
}

Stop Tracee::resume_past_signals(int request, Milliseconds asleep_after) {
  // Request 0: it has just been forked and runs already.
  Stop stop = Stop::signalled;
  do {
    if (request != 0) resume(request);
    if (request == 0) request = PTRACE_CONT;
    stop = wait(asleep_after);
  } while (stop == Stop::signalled);
  return stop;
}

Stop Tracee::wait(Milliseconds asleep_after) {
  int status = 0;
  Clock::time_point started{};  // read only at the first tick: most steps end before it
  while (::waitpid(pid_, &status, __WALL) != pid_) {
    if (errno != EINTR) throw_errno("waiting for a victim");
    const auto now = Clock::now();
    if (started == Clock::time_point{}) started = now;
    const auto waited = now - started;
    if (waited >= asleep_after && sleeps()) return Stop::asleep;
    if (waited >= watchdog_) {
      throw VictimStuck("the victim did not come to its next stop within the watchdog's limit");
    }
  }
  return interpret(status);
}

Stop Tracee::interpret(int status) {
  if (!WIFSTOPPED(status)) {
    end_status_ = status;
    gone();
    return Stop::ended;
  }
  const int signal = WSTOPSIG(status);
  if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) return Stop::executed;
  if (signal == (SIGTRAP | 0x80)) return Stop::call_entry;
  if (signal == SIGTRAP) return Stop::stepped;
  // The stop of a whole process by SIGSTOP is reported once more after the signal itself; that one has no siginfo.
  siginfo_t info{};
  const bool group_stop = ::ptrace(PTRACE_GETSIGINFO, pid_, nullptr, &info) != 0 && errno == EINVAL;
  pending_signal_ = group_stop ? 0 : signal;
  return Stop::signalled;
}

bool Tracee::set_debug_register(int number, std::uint64_t value) const {
  return trace(PTRACE_POKEUSER, pid_, debug_register_offset(number), value) == 0;
}

bool Tracee::sleeps() const {
  const char state = scheduler_state(pid_);
  return state == 'S' || state == 'D';
}

bool Tracee::has_breakpoints() {
  static const bool works = [] {
    const auto end = reinterpret_cast<std::uint64_t>(&end_window);
    try {
      Tracee probe(
          [] {
            begin_window();
            end_window();
          },
          Milliseconds(5'000));
      return probe.run_to_window() == Stop::stepped &&
             probe.run_to(end, end, Milliseconds(1'000)) == Stop::stepped &&
             probe.instruction_pointer() == end;
    } catch (const std::exception&) {
      return false;
    }
  }();
  return works;
}

}  // namespace procyon::crash
