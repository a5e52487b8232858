#include "process/fork_server.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "os/error.hpp"
#include "os/pidfd.hpp"
#include "os/socket.hpp"
#include "os/spawn.hpp"
#include "process/child.hpp"
#include "process/image_identity.hpp"
#include "process/state.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::process {

namespace {

using namespace std::chrono_literals;

// A server that dies at each request is not tried for ever.
constexpr int attempts = 5;

// Of a program that cannot be linked at its start.
constexpr int exit_code_of_linker = 127;

os::WaitResult status_of_ended(const os::Descriptor& pidfd) {
  os::wait_readable(pidfd, os::Deadline::after(1s));
  return os::reap(pidfd);
}

std::string describe(const os::WaitResult& result) {
  ExitStatus status;
  if (result.state == os::WaitResult::State::exited) status.code = result.value;
  if (result.state == os::WaitResult::State::signalled) status.signal = result.value;
  return status.describe();
}

// The image of a program with raised privileges ignores what its environment says, so its main would run.
void require_plain_privileges() {
  if (::getauxval(AT_SECURE) == 0 && ::getuid() == ::geteuid() && ::getgid() == ::getegid()) return;
  throw std::logic_error(
      "Process: this program runs with other privileges than those of its user (set-user-id, capabilities, "
      "seteuid); "
      "there only the start method 'fork' is offered");
}

}  // namespace

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

