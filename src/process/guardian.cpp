#include "process/guardian.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "os/error.hpp"
#include "os/pidfd.hpp"
#include "os/signals.hpp"
#include "os/socket.hpp"
#include "os/spawn.hpp"
#include "process/bootstrap.hpp"
#include "process/entry_hook.hpp"
#include "process/guardian_main.hpp"
#include "process/image_identity.hpp"
#include "process/log.hpp"
#include "process/state.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::process {

namespace {

using namespace std::chrono_literals;

// An image whose static constructors take longer is given up, and a fork takes its place.
constexpr auto patience_with_image = 10s;
constexpr auto patience_with_end = 2s;

// ---- The copy of the socket in a forked child -----------------------------------------------------------------

struct InheritedSocket {
  std::atomic<int> number{-1};
  std::atomic<std::uint64_t> inode{0};  // the number may be another file's by now, if the program closes ours
};
constinit InheritedSocket inherited;

void close_inherited_socket() {
  const int number = inherited.number.exchange(-1);
  struct stat file {};
  if (number >= 0 && ::fstat(number, &file) == 0 && file.st_ino == inherited.inode.load()) ::close(number);
}

void keep_from_forked_children(const os::Descriptor& socket) {
  static const int registered = ::pthread_atfork(nullptr, nullptr, close_inherited_socket);
  (void)registered;
  struct stat file {};
  if (::fstat(socket.get(), &file) != 0) return;
  inherited.inode.store(file.st_ino);
  inherited.number.store(socket.get());
}

// ---- Starting it ------------------------------------------------------------------------------------------------

struct Started {
  os::Descriptor socket;
  pid_t pid = -1;
};

bool has_plain_privileges() {
  return ::getauxval(AT_SECURE) == 0 && ::getuid() == ::geteuid() && ::getgid() == ::getegid();
}

void wait_for_end_of(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void kill_unless_reaped(pid_t pid) {
  try {
    os::send_signal(os::open_pidfd(pid), SIGKILL);
  } catch (const std::system_error&) {
    // It has ended, and somebody who waits for any child took its status.
  }
}

/// Its pid, once it has come so far. The process that forked it is ended in any case.
std::optional<pid_t> take_ready(const os::Descriptor& socket, pid_t forker, os::Deadline deadline) {
  GuardianReady ready;
  std::optional<os::Message> message;
  if (os::wait_readable(socket, deadline))
    message = os::receive_message(socket, os::writable_bytes_of(ready));
  if (!message) kill_unless_reaped(forker);
  wait_for_end_of(forker);
  if (!message || message->size != sizeof(ready)) return std::nullopt;
  return ready.pid;
}

std::optional<Started> start_image_as_guardian(const os::Descriptor& own_pidfd) {
  os::SocketPair sockets = os::create_socket_pair();
  const pid_t pid = os::spawn_own_image(
      {.descriptor = sockets.second.get(),
       .environment = {std::string(bootstrap_variable) + "=" + std::to_string(os::spawned_descriptor)}});
  sockets.second.reset();
  os::crash_point("guardian.start.spawned");
  const Greeting greeting{.role = ImageRole::guardian, .image = image_identity()};
  const int descriptors[] = {own_pidfd.get()};
  os::send_message(sockets.first, os::bytes_of(greeting), descriptors);  // if it is gone: the answer tells
  const auto ready = take_ready(sockets.first, pid, os::Deadline::after(patience_with_image));
  if (!ready) return std::nullopt;
  return Started{std::move(sockets.first), *ready};
}

Started fork_guardian(const os::Descriptor& own_pidfd) {
  os::SocketPair sockets = os::create_socket_pair();
  const os::SignalBits blocked = os::blocked_signals();
  os::set_blocked_signals(~os::SignalBits{0});  // no handler of the program's runs there
  const long pid = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) become_guardian(sockets.second.get(), own_pidfd.get());
  const int error = errno;
  os::set_blocked_signals(blocked);
  if (pid < 0) os::throw_system_error("starting the guardian of this process's names (clone)", error);
  sockets.second.reset();
  const auto ready =
      take_ready(sockets.first, static_cast<pid_t>(pid), os::Deadline::after(patience_with_image));
  if (!ready)
    os::throw_system_error("the guardian of this process's names ended before it was ready", ECHILD);
  return {std::move(sockets.first), *ready};
}

std::optional<Started> try_image(const os::Descriptor& own_pidfd) {
  // In an image that was started, and whose static constructors still run, the same would happen again without end.
  if (entry() != Entry::program || !has_plain_privileges()) return std::nullopt;
  try {
    return start_image_as_guardian(own_pidfd);
  } catch (const std::system_error&) {
    return std::nullopt;  // no /proc, or the file is gone
  }
}

GuardianMessage message_of(GuardianMessage::Verb verb, const Leftover& leftover) {
  GuardianMessage message{verb, leftover.kind, leftover.file, {}};
  leftover.path.copy(message.path, sizeof(message.path) - 1);
  return message;
}

bool send(const os::Descriptor& socket, GuardianMessage::Verb verb, const Leftover& leftover) {
  return os::send_message(socket, os::bytes_of(message_of(verb, leftover)));
}

void require_possible(const Leftover& leftover) {
  if (!leftover.path.starts_with('/') || leftover.path.size() >= Leftover::max_length)
    throw std::invalid_argument("the guardian of names takes absolute paths of less than " +
                                std::to_string(Leftover::max_length) + " bytes, not '" + leftover.path + "'");
}

}  // namespace

