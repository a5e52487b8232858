#include "manager/server.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "manager/loopback.hpp"
#include "manager/protocol.hpp"
#include "manager/random.hpp"
#include "manager/session_proof.hpp"
#include "os/error.hpp"
#include "process/log.hpp"

namespace procyon::manager {

namespace {

// What an event of the epoll is of: a client by its number, or one of these.
constexpr std::uint64_t bell_event = 0;
constexpr std::uint64_t connections_event = ~std::uint64_t{0};

// The loop looks around at least so often, whatever nobody told it.
constexpr std::chrono::seconds longest_sleep{5};

constexpr std::chrono::milliseconds before_another_try{50};

os::Descriptor make_epoll() {
  return os::Descriptor::adopt(::epoll_create1(EPOLL_CLOEXEC), "the server of a manager: epoll_create1");
}

os::Descriptor make_bell(int epoll) {
  auto bell =
      os::Descriptor::adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "the server of a manager: eventfd");
  epoll_event event{EPOLLIN, {.u64 = bell_event}};
  os::check(::epoll_ctl(epoll, EPOLL_CTL_ADD, bell.get(), &event), "the server of a manager: epoll_ctl");
  return bell;
}

}  // namespace

Server::Server(ServerOptions options)
    : options_(options),
      instance_(random_number()),
      epoll_(make_epoll()),
      bell_(make_bell(epoll_.get())),
      dispatcher_(*this, *this) {
  loopback_exchange_ = std::make_shared<LoopbackExchange>(*this);
  local_client_ = std::make_unique<LocalClient>(++last_client_, loopback_exchange_);
  dispatcher_.add(*local_client_);
}

Server::~Server() {
  end();
  aside_.end(os::Deadline::never());
  loopback_exchange_->detach();
  let_go();
}

std::shared_ptr<Link> Server::loopback() {
  const std::lock_guard lock(mutex_);
  if (!loopback_) loopback_ = std::make_shared<LoopbackLink>(loopback_exchange_, address_);
  return loopback_;
}

std::vector<ObjectReference> Server::refer_locally(const std::vector<ServedPointer>& objects) {
  std::vector<ObjectReference> references;
  references.reserve(objects.size());
  const std::shared_ptr<Link> link = loopback();
  for (const ServedPointer& object : objects) {
    const ObjectId id = dispatcher_.objects().number_of(object);
    local_client_->add_reference(id, object);
    references.emplace_back(link, id);
  }
  return references;
}

void Server::complete_aside(IncomingCall call, std::vector<std::byte> bytes,
                            std::vector<ObjectReference> objects) {
  if (objects.empty() && call.objects().empty()) return call.reply_bytes(std::move(bytes), {});
  auto shared = std::make_shared<IncomingCall>(std::move(call));
  post([this, shared, bytes = std::move(bytes), objects = std::move(objects)]() mutable {
    std::vector<ServedPointer> served;
    for (const ObjectReference& object : objects)
      if (ServedPointer found = local_client_->referenced(object.object()))
        served.push_back(std::move(found));
    if (served.size() == objects.size()) shared->reply_bytes(std::move(bytes), std::move(served));
  });
}

void Server::complete_aside(IncomingCall call, std::exception_ptr error) {
  auto shared = std::make_shared<IncomingCall>(std::move(call));
  post([shared, error = std::move(error)] { shared->fail(error); });
}

void Server::take_local(std::vector<std::byte> frame) {
  post([this, frame = std::move(frame)] {
    try {
      dispatcher_.handle(*local_client_, frame);
    } catch (const std::exception& error) {
      process::warn(std::string("the server of a manager: a request of its own: ") + error.what());
    }
  });
}

void Server::add_type(const ServedType& type) {
  dispatcher_.add_type(
      type.name, [make = type.make](Loop& loop, IncomingCall& arguments) { return make(loop, arguments); });
}

void Server::watch_for_connections(int descriptor, std::function<void()> step) {
  step_connections_ = std::move(step);
  epoll_event event{EPOLLIN, {.u64 = connections_event}};
  os::check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event),
            "the server of a manager: epoll_ctl");
}

