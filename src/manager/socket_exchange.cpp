#include "manager/socket_exchange.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "channel/connection_frame.hpp"
#include "manager/random.hpp"
#include "manager/session_proof.hpp"
#include "os/error.hpp"
#include "os/pidfd.hpp"
#include "os/socket.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

namespace {

constexpr std::size_t most_parts = 8;

// A read returns after this long with nothing.
void set_slice(int socket) {
  const timeval slice{0, std::chrono::microseconds(os::wait_slice).count()};
  os::check(::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice)),
            "connecting to a manager (SO_RCVTIMEO)");
  const int flags = ::fcntl(socket, F_GETFL);
  os::check(::fcntl(socket, F_SETFL, flags & ~O_NONBLOCK), "connecting to a manager (fcntl)");
}

os::Descriptor open_peer(int socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0 ||
      peer.pid == ::getpid())
    return {};
  try {
    return os::open_pidfd(peer.pid);
  } catch (const std::system_error&) {
    return {};  // of another pid namespace, or gone: then the socket says so
  }
}

bool poll_for(int descriptor, short events, os::Deadline deadline) {
  pollfd entry{descriptor, events, 0};
  return ::poll(&entry, 1, deadline.slice(os::wait_slice).poll_timeout()) > 0;
}

}  // namespace

SocketExchange::SocketExchange(os::Descriptor socket, std::string address, DescribeEnd describe_end,
                               os::Deadline deadline)
    : address_(std::move(address)),
      describe_end_(std::move(describe_end)),
      socket_(std::move(socket)),
      incoming_(std::numeric_limits<std::uint64_t>::max() / 2) {
  set_slice(socket_.get());
  server_process_ = open_peer(socket_.get());
  greet(deadline);
}

SocketExchange::~SocketExchange() = default;

void SocketExchange::greet(os::Deadline deadline) {
  Hello ours;
  ours.pid = ::getpid();
  ours.instance = random_number();
  channel::net::fill_with_random(ours.nonce);
  const std::span<const std::byte> parts[] = {os::bytes_of(ours)};
  {
    const std::lock_guard sending(sending_);
    send(parts, true);
  }
  for (;;) {
    if (const auto frame = incoming_.next()) {
      try {
        hello_ = read_hello(*frame);
      } catch (const ProtocolError& error) {
        throw ManagerGone("procyon: what answers at " + address_ +
                          " is no manager for this program: " + error.what());
      }
      break;
    }
    if (deadline.expired())
      throw TimeoutError("procyon: the manager at " + address_ +
                         " took the connection and said nothing in time");
    read_once(true, deadline);
    const std::lock_guard lock(mutex_);
    if (gone_)
      throw ManagerGone("procyon: the manager at " + address_ +
                        " closed the connection before it said who it is");
  }
  in_session_ = is_session_proof(hello_.proof, Prover::server, ours.nonce, hello_.nonce);
  if (in_session_) tell(RequestKind::prove, prove_session(Prover::client, ours.nonce, hello_.nonce));
}

bool SocketExchange::is_gone() {
  const std::lock_guard lock(mutex_);
  return gone_;
}

// Sending

void SocketExchange::send(std::span<const std::span<const std::byte>> parts, bool may_wait) {
  std::size_t length = 0;
  for (const auto part : parts) length += part.size();
  if (hello_.max_message != 0 && length > hello_.max_message)
    throw std::length_error("procyon: a call of " + std::to_string(length) +
                            " bytes cannot go to the manager at " + address_ + ", which takes at most " +
                            std::to_string(hello_.max_message) +
                            "; its ManagerOptions::max_message says how many");
  const channel::FramePrefix prefix(length);
  if (sent_ == unsent_.size()) {
    // Nothing before it: straight from where it lies.
    std::array<iovec, most_parts> vectors{};
    std::size_t count = 0;
    const auto add = [&](std::span<const std::byte> bytes) {
      if (!bytes.empty()) vectors.at(count++) = {const_cast<std::byte*>(bytes.data()), bytes.size()};
    };
    add(prefix.bytes());
    for (const auto part : parts) add(part);
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t gone = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (gone == static_cast<ssize_t>(prefix.bytes().size() + length)) return;
    if (gone < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      end(std::string("it cannot be sent to: ") + std::strerror(errno));
      throw_gone();
    }
    unsent_.clear();
    sent_ = gone > 0 ? static_cast<std::size_t>(gone) : 0;
  }
  const auto append = [&](std::span<const std::byte> bytes) {
    unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
  };
  append(prefix.bytes());
  for (const auto part : parts) append(part);
  if (!flush(may_wait)) throw_gone();
}

// False if the connection has ended.
bool SocketExchange::flush(bool may_wait) {
  while (sent_ < unsent_.size()) {
    const ssize_t count =
        ::send(socket_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!may_wait) return true;
      wait_for_room();
      if (is_gone()) return false;
    } else if (errno != EINTR) {
      end(std::string("it cannot be sent to: ") + std::strerror(errno));
      return false;
    }
  }
  unsent_.clear();
  sent_ = 0;
  if (unsent_.capacity() > FrameReader::usual_size) unsent_.shrink_to_fit();
  return true;
}

