#include "pool/crash_record.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "procyon/detail/os/crash_point.hpp"

namespace procyon::pool {

namespace {

constexpr std::array crash_signals{SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL};
constexpr std::size_t handler_stack_size = 64 * 1024;

// Of this process; the handler has nothing but these.
std::atomic<CrashRecord*> own_record{nullptr};
std::atomic<pid_t> own_pid{0};
std::atomic<std::uint32_t> claimed{0};

/// Where the interrupted code was, and the place on its stack to which a function called through a bad pointer would
/// return; 0 where this is not known how to find.
struct Interrupted {
  std::uint64_t instruction = 0;
  std::uint64_t stack = 0;
};
Interrupted interrupted_by(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<std::uint64_t>(machine.gregs[REG_RIP]),
          static_cast<std::uint64_t>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
  return {machine.pc, 0};
#else
  static_cast<void>(machine);
  return {};
#endif
}

void append_frame(CrashRecord& record, std::uint64_t address) {
  const std::uint32_t count = record.frame_count.load(std::memory_order_relaxed);
  if (count == CrashRecord::most_frames) return;
  record.frames[count] = {address, 0, CrashRecord::no_module};
  record.frame_count.store(count + 1, std::memory_order_release);
  os::crash_point("pool.crash.frame");
}

struct Walk {
  CrashRecord& record;
  std::uint64_t instruction;
  bool is_inside = false;  // past the handler's own frames
};

_Unwind_Reason_Code visit_frame(_Unwind_Context* context, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  int is_exact = 0;
  const std::uint64_t address = _Unwind_GetIPInfo(context, &is_exact);
  if (address == 0) return _URC_END_OF_STACK;
  if (walk.is_inside) {
    append_frame(walk.record, is_exact != 0 ? address : address - 1);
    if (walk.record.frame_count.load(std::memory_order_relaxed) == CrashRecord::most_frames)
      return _URC_END_OF_STACK;
  }
  if (address == walk.instruction) walk.is_inside = true;
  return _URC_NO_REASON;
}

// /proc/self/maps, line by line, with a buffer of its own: a stack may be what there is too little of.
class Maps {
 public:
  Maps() : file_(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~Maps() {
    if (file_ >= 0) ::close(file_);
  }
  Maps(const Maps&) = delete;
  Maps& operator=(const Maps&) = delete;

  /// The next line, ended by a zero; null after the last one. Longer ones are cut.
  const char* next() {
    std::size_t length = 0;
    for (;;) {
      if (position_ == size_) {
        const ssize_t got = file_ < 0 ? 0 : ::read(file_, buffer_, sizeof buffer_);
        if (got <= 0) return nullptr;
        size_ = static_cast<std::size_t>(got);
        position_ = 0;
      }
      const char next = buffer_[position_++];
      if (next == '\n') break;
      if (length + 1 < sizeof line_) line_[length++] = next;
    }
    line_[length] = '\0';
    return line_;
  }

 private:
  int file_;
  std::size_t position_ = 0;
  std::size_t size_ = 0;
  static inline char buffer_[4096];
  static inline char line_[CrashRecord::longest_path + 128];
};

std::uint64_t read_hexadecimal(const char*& text) {
  std::uint64_t value = 0;
  for (;; ++text) {
    const char digit = *text;
    if (digit >= '0' && digit <= '9')
      value = value << 4 | static_cast<std::uint64_t>(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
      value = value << 4 | static_cast<std::uint64_t>(digit - 'a' + 10);
    else
      return value;
  }
}

const char* skip_field(const char* text) {
  while (*text != '\0' && *text != ' ') ++text;
  while (*text == ' ') ++text;
  return text;
}

std::uint32_t module_named(CrashRecord& record, const char* path) {
  const std::uint32_t count = record.module_count.load(std::memory_order_relaxed);
  for (std::uint32_t module = 0; module < count; ++module)
    if (std::strcmp(record.modules[module], path) == 0) return module;
  if (count == CrashRecord::most_modules || std::strlen(path) >= CrashRecord::longest_path)
    return CrashRecord::no_module;
  std::strcpy(record.modules[count], path);
  record.module_count.store(count + 1, std::memory_order_release);
  os::crash_point("pool.crash.module");
  return count;
}

// "7f12a000-7f12b000 r-xp 00001000 fe:01 1234      /usr/lib/libc.so.6"
void locate_frames(CrashRecord& record) {
  Maps maps;
  const std::uint32_t count = record.frame_count.load(std::memory_order_relaxed);
  while (const char* line = maps.next()) {
    const char* rest = line;
    const std::uint64_t start = read_hexadecimal(rest);
    if (*rest == '-') ++rest;
    const std::uint64_t end = read_hexadecimal(rest);
    rest = skip_field(skip_field(rest));
    const std::uint64_t file_offset = read_hexadecimal(rest);
    const char* const path = skip_field(skip_field(skip_field(rest)));
    if (*path != '/') continue;
    for (std::uint32_t index = 0; index < count; ++index) {
      CrashRecord::Frame& frame = record.frames[index];
      if (frame.address < start || frame.address >= end) continue;
      frame.offset = frame.address - start + file_offset;
      frame.module = module_named(record, path);
    }
  }
  record.is_located.store(1, std::memory_order_release);
  os::crash_point("pool.crash.located");
}

void write_record(CrashRecord& record, int signal, const siginfo_t& info, const void* context) {
  record.signal.store(signal, std::memory_order_relaxed);
  record.code.store(info.si_code, std::memory_order_relaxed);
  const bool is_fault = info.si_code > 0 && signal != SIGABRT && signal != SIGXCPU;
  record.address.store(is_fault ? reinterpret_cast<std::uint64_t>(info.si_addr) : 0,
                       std::memory_order_relaxed);
  record.pid.store(own_pid.load(std::memory_order_relaxed), std::memory_order_release);
  os::crash_point("pool.crash.begun");
  const Interrupted at = interrupted_by(context);
  append_frame(record, at.instruction);
  locate_frames(record);
  const bool is_code = record.frames[0].module != CrashRecord::no_module;
  record.is_located.store(0, std::memory_order_relaxed);
  // A call through a bad pointer: nothing says how to go back from where there is no code, but its return address is
  // what was pushed last.
  if (!is_code && at.stack != 0 && at.stack % sizeof(std::uint64_t) == 0)
    append_frame(record, *reinterpret_cast<const std::uint64_t*>(at.stack) - 1);
  Walk walk{record, at.instruction};
  if (is_code) _Unwind_Backtrace(&visit_frame, &walk);
  locate_frames(record);
}

void handle_crash(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  CrashRecord* const record = own_record.load(std::memory_order_acquire);
  const bool is_worker = record != nullptr && own_pid.load(std::memory_order_relaxed) == ::getpid();
  if (is_worker && claimed.exchange(1) == 0) {
    write_record(*record, signal, *info, context);
  } else if (is_worker) {
    // Another thread crashes as well and writes: its end is that of us all. Not for ever, should it be stuck.
    const timespec second{1, 0};
    ::nanosleep(&second, nullptr);
  }
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
  // A fault happens again when its instruction does; what was sent must be sent again, and arrives when we return.
  if (info->si_code <= 0 || signal == SIGXCPU) ::raise(signal);
  errno = error;
}

void provide_stack() {
  stack_t current{};
  if (::sigaltstack(nullptr, &current) == 0 && (current.ss_flags & SS_DISABLE) == 0) return;
  void* const memory = ::mmap(nullptr, handler_stack_size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = handler_stack_size;
  ::sigaltstack(&stack, nullptr);
}

void catch_signal(int signal) {
  struct sigaction current {};
  if (::sigaction(signal, nullptr, &current) != 0) return;
  if ((current.sa_flags & SA_SIGINFO) != 0 || current.sa_handler != SIG_DFL) return;
  struct sigaction action {};
  action.sa_sigaction = &handle_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigfillset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void clear(CrashRecord& record) {
  record.pid.store(0, std::memory_order_relaxed);
  record.signal.store(0, std::memory_order_relaxed);
  record.frame_count.store(0, std::memory_order_relaxed);
  record.module_count.store(0, std::memory_order_relaxed);
  record.is_located.store(0, std::memory_order_release);
}

void catch_crashes(CrashRecord& record, bool and_cpu_limit) {
  own_pid.store(::getpid(), std::memory_order_relaxed);
  own_record.store(&record, std::memory_order_release);
  claimed.store(0, std::memory_order_relaxed);
  provide_stack();
  for (const int signal : crash_signals) catch_signal(signal);
  if (and_cpu_limit) catch_signal(SIGXCPU);
}

std::optional<Crash> read_crash(const CrashRecord& record, pid_t pid) {
  if (pid == 0 || record.pid.load(std::memory_order_acquire) != pid) return std::nullopt;
  Crash crash{record.signal.load(std::memory_order_relaxed),
              record.code.load(std::memory_order_relaxed),
              record.address.load(std::memory_order_relaxed),
              {}};
  const std::uint32_t frames =
      std::min(record.frame_count.load(std::memory_order_acquire), CrashRecord::most_frames);
  const std::uint32_t modules =
      record.is_located.load(std::memory_order_acquire) == 0
          ? 0
          : std::min(record.module_count.load(std::memory_order_acquire), CrashRecord::most_modules);
  for (std::uint32_t index = 0; index < frames; ++index) {
    const CrashRecord::Frame& frame = record.frames[index];
    Crash::Frame read{frame.address, {}, frame.offset};
    if (frame.module < modules) {
      const char* const path = record.modules[frame.module];
      read.file.assign(path, ::strnlen(path, CrashRecord::longest_path));
    }
    crash.frames.push_back(std::move(read));
  }
  return crash;
}

}  // namespace procyon::pool