// ---- For earlier layers ------------------------------------------------------------------------------------------

namespace {

bool watch_for_others(const Leftover& leftover) noexcept {
  try {
    State::current().guardian().watch(leftover);
    return true;
  } catch (const std::exception& error) {
    warn("'" + leftover.path +
         "' stays if this process is killed, as nobody can be told to remove it: " + error.what());
    return false;
  }
}

void forget_for_others(const Leftover& leftover) noexcept {
  State* state = State::existing();
  if (Guardian* guardian = state == nullptr ? nullptr : state->existing_guardian())
    guardian->forget(leftover);
}

constexpr os::LeftoverKeeper keeper{watch_for_others, forget_for_others};

// Before static constructors, which may make such names.
[[gnu::constructor(200)]] void keep_leftovers() { os::set_leftover_keeper(keeper); }

}  // namespace

// ---- The guardian as its process has it --------------------------------------------------------------------------

void Guardian::watch(const Leftover& leftover) {
  require_possible(leftover);
  const std::lock_guard lock(mutex_);
  watched_.insert(leftover);
  try {
    if (is_alive() && send(socket_, GuardianMessage::Verb::watch, leftover)) return;
    start();
    tell_all();
  } catch (...) {
    watched_.erase(leftover);
    throw;
  }
}

void Guardian::forget(const Leftover& leftover) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (watched_.erase(leftover) == 0) return;
    if (socket_ && send(socket_, GuardianMessage::Verb::forget, leftover)) return;
    if (watched_.empty()) return;
    start();
    tell_all();
  } catch (const std::exception& error) {
    // The names that are left have no guardian until the next one is started.
    warn(std::string("the guardian of this process's names is gone: ") + error.what());
  }
}

void Guardian::end() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (!watched_.empty() && !is_alive()) {
      start();
      tell_all();
    }
    if (!socket_) return;
    ::shutdown(socket_.get(), SHUT_WR);
    os::wait_readable(socket_, os::Deadline::after(patience_with_end));
    inherited.number.store(-1);
    socket_.reset();
    watched_.clear();
  } catch (const std::exception&) {
    // Nothing can be started any more.
  }
}

std::optional<pid_t> Guardian::pid() {
  const std::lock_guard lock(mutex_);
  return is_alive() ? std::optional(pid_) : std::nullopt;
}

// It never sends anything after its first message: readable means ended.
bool Guardian::is_alive() { return socket_ && !os::wait_readable(socket_, os::Deadline::now()); }

void Guardian::start() {
  inherited.number.store(-1);
  socket_.reset();
  const os::Descriptor own_pidfd = os::open_pidfd(::getpid());
  auto started = try_image(own_pidfd);
  if (!started) started = fork_guardian(own_pidfd);
  os::crash_point("guardian.start.ready");
  socket_ = std::move(started->socket);
  pid_ = started->pid;
  keep_from_forked_children(socket_);
}

void Guardian::tell_all() {
  for (const Leftover& leftover : watched_)
    if (!send(socket_, GuardianMessage::Verb::watch, leftover))
      os::throw_system_error("the guardian of this process's names ended while it was told of them", EPIPE);
}

}  // namespace procyon::process
