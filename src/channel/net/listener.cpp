#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "channel/connection_guard.hpp"
#include "channel/net/acceptor.hpp"
#include "channel/net/connect.hpp"
#include "os/error.hpp"
#include "procyon/connection.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/errors.hpp"

namespace procyon::connection {

namespace net = channel::net;

namespace detail {

/// What all copies of a Listener share. Threads take turns: one is in accept() and does the handshakes.
class ListenerState {
 public:
  ListenerState(const net::Address& address, ListenerOptions options)
      : max_message_(options.max_message),
        acceptor_(make(address, std::move(options))),
        watched_(os::Descriptor::adopt(::fcntl(acceptor_->fileno(), F_DUPFD_CLOEXEC, 3),
                                       "procyon: making a listener (fcntl)")),
        address_(acceptor_->address()) {}

  Connection accept(os::Deadline deadline);
  void close();
  [[nodiscard]] bool closed() const { return closed_.load(); }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::string last_accepted() const;
  [[nodiscard]] std::uint64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }
  [[nodiscard]] int fileno() const;
  [[noreturn]] void throw_closed() const;

 private:
  class Accepting;

  std::unique_ptr<net::Acceptor> make(const net::Address& address, ListenerOptions options);
  Connection accept_in_turn(os::Deadline deadline);
  void end_if_closed();

  const std::size_t max_message_;
  channel::Turn turn_;  // to use the acceptor
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> rejected_{0};
  std::unique_ptr<net::Acceptor> acceptor_;
  const os::Descriptor
      watched_;  // the acceptor's, for others: it is not used by somebody else while this lives
  const std::string address_;
  mutable std::mutex mutex_;
  std::string last_accepted_;
};

/// For the time of an accept().
class ListenerState::Accepting {
 public:
  Accepting(ListenerState& state, os::Deadline deadline) : state_(state) {
    if (!state_.turn_.take(deadline))
      throw TimeoutError(
          fmt::format("procyon: another thread was in accept() of the listener at {} for the whole time",
                      state_.address_));
    if (state_.acceptor_) state_.acceptor_->resume();
  }
  Accepting(const Accepting&) = delete;
  Accepting& operator=(const Accepting&) = delete;
  ~Accepting() {
    if (state_.acceptor_) state_.acceptor_->pause();
    state_.turn_.give();
    state_.end_if_closed();
  }

 private:
  ListenerState& state_;
};

std::unique_ptr<net::Acceptor> ListenerState::make(const net::Address& address, ListenerOptions options) {
  options.on_rejected = [this, tell = std::move(options.on_rejected)](const Rejected& one) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    if (tell) tell(one);
  };
  auto acceptor = std::make_unique<net::Acceptor>(address, std::move(options));
  acceptor->pause();
  return acceptor;
}

void ListenerState::throw_closed() const {
  throw std::logic_error(
      fmt::format("procyon: the listener at {} has been closed by close(); use it before", address_));
}

Connection ListenerState::accept(os::Deadline deadline) {
  if (closed()) throw_closed();
  const Accepting accepting(*this, deadline);
  return accept_in_turn(deadline);
}

Connection ListenerState::accept_in_turn(os::Deadline deadline) {
  for (;;) {
    if (closed() || !acceptor_) throw_closed();
    if (std::optional<net::Accepted> one = acceptor_->step()) {
      {
        const std::scoped_lock lock(mutex_);
        last_accepted_ = one->peer;
      }
      return Connection(std::move(one->socket), true, true, {},
                        channel::Remote{one->peer, max_message_, one->is_local()});
    }
    if (deadline.expired())
      throw TimeoutError(fmt::format("procyon: nobody has connected to {} in time", address_));
    pollfd entry{acceptor_->fileno(), POLLIN, 0};
    if (::poll(&entry, 1, deadline.slice(os::wait_slice).poll_timeout()) < 0 && errno != EINTR)
      os::throw_system_error(fmt::format("procyon: waiting at {} (poll)", address_));
  }
}

// Whoever has the turn ends the acceptor: the one who closes, or else the one who is in accept() meanwhile.
void ListenerState::close() {
  closed_.store(true);
  end_if_closed();
}

void ListenerState::end_if_closed() {
  if (!closed() || !turn_.take(os::Deadline::now())) return;
  acceptor_.reset();
  turn_.give();
}

std::string ListenerState::last_accepted() const {
  const std::scoped_lock lock(mutex_);
  return last_accepted_;
}

int ListenerState::fileno() const {
  if (closed()) throw_closed();
  return watched_.get();
}

}  // namespace detail

namespace {

class WaitedListener final : public sync::Waitable {
 public:
  explicit WaitedListener(std::shared_ptr<detail::ListenerState> state)
      : state_(std::move(state)), descriptor_(state_->fileno()) {}
  [[nodiscard]] int descriptor() const override { return descriptor_; }
  void check() override {
    if (state_->closed()) state_->throw_closed();
  }

 private:
  std::shared_ptr<detail::ListenerState> state_;
  int descriptor_;
};

}  // namespace

Listener::Listener(ListenerOptions options)
    : state_(std::make_shared<detail::ListenerState>(net::private_address(), std::move(options))) {}

Listener::Listener(std::string_view address, ListenerOptions options)
    : state_(std::make_shared<detail::ListenerState>(net::parse_address(address), std::move(options))) {}

detail::ListenerState& Listener::state() const {
  if (!state_)
    throw std::logic_error("procyon: this Listener has been moved from; use the one that it was moved to");
  return *state_;
}

Connection Listener::accept_until(os::Deadline deadline) { return state().accept(deadline); }
const std::string& Listener::address() const { return state().address(); }
std::string Listener::last_accepted() const { return state().last_accepted(); }
std::uint64_t Listener::rejected() const { return state().rejected(); }
void Listener::close() { state().close(); }
bool Listener::closed() const { return state().closed(); }
int Listener::fileno() const { return state().fileno(); }

sync::WaitTarget Listener::wait_target() const {
  static_cast<void>(state());  // says so if there is none
  return {std::make_shared<WaitedListener>(state_),
          {sync::WaitTarget::Kind::connection, reinterpret_cast<std::uintptr_t>(state_.get())}};
}

Connection Client(std::string_view address, const ClientOptions& options) {
  net::Connected connected =
      net::connect(net::parse_address(address), options, os::Deadline::after(options.timeout));
  return Connection(std::move(connected.socket), true, true, {},
                    channel::Remote{std::string(address), options.max_message, connected.is_local});
}

}  // namespace procyon::connection
