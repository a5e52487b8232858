#include "process/sibling.hpp"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

// Defined by the runtime of a sanitizer if the program has one.
extern "C" {
[[gnu::weak]] void __asan_init();
[[gnu::weak]] void __tsan_init();
[[gnu::weak]] void __msan_init();
[[gnu::weak]] void __lsan_init();
}

namespace procyon::process {

namespace {

bool somebody_must_see_forks() {
  if (__asan_init != nullptr || __tsan_init != nullptr || __msan_init != nullptr || __lsan_init != nullptr)
    return true;
  const char* preloaded = std::getenv("LD_PRELOAD");
  return preloaded != nullptr && std::strstr(preloaded, "vgpreload") != nullptr;
}

// Whether mutexes take their owner from `word`.
bool is_thread_id(int* word) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t mutex;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  ::pthread_mutex_init(&mutex, &attributes);
  constexpr int marker = 0x1234567;
  const auto thread_id = static_cast<int>(::gettid());
  volatile int* place = word;
  *place = marker;
  ::pthread_mutex_lock(&mutex);
  const bool proved = mutex.__data.__owner == marker;
  if (proved) ::pthread_mutex_unlock(&mutex);
  *place = thread_id;
  ::pthread_mutexattr_destroy(&attributes);
  return proved;
}

int* find_thread_id() {
  int* registered = nullptr;
  const auto thread_id = static_cast<int>(::gettid());
  if (::prctl(PR_GET_TID_ADDRESS, &registered) == 0 && registered != nullptr && *registered == thread_id &&
      is_thread_id(registered))
    return registered;
  // A kernel without checkpoint support does not say: it lies in the thread descriptor, of some 2 KiB.
  constexpr std::size_t descriptor_words = 512;
  auto* words = reinterpret_cast<int*>(::pthread_self());
  for (std::size_t i = 0; i < descriptor_words; ++i)
    if (words[i] == thread_id && is_thread_id(words + i)) return words + i;
  return nullptr;
}

}  // namespace

std::optional<SiblingMaker> SiblingMaker::prepare() {
  if (somebody_must_see_forks()) return std::nullopt;
  void* robust_list = nullptr;
  std::size_t size = 0;
  if (::syscall(SYS_get_robust_list, 0, &robust_list, &size) != 0) return std::nullopt;
  int* thread_id = find_thread_id();
  if (thread_id == nullptr) return std::nullopt;
  return SiblingMaker(thread_id, robust_list, size);
}

pid_t SiblingMaker::make(std::atomic<std::int32_t>& pid_word) const {
  constexpr unsigned long flags =
      CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
  static_assert(sizeof(pid_word) == sizeof(pid_t));
#if defined(__x86_64__)
  const long pid = ::syscall(SYS_clone, flags, nullptr, &pid_word, thread_id_, nullptr);
#else  // the other order of arguments
  const long pid = ::syscall(SYS_clone, flags, nullptr, &pid_word, nullptr, thread_id_);
#endif
  if (pid == 0) mend_child();
  return static_cast<pid_t>(pid);
}

pid_t SiblingMaker::make(std::atomic<std::int32_t>& pid_word, int& pidfd) const {
  const auto address = [](const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); };
  clone_args arguments{};
  arguments.flags =
      CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PIDFD;
  arguments.parent_tid = address(&pid_word);
  arguments.child_tid = address(thread_id_);
  arguments.pidfd = address(&pidfd);  // the signal at its end is this process's own, as CLONE_PARENT has it
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid < 0 && (errno == ENOSYS || errno == EPERM)) return make(pid_word);
  if (pid == 0) mend_child();
  return static_cast<pid_t>(pid);
}

void SiblingMaker::mend_child() const { ::syscall(SYS_set_robust_list, robust_list_, robust_list_size_); }

}  // namespace procyon::process