bool Server::is_loop_thread() const {
  return loop_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

bool Server::serve(os::Deadline::Nanoseconds patience) {
  loop_thread_.store(std::this_thread::get_id());
  while (!is_ending()) handle_events();
  flush_all();
  const bool done = aside_.end(os::Deadline::after(patience));
  if (done) let_go();
  return done;
}

void Server::end() {
  ending_.store(true, std::memory_order_release);
  post([] {});
}

void Server::post(std::function<void()> action) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(action));
  }
  // The loop says that it sleeps before it looks at posted_ for the last time: one of the two sees the other.
  if (sleeping_.exchange(false)) {
    const std::uint64_t one = 1;
    while (::write(bell_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
  }
}

Loop::TimerId Server::at(os::Deadline deadline, std::function<void()> action) {
  return timers_.at(deadline, std::move(action));
}

void Server::run_aside(std::function<void()> action) {
  try {
    aside_.run(action);
  } catch (const std::system_error& error) {
    // No thread can be made now; the call waits a little rather than fail.
    process::warn(std::string("the server of a manager: ") + error.what() + "; it tries again");
    post([this, action = std::move(action)]() mutable {
      timers_.at(os::Deadline::after(before_another_try),
                 [this, action = std::move(action)]() mutable { run_aside(std::move(action)); });
    });
  }
}

void Server::handle_events() {
  std::array<epoll_event, 128> events;
  const int count = wait_for_events(events);
  timers_.run();
  run_posted();
  for (const ClientId id : std::exchange(with_more_, {}))
    if (const auto client = clients_.find(id); client != clients_.end()) {
      client->second->has_more = false;
      take_turn(*client->second);
    }
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events[static_cast<std::size_t>(index)];
    if (event.data.u64 == bell_event) {
      std::uint64_t rung = 0;
      static_cast<void>(::read(bell_.get(), &rung, sizeof(rung)));
    } else if (event.data.u64 == connections_event) {
      step_connections_();
    } else if (const auto client = clients_.find(event.data.u64); client != clients_.end()) {
      if ((event.events & EPOLLOUT) != 0) flush(*client->second);
      if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0)
        if (const auto still = clients_.find(event.data.u64); still != clients_.end())
          take_turn(*still->second);
    }
  }
  run_posted();
  flush_all();
}

int Server::wait_for_events(std::span<epoll_event> events) {
  int count = 0;
  const auto look = [&] {
    count = look_for_events(events, 0);
    return count > 0 || has_posted();
  };
  if (!with_more_.empty()) {
    look();
  } else if (!spin_.until(look, timers_.next())) {
    sleeping_.store(true);
    count = look_for_events(events, has_posted() ? 0 : timers_.next().slice(longest_sleep).poll_timeout());
    sleeping_.store(false);
  }
  return count;
}

// How many there are. `timeout` as of epoll_wait.
int Server::look_for_events(std::span<epoll_event> events, int timeout) {
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  if (count < 0 && errno != EINTR) os::throw_system_error("the server of a manager: epoll_wait");
  return count;
}

bool Server::has_posted() {
  const std::lock_guard lock(mutex_);
  return !posted_.empty();
}

void Server::run_posted() {
  std::vector<std::function<void()>> actions;
  {
    const std::lock_guard lock(mutex_);
    actions.swap(posted_);
  }
  for (const auto& action : actions) action();
}

void Server::adopt(os::Descriptor socket, std::string peer) {
  auto shared = std::make_shared<os::Descriptor>(std::move(socket));
  post([this, shared, peer = std::move(peer)] { add_client(std::move(*shared), peer); });
}

void Server::share(std::string name, ServedPointer object) {
  post([this, name = std::move(name), object = std::move(object)] {
    dispatcher_.objects().share(name, object);
  });
}

void Server::add_client(os::Descriptor socket, std::string peer) {
  const ClientId id = ++last_client_;
  auto client =
      std::make_unique<SocketClient>(id, std::move(socket), std::move(peer), options_.max_unread, to_flush_);
  client->watched = EPOLLIN;
  epoll_event event{client->watched, {.u64 = id}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client->descriptor(), &event) != 0) {
    process::warn("the server of a manager: no room for another client (epoll_ctl): " + client->name());
    return;
  }
  client->greeting_timer = timers_.at(os::Deadline::after(options_.greeting_timeout), [this, id] {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    found->second->greeting_timer = 0;
    drop(*found->second, "it did not say who it is in time");
  });
  dispatcher_.add(*client);
  clients_.emplace(id, std::move(client));
}