void SocketExchange::wait_for_room() {
  std::unique_lock lock(mutex_);
  const bool reads = !std::exchange(reading_, true);
  if (!reads) {
    lock.unlock();
    poll_for(socket_.get(), POLLOUT, os::Deadline::never());
    look_whether_server_lives();
    return;
  }
  lock.unlock();
  pollfd entry{socket_.get(), POLLIN | POLLOUT, 0};
  const int ready = ::poll(&entry, 1, os::Deadline::never().slice(os::wait_slice).poll_timeout());
  if (ready > 0 && (entry.revents & ~POLLOUT) != 0) {
    read_once(false, os::Deadline::now());
    take_answers();
  }
  if (ready == 0) look_whether_server_lives();
  lock.lock();
  reading_ = false;
  hand_on_reading();
}

// Receiving

// False if nothing has come.
bool SocketExchange::read_once(bool may_wait, os::Deadline deadline) {
  if (may_wait && !deadline.is_never() && deadline.remaining() < os::wait_slice &&
      !poll_for(socket_.get(), POLLIN, deadline))
    return false;
  const std::span<std::byte> room = incoming_.room();
  const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), may_wait ? 0 : MSG_DONTWAIT);
  if (count > 0) {
    incoming_.arrived(static_cast<std::size_t>(count));
  } else if (count == 0) {
    end("it closed the connection");
  } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
    if (may_wait) look_whether_server_lives();
    return false;
  } else if (errno != EINTR) {
    end(std::string("the connection broke: ") + std::strerror(errno));
  }
  return true;
}

void SocketExchange::take_answers() {
  std::vector<std::shared_ptr<PendingCall>> done;
  try {
    const std::lock_guard lock(mutex_);
    while (const auto frame = incoming_.next())
      if (auto call = take_answer(*frame)) done.push_back(std::move(call));
  } catch (const std::exception& error) {
    end(std::string("it sent what cannot be read: ") + error.what());
  }
  for (const auto& call : done) os::futex_wake_all(call->signal);
}

void SocketExchange::read_as_leader(const PendingCall& call, os::Deadline deadline) {
  os::AdaptiveSpin& spin = spins_.at(call.likeness % spins_.size());
  if (!spin.until([this] { return read_once(false, os::Deadline::now()); }, deadline))
    read_once(true, deadline);
  take_answers();
}

bool SocketExchange::wait(PendingCall& call, os::Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (!call.done.load(std::memory_order_relaxed)) {
    if (gone_) {
      lock.unlock();
      throw_gone();
    }
    if (deadline.expired()) {
      if (!reading_) hand_on_reading();
      return false;
    }
    if (reading_) {
      follow(lock, call, deadline);
      continue;
    }
    reading_ = true;
    lock.unlock();
    try {
      read_as_leader(call, deadline);
    } catch (...) {  // no memory for what came: the call fails, the answer is read by whoever comes next
      lock.lock();
      reading_ = false;
      hand_on_reading();
      throw;
    }
    lock.lock();
    reading_ = false;
  }
  if (!reading_) hand_on_reading();
  lock.unlock();
  give_back_unwanted();
  return true;
}

bool SocketExchange::is_ready(PendingCall& call) {
  std::unique_lock lock(mutex_);
  if (call.done.load(std::memory_order_relaxed) || gone_) return true;
  if (reading_) return false;
  reading_ = true;
  lock.unlock();
  read_once(false, os::Deadline::now());
  take_answers();
  lock.lock();
  reading_ = false;
  hand_on_reading();
  return call.done.load(std::memory_order_relaxed) || gone_;
}

void SocketExchange::follow(std::unique_lock<std::mutex>& lock, PendingCall& call, os::Deadline deadline) {
  const std::uint32_t seen = call.signal.load(std::memory_order_relaxed);
  followers_.push_back(&call);
  lock.unlock();
  os::futex_wait(call.signal, seen, deadline.slice(os::wait_slice));
  lock.lock();
  std::erase(followers_, &call);
}

// Under mutex_, with nobody reading.
void SocketExchange::hand_on_reading() {
  if (followers_.empty()) return;
  PendingCall& next = *followers_.front();
  next.signal.fetch_add(1, std::memory_order_release);
  os::futex_wake_all(next.signal);
}

// The end

void SocketExchange::look_whether_server_lives() {
  if (server_process_ && os::wait_readable(server_process_, os::Deadline::now()))
    end("its process has ended");
}

void SocketExchange::end(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(gone_, true)) return;
  what_ = what;
  ::shutdown(socket_.get(), SHUT_RDWR);  // whoever reads or sends now returns
  for (PendingCall* const follower : followers_) {
    follower->signal.fetch_add(1, std::memory_order_release);
    os::futex_wake_all(follower->signal);
  }
}

void SocketExchange::give_up(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) end_ = why;
  }
  end(why);
}

void SocketExchange::throw_gone() {
  std::unique_lock lock(mutex_);
  if (end_.empty()) {
    const std::string what = what_;
    lock.unlock();
    const std::string who = describe_end_ ? describe_end_() : "";
    lock.lock();
    const std::string pid = hello_.pid > 0 ? " (pid " + std::to_string(hello_.pid) + ")" : "";
    if (end_.empty())
      end_ = "procyon: the manager at " + address_ + pid + " is gone: " + (who.empty() ? what : who) +
             "; what was under way may or may not have been done";
  }
  throw ManagerGone(end_);
}

}  // namespace procyon::manager
