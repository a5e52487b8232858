#include "channel/net/acceptor.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "channel/net/tls_context.hpp"
#include "os/error.hpp"

namespace procyon::channel::net {

namespace {

using namespace std::chrono_literals;
using State = Authentication::State;

// What the numbers in the epoll mean, below those of connections.
constexpr std::uint64_t listening_number = 0;
constexpr std::uint64_t timer_number = 1;
constexpr std::uint64_t first_number = 2;

// A crowd must not keep step() from coming back to its caller.
constexpr int most_events = 256;
constexpr auto rest_time = 100ms;

bool lacks_something(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void control(const os::Descriptor& epoll, int operation, int descriptor, std::uint64_t number,
             std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  os::check(::epoll_ctl(epoll.get(), operation, descriptor, &event),
            "procyon: watching a connection (epoll_ctl)");
}

void check_options(const Address& address, const connection::ListenerOptions& options) {
  if (options.tls.enabled() && !address.is_tcp())
    throw std::invalid_argument(fmt::format(
        "procyon: TLS is for tcp:// addresses; nobody else sees what goes through {}", address.text));
  if (options.max_pending == 0)
    throw std::invalid_argument("procyon: a Listener with max_pending = 0 would let nobody in");
}

}  // namespace

Acceptor::Acceptor(const Address& address, connection::ListenerOptions options)
    : options_((check_options(address, options), std::move(options))),
      listening_(address, options_.backlog),
      tls_(options_.tls.enabled() ? TlsContext::of_listener(options_.tls) : nullptr),
      epoll_(os::Descriptor::adopt(::epoll_create1(EPOLL_CLOEXEC),
                                   "procyon: watching connections (epoll_create)")),
      timer_(os::Descriptor::adopt(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                                   "procyon: watching connections (timerfd_create)")),
      next_number_(first_number),
      creator_(::getpid()) {
  control(epoll_, EPOLL_CTL_ADD, listening_.get(), listening_number, EPOLLIN);
  control(epoll_, EPOLL_CTL_ADD, timer_.get(), timer_number, EPOLLIN);
}

Acceptor::~Acceptor() = default;

std::optional<Accepted> Acceptor::step() {
  if (creator_ != ::getpid())
    throw std::logic_error(
        fmt::format("procyon: the listener at {} belongs to the process that made it; a forked child makes "
                    "its own, or is given the connections",
                    address()));
  for (int i = 0; i < most_events; ++i) {
    epoll_event event{};
    const int count = ::epoll_wait(epoll_.get(), &event, 1, 0);
    if (count < 0 && errno != EINTR) os::throw_system_error("procyon: watching connections (epoll_wait)");
    if (count <= 0) return std::nullopt;
    std::optional<Accepted> accepted;
    if (event.data.u64 == timer_number) {
      drop_late_ones();
    } else if (event.data.u64 == listening_number) {
      accepted = take_one();
    } else if (const auto one = pending_.find(event.data.u64); one != pending_.end()) {
      accepted = advance(one);
    }
    if (accepted) return accepted;
  }
  return std::nullopt;
}

std::optional<Accepted> Acceptor::take_one() {
  const int number = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (number < 0) {
    if (lacks_something(errno)) rest_for_want_of_descriptors();
    return std::nullopt;  // whatever else it was, it was about that one connection
  }
  os::Descriptor socket = os::Descriptor::adopt(number, "procyon: accepting a connection");
  std::string peer = peer_text(socket);
  const std::optional<ucred> credentials = local_peer(socket);
  if (credentials && !options_.other_users && !is_trusted_user(*credentials)) {
    reject(peer, "it is another user's, and .other_users is not set");
    return std::nullopt;
  }
  std::unique_ptr<Stream> stream;
  try {
    if (listening_.is_tcp()) set_tcp_options(socket, options_.tcp);
    if (tls_)
      stream = tls_->accept(std::move(socket));
    else
      stream = std::make_unique<PlainStream>(std::move(socket));
  } catch (const std::exception& error) {  // gone again already, or no memory for it
    reject(peer, error.what());
    return std::nullopt;
  }
  if (pending_.size() >= options_.max_pending)
    drop(pending_.begin(), "too many are in their handshakes at a time, and it was the oldest of them");
  const auto one =
      pending_
          .emplace(next_number_++,
                   Pending{Authentication(std::move(stream), options_.authkey, Handshake::Role::acceptor,
                                          options_.generation),
                           os::Deadline::after(options_.handshake_timeout), std::move(peer), credentials, 0})
          .first;
  if (one == pending_.begin()) set_timer();
  return advance(one);
}

std::optional<Accepted> Acceptor::advance(PendingMap::iterator one) {
  Pending& pending = one->second;
  const State state = pending.authentication.advance();
  switch (state) {
    case State::wants_read:
    case State::wants_write:
      watch(one, state);
      return std::nullopt;
    case State::done:
      break;
    case State::failed:
      drop(one, fmt::format("{} ({})", pending.authentication.reason(),
                            std::system_category().message(pending.authentication.error())));
      return std::nullopt;
    case State::refused:
    case State::ended:
      drop(one, std::string(pending.authentication.reason()));
      return std::nullopt;
  }
  stop_watching(pending);
  std::optional<Accepted> accepted;
  try {
    accepted = Accepted{pending.authentication.finish(), std::move(pending.peer), pending.credentials};
    pending_.erase(one);
  } catch (const std::exception& error) {
    reject(pending.peer, error.what());
    pending_.erase(one);
  }
  set_timer();
  return accepted;
}

void Acceptor::watch(PendingMap::iterator one, State state) {
  Pending& pending = one->second;
  const std::uint32_t events = state == State::wants_read ? EPOLLIN : EPOLLOUT;
  if (events == pending.events) return;
  control(epoll_, pending.events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, pending.authentication.descriptor(),
          one->first, events);
  pending.events = events;
}

// Closing is not enough: a forked child may have a copy, and the epoll then goes on speaking of it.
void Acceptor::stop_watching(Pending& pending) {
  if (pending.events != 0) control(epoll_, EPOLL_CTL_DEL, pending.authentication.descriptor(), 0, 0);
  pending.events = 0;
}

void Acceptor::drop(PendingMap::iterator one, const std::string& reason) {
  const std::string peer = std::move(one->second.peer);
  stop_watching(one->second);
  pending_.erase(one);
  set_timer();
  reject(peer, reason);
}

void Acceptor::reject(const std::string& peer, const std::string& reason) {
  ++rejected_;
  if (options_.on_rejected) options_.on_rejected({peer, reason});
}

void Acceptor::drop_late_ones() {
  if (rest_ && rest_->expired()) {
    rest_.reset();
    watch_listening(true);
  }
  while (!pending_.empty() && pending_.begin()->second.deadline.expired()) {
    const auto one = pending_.begin();
    drop(one, fmt::format(
                  "its time ({} ms) was over, and {}",
                  std::chrono::duration_cast<std::chrono::milliseconds>(options_.handshake_timeout).count(),
                  one->second.authentication.stage()));
  }
  set_timer();
}

void Acceptor::rest_for_want_of_descriptors() {
  if (!pending_.empty())
    return drop(pending_.begin(),
                "this process has no descriptors left, and it was the oldest in its handshake");
  watch_listening(false);
  rest_ = os::Deadline::after(rest_time);
  set_timer();
}

void Acceptor::watch_listening(bool on) {
  control(epoll_, EPOLL_CTL_MOD, listening_.get(), listening_number, on ? std::uint32_t{EPOLLIN} : 0);
}

// To the first moment at which there is something to do. Disarmed, it is not readable any more.
void Acceptor::set_timer() {
  os::Deadline first = os::Deadline::never();
  if (!pending_.empty()) first = pending_.begin()->second.deadline;
  if (rest_) first = std::min(first, *rest_);
  itimerspec time{};
  if (!first.is_never()) {
    time.it_value = first.absolute();
    if (time.it_value.tv_sec == 0 && time.it_value.tv_nsec == 0)
      time.it_value.tv_nsec = 1;  // 0 would disarm it
  }
  os::check(::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time, nullptr),
            "procyon: setting the time limit of a handshake (timerfd_settime)");
}

void Acceptor::pause() { paused_at_ = os::Deadline::monotonic_now(); }

void Acceptor::resume() {
  if (!paused_at_) return;
  const std::chrono::nanoseconds gap(os::Deadline::monotonic_now() -
                                     *std::exchange(paused_at_, std::nullopt));
  for (auto& [number, pending] : pending_) {
    if (!pending.deadline.is_never())
      pending.deadline = os::Deadline::after(pending.deadline.remaining() + gap);
  }
  set_timer();
}

}  // namespace procyon::channel::net