void Server::take_turn(SocketClient& client) {
  if (client.has_more) return;  // it has its turn with the others that have more
  bool full = false;
  if (!client.at_end) client.at_end = client.receive(full) == SocketClient::Arrived::end;
  const ClientId id = client.id();
  if (!handle_frames(client)) return;
  flush(client);
  const auto found = clients_.find(id);
  if (found == clients_.end() || client.has_more) return;
  if (client.at_end) return drop(client, "");
  if (full && client.unread() <= SocketClient::enough_unread) give_another_turn(client);
}

void Server::give_another_turn(SocketClient& client) {
  if (!std::exchange(client.has_more, true)) with_more_.push_back(client.id());
}

// False if the client was dropped.
bool Server::handle_frames(SocketClient& client) {
  try {
    for (int handled = 0; client.unread() <= SocketClient::enough_unread; ++handled) {
      if (handled == requests_per_turn) {
        give_another_turn(client);
        break;
      }
      const auto frame = client.next_frame();
      if (!frame) break;
      if (client.is_greeted)
        dispatcher_.handle(client, *frame);
      else
        greet(client, *frame);
    }
    return true;
  } catch (const ProtocolError& error) {
    drop(client, error.what());
  } catch (const wire::DecodeError& error) {
    drop(client, std::string("it sent what cannot be read: ") + error.what());
  } catch (const std::bad_alloc&) {
    drop(client, "there is no memory for what it sent");
  }
  return false;
}

void Server::greet(SocketClient& client, std::span<const std::byte> frame) {
  Hello ours;
  ours.pid = ::getpid();
  ours.instance = instance_;
  ours.max_message = options_.max_message;
  Hello theirs;
  try {
    theirs = read_hello(frame);
  } catch (const ProtocolError&) {
    client.send_frame(
        std::as_bytes(std::span(&ours, 1)));  // so that the other side can say what is wrong, too
    client.flush();
    throw;
  }
  timers_.cancel(std::exchange(client.greeting_timer, 0));
  client.is_greeted = true;
  client.allow(options_.max_message);
  client.nonce = theirs.nonce;
  channel::net::fill_with_random(ours.nonce);
  client.server_nonce = ours.nonce;
  ours.proof = prove_session(Prover::server, theirs.nonce, ours.nonce);
  client.send_frame(std::as_bytes(std::span(&ours, 1)));
}

bool Server::is_proof(const ServedClient& client, std::span<const std::byte> proof) {
  const auto* const remote = dynamic_cast<const SocketClient*>(&client);
  return remote != nullptr && is_session_proof(proof, Prover::client, remote->nonce, remote->server_nonce);
}

void Server::flush(SocketClient& client) {
  if (!client.flush()) return drop(client, "");
  if (client.has_too_much_unread()) return drop(client, "it does not read the answers to its calls");
  watch(client);
  // What was left in its buffer while it did not read.
  if (client.was_stopped && client.unread() <= SocketClient::enough_unread) {
    client.was_stopped = false;
    give_another_turn(client);
  }
}

void Server::flush_all() {
  for (const ClientId id : std::exchange(to_flush_, {}))
    if (const auto client = clients_.find(id); client != clients_.end()) {
      client->second->noted();
      flush(*client->second);
    }
}

void Server::watch(SocketClient& client) {
  const bool is_stopped = client.unread() > SocketClient::enough_unread;
  if (is_stopped) client.was_stopped = true;
  const std::uint32_t wanted =
      (is_stopped ? 0u : std::uint32_t{EPOLLIN}) | (client.unread() != 0 ? std::uint32_t{EPOLLOUT} : 0u);
  if (wanted == client.watched) return;
  client.watched = wanted;
  epoll_event event{wanted, {.u64 = client.id()}};
  os::check(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.descriptor(), &event),
            "the server of a manager: epoll_ctl");
}

void Server::drop(SocketClient& client, const std::string& reason) {
  if (!reason.empty())
    process::log(LogLevel::warning,
                 "the server of a manager dropped the client " + client.name() + ": " + reason);
  timers_.cancel(client.greeting_timer);
  const auto owned = clients_.extract(client.id());  // nobody finds it by its number any more
  dispatcher_.remove(client);
}

void Server::let_go() {
  loop_thread_.store(std::this_thread::get_id());
  while (!clients_.empty()) drop(*clients_.begin()->second, "");
  if (local_client_) dispatcher_.remove(*local_client_);
  dispatcher_.clear();
  timers_.clear();
  run_posted();
}

}  // namespace procyon::manager
