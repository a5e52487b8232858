#include "place.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

// Of the linker: where the program's own text begins and ends.
extern "C" const char __executable_start;
extern "C" const char etext;

namespace procyon::crash {
namespace {

std::string hexadecimal(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return text;
}

std::string demangled(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&::free)> name(abi::__cxa_demangle(symbol, nullptr, nullptr, &status),
                                                      &::free);
  return status == 0 ? name.get() : symbol;
}

Dl_info look_up(std::uint64_t address) {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(address), &info) == 0) info = {};
  return info;
}

std::uint64_t number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

std::string last_component(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash != nullptr ? slash + 1 : path;
}

}  // namespace

bool in_main_program(std::uint64_t address) {
  return address >= number(&__executable_start) && address < number(&etext);
}

std::string describe_place(std::uint64_t address) {
  const Dl_info info = look_up(address);
  if (info.dli_fname == nullptr) return hexadecimal(address);
  std::string module = last_component(info.dli_fname) + "+" + hexadecimal(address - number(info.dli_fbase));
  if (info.dli_sname == nullptr) return module;
  return demangled(info.dli_sname) + "+" + hexadecimal(address - number(info.dli_saddr)) + " (" + module +
         ")";
}

std::string source_of(std::uint64_t address) {
  const Dl_info info = look_up(address);
  if (info.dli_fname == nullptr) return "";
  const std::string file =
      in_main_program(address) ? "/proc/" + std::to_string(::getpid()) + "/exe" : info.dli_fname;
  const std::string command =
      "addr2line -Cfpsi -e '" + file + "' " + hexadecimal(address - number(info.dli_fbase)) + " 2>/dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return "";
  std::string text;
  char line[1024];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    // How std::function reaches the scenario's lambda is no news.
    if (std::strstr(line, "_invoke") == nullptr) text += line;
  }
  ::pclose(pipe);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.starts_with(" (inlined by) ")) text.erase(0, std::strlen(" (inlined by) "));
  return text.starts_with("??") ? "" : text;
}

std::string name_of_call(long number) {
  constexpr std::pair<long, const char*> names[] = {
      {SYS_read, "read"},
      {SYS_write, "write"},
      {SYS_close, "close"},
      {SYS_poll, "poll"},
      {SYS_ppoll, "ppoll"},
      {SYS_mmap, "mmap"},
      {SYS_mprotect, "mprotect"},
      {SYS_munmap, "munmap"},
      {SYS_madvise, "madvise"},
      {SYS_brk, "brk"},
      {SYS_fcntl, "fcntl"},
      {SYS_fallocate, "fallocate"},
      {SYS_ftruncate, "ftruncate"},
      {SYS_memfd_create, "memfd_create"},
      {SYS_futex, "futex"},
      {SYS_sched_yield, "sched_yield"},
      {SYS_nanosleep, "nanosleep"},
      {SYS_clock_nanosleep, "clock_nanosleep"},
      {SYS_clock_gettime, "clock_gettime"},
      {SYS_getpid, "getpid"},
      {SYS_gettid, "gettid"},
      {SYS_getppid, "getppid"},
      {SYS_sendmsg, "sendmsg"},
      {SYS_recvmsg, "recvmsg"},
      {SYS_socketpair, "socketpair"},
      {SYS_eventfd2, "eventfd2"},
      {SYS_epoll_ctl, "epoll_ctl"},
      {SYS_epoll_wait, "epoll_wait"},
      {SYS_pidfd_open, "pidfd_open"},
      {SYS_clone, "clone"},
      {SYS_clone3, "clone3"},
      {SYS_execve, "execve"},
      {SYS_wait4, "wait4"},
      {SYS_waitid, "waitid"},
      {SYS_kill, "kill"},
      {SYS_tgkill, "tgkill"},
      {SYS_rt_sigprocmask, "rt_sigprocmask"},
      {SYS_rt_sigaction, "rt_sigaction"},
      {SYS_rt_sigreturn, "rt_sigreturn"},
      {SYS_restart_syscall, "restart_syscall"},
      {SYS_exit, "exit"},
      {SYS_exit_group, "exit_group"},
  };
  for (const auto& [known, name] : names) {
    if (known == number) return name;
  }
  return "call " + std::to_string(number);
}

}  // namespace procyon::crash
