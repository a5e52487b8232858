// Everything here is async-signal-safe: it may run in a fork of a process with threads, whose locks are held for ever.
#include "process/guardian_main.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace procyon::process {

namespace {

// ---- The path of a socket ------------------------------------------------------------------------------------------

/// Of all waiting for directories: whoever waits for the guardian does so for two seconds.
struct Patience {
  int looks = 500;
};

// Others hold it for a moment only. One that was stopped meanwhile is waited for no longer than listeners would.
void lock_directory(int directory, Patience& patience) noexcept {
  constexpr timespec pause{0, 2'000'000};
  while (::flock(directory, LOCK_EX | LOCK_NB) != 0 && patience.looks-- > 0) ::nanosleep(&pause, nullptr);
}

bool is_socket(const char* name) noexcept {
  struct stat there {};
  return ::lstat(name, &there) == 0 && S_ISSOCK(there.st_mode);
}

bool nobody_listens_at(const char* name) noexcept {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (::strlen(name) >= sizeof(where.sun_path)) return false;
  ::strcpy(where.sun_path, name);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const bool refused = ::connect(probe, reinterpret_cast<const sockaddr*>(&where), sizeof(where)) != 0 &&
                       errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

// From within the directory: the whole path may be longer than the address of a socket can be.
void remove_socket(GuardianMessage& entry, Patience& patience) noexcept {
  char* const slash = ::strrchr(entry.path, '/');
  const char* const name = slash + 1;
  *slash = '\0';
  const int directory = ::open(slash == entry.path ? "/" : entry.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  lock_directory(directory, patience);
  if (::fchdir(directory) == 0 && is_socket(name) && os::leads_to(name, entry.file) &&
      (!entry.file.is_any() || nobody_listens_at(name)))
    ::unlink(name);
  ::close(directory);
}

// ---- The list ----------------------------------------------------------------------------------------------------

/// What the guardian was told: an array that grows, in memory of its own.
class List {
 public:
  void add(const GuardianMessage& entry) noexcept {
    if (find(entry) != nullptr) return;
    if (size_ == capacity_ && !grow()) return;
    entries_[size_++] = entry;
  }
  void remove(const GuardianMessage& entry) noexcept {
    if (GuardianMessage* found = find(entry)) *found = entries_[--size_];
  }
  // The last first: what lies in a directory before the directory.
  void carry_out() noexcept {
    while (size_ > 0) carry_out(entries_[--size_]);
  }

 private:
  GuardianMessage* find(const GuardianMessage& entry) noexcept {
    for (std::size_t index = 0; index < size_; ++index) {
      GuardianMessage& other = entries_[index];
      if (other.file == entry.file && other.kind == entry.kind && ::strcmp(other.path, entry.path) == 0)
        return &other;
    }
    return nullptr;
  }

  bool grow() noexcept {
    const std::size_t wanted = std::max<std::size_t>(2 * capacity_, 64);
    void* memory = entries_ == nullptr ? ::mmap(nullptr, wanted * sizeof(GuardianMessage),
                                                PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                       : ::mremap(entries_, capacity_ * sizeof(GuardianMessage),
                                                  wanted * sizeof(GuardianMessage), MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) return false;
    entries_ = static_cast<GuardianMessage*>(memory);
    capacity_ = wanted;
    return true;
  }

  void carry_out(GuardianMessage& entry) noexcept {
    if (entry.kind == Leftover::Kind::socket)
      remove_socket(entry, patience_);
    else if (!os::leads_to(entry.path, entry.file))
      return;
    else if (entry.kind == Leftover::Kind::directory)
      ::rmdir(entry.path);
    else
      ::unlink(entry.path);
  }

  GuardianMessage* entries_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  Patience patience_;
};

enum class Rest : bool { may_follow, is_all };

Rest read_messages(int socket, List& list) noexcept {
  for (;;) {
    GuardianMessage message;
    const ssize_t size = ::recv(socket, &message, sizeof(message), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN ? Rest::may_follow : Rest::is_all;
    if (size == 0) return Rest::is_all;
    if (size != static_cast<ssize_t>(sizeof(message))) continue;
    message.path[sizeof(message.path) - 1] = '\0';
    if (message.verb == GuardianMessage::Verb::watch)
      list.add(message);
    else
      list.remove(message);
  }
}

[[noreturn]] void guard(int socket, int pidfd) noexcept {
  List list;
  const GuardianReady ready{static_cast<std::int32_t>(::getpid())};
  ::send(socket, &ready, sizeof(ready), MSG_NOSIGNAL);
  for (;;) {
    pollfd entries[] = {{socket, POLLIN, 0}, {pidfd, POLLIN, 0}};
    if (::poll(entries, 2, -1) < 0) continue;
    const bool has_ended = entries[1].revents != 0;  // looked at first: it says nothing more after this
    if (read_messages(socket, list) == Rest::is_all || has_ended) break;
  }
  list.carry_out();
  ::_exit(0);  // its end of the socket tells who waits that all is done
}

void close_all_but(int one, int other) noexcept {
  const auto first = static_cast<unsigned>(std::min(one, other));
  const auto second = static_cast<unsigned>(std::max(one, other));
  const auto close_range = [](unsigned from, unsigned to) {
    if (from <= to && to != ~0U - 1) ::syscall(SYS_close_range, from, to, 0);
  };
  if (first > 0) close_range(0, first - 1);
  close_range(first + 1, second - 1);
  close_range(second + 1, ~0U);
}

}  // namespace

void become_guardian(int socket, int pidfd) noexcept {
  close_all_but(socket, pidfd);
  ::setsid();
  if (::chdir("/") != 0) {  // then it keeps a directory in use
  }
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  // Its parent ends, so that it is a child of init's. Not fork(): that calls what the program registered.
  const long child = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child > 0) ::_exit(0);
  ::prctl(PR_SET_NAME, "procyon-guard");
  guard(socket, pidfd);
}

}  // namespace procyon::process
