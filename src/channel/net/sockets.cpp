#include "channel/net/sockets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>

#include "os/error.hpp"
#include "os/socket.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel::net {

namespace {

using namespace std::chrono_literals;

os::Descriptor make_socket(int family, int flags = 0) {
  return os::Descriptor::adopt(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0),
                               "procyon: making a socket");
}

template <class Value>
void set_option(const os::Descriptor& socket, int level, int option, const Value& value) {
  os::check(::setsockopt(socket.get(), level, option, &value, sizeof(value)),
            "procyon: setting an option of a socket (setsockopt)");
}

timeval to_timeval(std::chrono::nanoseconds time) {
  const auto micro =
      std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  return {micro / 1'000'000, micro % 1'000'000};
}

/// Held by whoever looks at the paths of a directory and changes them.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& path) {
    std::string directory = std::filesystem::path(path).parent_path();
    if (directory.empty()) directory = ".";
    directory_ = os::Descriptor::adopt(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                       "procyon: opening the directory of a unix: address");
    // Others hold it for a moment only; one that is stopped meanwhile must not stop everybody.
    const os::Deadline deadline = os::Deadline::after(5s);
    while (::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0 && !deadline.expired()) {
      constexpr timespec pause{0, 2'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  // Not by closing alone: a child that was forked meanwhile has a copy, and would keep the lock.
  ~DirectoryLock() { ::flock(directory_.get(), LOCK_UN); }

 private:
  os::Descriptor directory_;
};

/// Known to the guardian while this lives, if there can be one.
class Told {
 public:
  explicit Told(os::Leftover leftover)
      : leftover_(std::move(leftover)), known_(os::watch_leftover(leftover_)) {}
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
  ~Told() { os::forget_leftover(leftover_); }
  [[nodiscard]] bool known() const { return known_; }

 private:
  os::Leftover leftover_;
  bool known_;
};

bool is_socket(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

/// Whether the socket at a path is what somebody dead has left.
bool nobody_listens_at(const SocketAddress& where) {
  const os::Descriptor probe = make_socket(AF_UNIX, SOCK_NONBLOCK);
  return ::connect(probe.get(), where.get(), where.size) != 0 && errno == ECONNREFUSED;
}

/// Removes what somebody dead has left there. While the result is held, no other file gets the number of that one.
os::Descriptor remove_if_dead(const std::string& path, const SocketAddress& where) {
  if (!is_socket(path) || !nobody_listens_at(where)) return {};
  os::Descriptor held(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  ::unlink(path.c_str());
  return held;
}

[[noreturn]] void throw_listening(const Address& address, int error) {
  const char* way_out = "";
  if (error == EADDRINUSE && address.is_tcp())
    way_out = ": another program listens at this port; take another one, or 0 for any that is free";
  else if (error == EADDRINUSE)
    way_out = ": another program listens there, or a file that is no socket is in the way";
  else if (error == EACCES)
    way_out =
        ": this user may not; ports below 1024 belong to root, a path needs a directory that may be written "
        "to";
  else if (error == EADDRNOTAVAIL)
    way_out = ": this machine has no such address";
  os::throw_system_error(fmt::format("procyon: listening at {}{}", address.text, way_out), error);
}

}  // namespace

ListeningSocket::ListeningSocket(const Address& address, int backlog) : tcp_(address.is_tcp()) {
  int error = 0;
  for (const SocketAddress& where : resolve(address, os::Deadline::after(20s))) {
    try {
      socket_ = make_socket(where.family(), SOCK_NONBLOCK);
      if (tcp_) set_option(socket_, SOL_SOCKET, SO_REUSEADDR, 1);
      if (address.kind == Address::Kind::path) {
        listen_at_path(address, where, backlog);
      } else {
        bind(address, where);
        listen(address, backlog);
      }
      return;
    } catch (const std::system_error& refused) {  // a host may have several addresses
      error = refused.code().value();
      close();
      if (!tcp_) throw;
    }
  }
  throw_listening(address, error);
}

void ListeningSocket::bind(const Address& address, const SocketAddress& where) {
  if (::bind(socket_.get(), where.get(), where.size) != 0) throw_listening(address, errno);
}

void ListeningSocket::listen(const Address& address, int backlog) {
  if (::listen(socket_.get(), std::max(backlog, 1)) != 0) throw_listening(address, errno);
  SocketAddress real;
  real.size = sizeof(real.storage);
  os::check(::getsockname(socket_.get(), real.get(), &real.size),
            "procyon: asking for the address of a socket");
  text_ = text_of(real);
}

void ListeningSocket::listen_at_path(const Address& address, const SocketAddress& where, int backlog) {
  os::Leftover file{std::filesystem::absolute(address.name), os::Leftover::Kind::socket, {}};
  const Told told(file);  // before the lock: the first time it starts a guardian
  const DirectoryLock lock(address.name);
  os::crash_point("listener.told");
  const os::Descriptor predecessor = remove_if_dead(address.name, where);
  os::crash_point("listener.free");
  bind(address, where);
  os::crash_point("listener.bound");
  file.file = os::identity_at(file.path.c_str());
  if (!file.file.is_any()) {
    if (told.known()) os::watch_leftover(file);
    file_ = std::move(file);
    creator_ = ::getpid();
  }
  os::crash_point("listener.told_with_file");
  listen(address, backlog);
}

void ListeningSocket::close() noexcept {
  socket_.reset();
  if (file_.path.empty() || creator_ != ::getpid()) return;
  try {
    const DirectoryLock lock(file_.path);
    os::crash_point("listener.closed");
    if (os::leads_to(file_.path.c_str(), file_.file)) ::unlink(file_.path.c_str());
    os::crash_point("listener.unlinked");
  } catch (const std::exception&) {  // the directory is gone, and the path with it
  }
  os::forget_leftover(file_);
  file_.path.clear();
}

namespace {

/// 0, or an errno: ETIMEDOUT when the deadline passed.
int connect_local(const os::Descriptor& socket, const SocketAddress& where, os::Deadline deadline) {
  for (;;) {
    // The kernel waits while the listener's backlog is full, for as long as the socket may wait to send.
    set_option(socket, SOL_SOCKET, SO_SNDTIMEO, to_timeval(deadline.slice(os::wait_slice).remaining()));
    if (::connect(socket.get(), where.get(), where.size) == 0) break;
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (deadline.expired()) return ETIMEDOUT;
  }
  set_option(socket, SOL_SOCKET, SO_SNDTIMEO, timeval{});
  return 0;
}

int connect_tcp(const os::Descriptor& socket, const SocketAddress& where, os::Deadline deadline) {
  if (::connect(socket.get(), where.get(), where.size) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  for (;;) {
    pollfd entry{socket.get(), POLLOUT, 0};
    if (::poll(&entry, 1, deadline.slice(os::wait_slice).poll_timeout()) > 0) break;
    if (deadline.expired()) return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  os::check(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size),
            "procyon: asking how connecting ended (getsockopt)");
  return error;
}

/// What others are handed is an ordinary socket.
void make_blocking(const os::Descriptor& socket) {
  os::check(::fcntl(socket.get(), F_SETFL, 0), "procyon: setting up a connection (fcntl)");
}

}  // namespace

os::Descriptor connect_socket(const Address& address, os::Deadline deadline) {
  int error = 0;
  for (const SocketAddress& where : resolve(address, deadline)) {
    os::Descriptor socket = make_socket(where.family(), address.is_tcp() ? SOCK_NONBLOCK : 0);
    error = address.is_tcp() ? connect_tcp(socket, where, deadline) : connect_local(socket, where, deadline);
    if (error == 0) {
      make_blocking(socket);
      return socket;
    }
    if (deadline.expired()) {
      throw TimeoutError(
          fmt::format("procyon: connecting to {}: it does not answer, or has more to do than it can, and "
                      "the time for it is over",
                      address.text));
    }
  }
  const bool nobody = error == ECONNREFUSED || error == ENOENT;
  os::throw_system_error(fmt::format("procyon: connecting to {}{}", address.text,
                                     nobody ? ": nobody listens there (yet, or any more)" : ""),
                         error);
}

void set_tcp_options(const os::Descriptor& socket, const connection::TcpOptions& options) {
  if (options.no_delay) set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.lost_after <= 0s) return;
  const int seconds = static_cast<int>(std::clamp<std::int64_t>(
      std::chrono::ceil<std::chrono::seconds>(options.lost_after).count(), 1, 24 * 3600));
  // An idle connection is asked after half the time, then at least once more. With TCP_USER_TIMEOUT it is that which
  // decides when no answer is the answer, to questions and to what was sent.
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, std::max(1, seconds / 2));
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 6));
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(seconds) * 1000U);
}

std::optional<ucred> local_peer(const os::Descriptor& socket) {
  int family = 0;
  socklen_t size = sizeof(family);
  os::check(::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size),
            "procyon: asking for the family of a socket (getsockopt)");
  if (family != AF_UNIX) return std::nullopt;
  return os::peer_credentials(socket);
}

bool is_trusted_user(const ucred& peer) { return peer.uid == ::geteuid() || peer.uid == 0; }

std::string peer_text(const os::Descriptor& socket) {
  if (const auto peer = local_peer(socket))
    return fmt::format("unix: process {} of user {}", peer->pid, peer->uid);
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (::getpeername(socket.get(), address.get(), &address.size) != 0) return "tcp:// (gone)";
  return text_of(address);
}

}  // namespace procyon::channel::net