StartedImage start_image(State& state, Greeting greeting, const SideSockets* side, bool by_supervisor) {
  require_plain_privileges();
  os::SocketPair sockets = os::create_socket_pair();
  arena::Session& session = arena::Session::current();
  StartBoard& board = state.board();

  StartedImage image;
  os::SpawnOptions options{
      .descriptor = sockets.second.get(),
      .environment = {std::string(bootstrap_variable) + "=" + std::to_string(os::spawned_descriptor)}};
  if (greeting.bound_early) options.environment.push_back(std::string(bind_early_variable) + "=1");
  const auto spawn = [&] { image.pid = os::spawn_own_image(options); };
  if (by_supervisor)
    state.supervisor().run(spawn);
  else
    spawn();
  try {
    image.pidfd = os::open_pidfd(image.pid);
  } catch (const std::system_error&) {
    ::kill(image.pid, SIGKILL);
    while (::waitpid(image.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw;
  }
  greeting.image = image_identity();
  const auto side_socket = [&](std::size_t which) {
    return side == nullptr ? sockets.second.get() : (*side)[which].get();
  };
  const int descriptors[greeting_descriptors] = {session.memory_descriptor(), session.liveness_descriptor(),
                                                 board.descriptor(), side_socket(0), side_socket(1)};
  os::send_message(sockets.first, os::bytes_of(greeting),
                   descriptors);  // if it is gone: the next message tells
  image.socket = std::move(sockets.first);
  return image;
}

ForkServer::Made ForkServer::start(StartRequest request, std::span<const int> descriptors, BoardSlot& slot) {
  const std::lock_guard lock(mutex_);
  wants_spare_ = is_busy();
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (!socket_) launch();
    request.number = --last_number_;
    slot.pid.store(request.number, std::memory_order_relaxed);
    os::crash_point("process.start.asking");
    if (spare_ && spare_->is_ordered()) {
      if (auto made = start_by_spare(request, descriptors, slot)) return std::move(*made);
      continue;
    }
    const std::optional<Started> answer = request_once(request, descriptors);
    const std::uint32_t reporter = makes_siblings_ ? 0 : launched_;
    if (answer && answer->pid > 0) {
      if (wants_spare_ && makes_siblings_) spare_->order(socket_, request);
      return {answer->pid, reporter, {}};
    }
    if (answer)
      os::throw_system_error("Process: the system does not let the fork server make another process (clone)",
                             answer->error);
    // The server is lost. If it had made the child, the board says so.
    socket_.reset();
    std::int32_t pid = request.number;
    if (!slot.pid.compare_exchange_strong(pid, BoardSlot::given_up)) return {pid, reporter, {}};
  }
  throw std::runtime_error(
      "Process: the fork server died " + std::to_string(attempts) +
      " times when it was asked for a child; set_start_method(\"spawn\") does without it");
}

std::string ForkServer::prepare() {
  const std::lock_guard lock(mutex_);
  const Standing standing = current_standing();
  if (socket_ && !(standing == standing_)) end_server();
  if (!socket_) launch();
  return encode_differences(settings_, current_settings());
}

// Whether the last start was a moment ago.
bool ForkServer::is_busy() {
  const auto now = std::chrono::steady_clock::now();
  return now - std::exchange(last_start_, now) < 1s;
}

// Nothing if there is no spare after all, or if it died before it took the request.
std::optional<ForkServer::Made> ForkServer::start_by_spare(const StartRequest& request,
                                                           std::span<const int> descriptors,
                                                           BoardSlot& slot) {
  if (!spare_->is_made() && !receive_spare()) return std::nullopt;
  auto child = spare_->give(request, descriptors, slot, [&] {
    if (wants_spare_) spare_->order(socket_, request);
  });
  if (!child) return std::nullopt;
  return Made{child->pid, 0, std::move(child->pidfd)};
}

bool ForkServer::receive_spare() {
  try {
    Started answer;
    auto message =
        wait_for_answer() ? os::receive_message(socket_, os::writable_bytes_of(answer)) : std::nullopt;
    if (message && message->size == sizeof(answer)) {
      spare_->made(answer, std::move(message->descriptors));
      return spare_->is_made();
    }
    socket_.reset();  // the server is lost
  } catch (const std::system_error&) {
    // No room for its pidfd: it is ended, and the server is asked for a child without one.
  }
  spare_->bury();
  return false;
}

std::optional<Started> ForkServer::request_once(const StartRequest& request,
                                                std::span<const int> descriptors) {
  if (!os::send_message(socket_, os::bytes_of(request), descriptors)) return std::nullopt;
  if (!wait_for_answer()) return std::nullopt;
  Started answer;
  const auto message = os::receive_message(socket_, os::writable_bytes_of(answer));
  if (!message || message->size != sizeof(answer)) return std::nullopt;
  return answer;
}

// Not only the end of file: a descendant that inherited the server's end by accident would keep it from us.
bool ForkServer::wait_for_answer() {
  pollfd entries[] = {{socket_.get(), POLLIN, 0}, {pidfd_->get(), POLLIN, 0}};
  while (::poll(entries, 2, -1) < 0)
    if (errno != EINTR) os::throw_system_error("waiting for the fork server (poll)");
  if (entries[0].revents != 0) return true;
  return ::poll(entries, 1, 0) > 0;  // it died: unless the answer was sent before
}

void ForkServer::launch() {
  os::SocketPair first = os::create_socket_pair();
  os::SocketPair second = os::create_socket_pair();
  SideSockets ours{std::move(first.first), std::move(second.first)};
  SideSockets theirs{std::move(first.second), std::move(second.second)};
  const SlotOnBoard slot(state_.board());
  const Greeting greeting{.role = ImageRole::fork_server,
                          .preload = state_.preload().bits(),
                          .slot = slot.index(),
                          .bound_early = may_bind_early_ && ::getenv(bind_early_variable) == nullptr};
  standing_ = current_standing();
  settings_ = current_settings();
  const bool by_supervisor = is_to_be_made_by_supervisor();
  StartedImage image = start_image(state_, greeting, &theirs, by_supervisor);
  theirs = {};
  socket_ = std::move(image.socket);
  pidfd_ = std::make_shared<os::Descriptor>(std::move(image.pidfd));
  pid_ = image.pid;
  ++launched_;

  Ready ready;
  const bool answered = wait_for_answer();
  const auto message = answered ? os::receive_message(socket_, os::writable_bytes_of(ready)) : std::nullopt;
  if (!message || ready.magic != protocol_magic) {
    const os::WaitResult result = take_back_ended_early(slot.index());
    // A program may name functions that it never calls and that are nowhere: it ends when they are looked up.
    const bool was_linked =
        result.state != os::WaitResult::State::exited || result.value != exit_code_of_linker;
    if (was_linked || !std::exchange(may_bind_early_, false)) throw_ended_early(result);
    return launch();
  }
  makes_siblings_ = ready.makes_siblings;

  // Takes its status when it ends; that it ended is noticed by the next request.
  auto watch = std::make_shared<Supervisor::WatchId>(0);
  state_.supervisor().run([&, pidfd = pidfd_] {  // on its own thread, so that the handler knows its number
    *watch = state_.supervisor().watch(pidfd->get(), [this, pidfd, watch] {
      if (os::reap(*pidfd).state != os::WaitResult::State::running) state_.supervisor().unwatch(*watch);
    });
  });
  if (!makes_siblings_) return watch_reports(std::move(ours[0]));
  if (!spare_) spare_.emplace(state_.board());
  spare_->connect(std::move(ours));
}

// The server dies with the thread that makes it, which should be one that stays; but it has the namespaces of that
// thread, and its processors.
bool ForkServer::is_to_be_made_by_supervisor() {
  Namespaces of_supervisor{};
  cpu_set_t affinity{};
  state_.supervisor().run([&] {
    of_supervisor = current_standing().namespaces;
    affinity = current_settings().affinity;
  });
  if (of_supervisor != standing_.namespaces) {
    if (::gettid() == ::getpid()) return false;
    throw std::logic_error(
        "Process: this thread has changed its namespaces (unshare, setns), which the fork server cannot "
        "follow; start "
        "children from the main thread, or use the start method 'spawn' or 'fork'");
  }
  settings_.affinity = affinity;
  return true;
}

os::WaitResult ForkServer::take_back_ended_early(std::uint32_t slot) {
  socket_.reset();
  os::send_signal(*pidfd_, SIGKILL);
  const os::WaitResult result = status_of_ended(*pidfd_);
  const auto participant = arena::ParticipantId::from_bits(state_.board()[slot].participant.load());
  if (participant) arena::Session::current().recover(participant);
  return result;
}

void ForkServer::throw_ended_early(const os::WaitResult& result) {
  throw std::runtime_error(
      "Process: the fork server, which is this program started once more, ended before it was ready (" +
      describe(result) +
      "); what it wrote to stderr tells why: a static constructor that ends the program or starts "
      "a process, a limit on memory");
}

void ForkServer::watch_reports(os::Descriptor socket) {
  auto shared = std::make_shared<os::Descriptor>(std::move(socket));
  auto watch = std::make_shared<Supervisor::WatchId>(0);
  const std::uint32_t reporter = launched_;
  State& state = state_;
  state_.supervisor().run([&] {
    *watch = state.supervisor().watch(shared->get(), [this, &state, shared, watch, reporter] {
      EndReport report;
      const auto message = os::receive_message(*shared, os::writable_bytes_of(report));
      if (!message) {
        state.supervisor().unwatch(*watch);
        last_lost_.store(
            reporter);  // first: a child that is just being started looks here when it is through
      }
      for (const auto& child : state.children()) {
        if (!message)
          child->reporter_is_lost(reporter);
        else if (child->slot() == report.slot)
          child->ended_as_reported(report);
      }
    });
  });
}

void ForkServer::stop() {
  const std::lock_guard lock(mutex_);
  end_server();
}

void ForkServer::end_server() {
  if (socket_) {
    socket_
        .reset();  // at the end of file it ends by itself: we may not signal those whose privileges we gave up
    try {
      if (os::send_signal(*pidfd_, SIGKILL)) status_of_ended(*pidfd_);
    } catch (const std::system_error&) {
      status_of_ended(*pidfd_);
    }
  }
  if (spare_) spare_->disconnect();
}

std::optional<pid_t> ForkServer::pid() {
  const std::lock_guard lock(mutex_);
  return socket_ ? std::optional(pid_) : std::nullopt;
}

}  // namespace procyon::process
