#include "procyon/base_manager.hpp"

#include <unistd.h>

#include <exception>
#include <mutex>
#include <stdexcept>

#include "manager/links.hpp"
#include "manager/manager_server.hpp"
#include "manager/server_process.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/errors.hpp"
#include "procyon/pipe.hpp"
#include "procyon/process.hpp"

namespace procyon {

namespace {

using namespace std::chrono_literals;

constexpr auto for_its_status = 1s;

// What became of a server that this process started, once its connection has ended.
std::string end_of(Process& server) {
  try {
    if (!server.join(for_its_status)) return "";
    return "its process '" + server.name() + "' (pid " + std::to_string(server.pid().value_or(0)) +
           ") ended: " + server.exit_status()->describe();
  } catch (const std::exception&) {
    return "";  // a forked child: the server is not its to ask
  }
}

// What a new server says of its start. Throws what went wrong there.
std::string hear_address(Connection& from_server, Process& server) {
  for (;;) {
    // Looked at first: what it said before its end is there by then.
    const bool is_alive = server.is_alive();
    try {
      auto outcome = from_server.recv<Outcome<std::string>>(os::wait_slice);
      if (!outcome) server.join();
      return outcome.value();
    } catch (const TimeoutError&) {
      if (is_alive) continue;
    } catch (const EndOfFile&) {
    }
    server.join();
    throw ManagerGone("procyon: the server of the manager ended before it served: " +
                      server.exit_status()->describe());
  }
}

}  // namespace

struct BaseManager::State {
  enum class Phase { fresh, started, connected, serving, ended };

  explicit State(ManagerOptions its_options) : options(std::move(its_options)), creator(::getpid()) {}

  ManagerOptions options;
  const pid_t creator;
  std::mutex mutex;
  Phase phase = Phase::fresh;  // guarded by mutex, like all below
  std::vector<std::pair<std::string, manager::DescribeType>> types;
  std::vector<manager::ListTypes> lists;
  std::string address;
  std::shared_ptr<Process> server;
  std::weak_ptr<ManagerServer::State> serving;
  std::shared_ptr<manager::RemoteLink> remote;
  std::shared_ptr<manager::Link> link;

  [[nodiscard]] AuthKey key() const {
    return options.authkey ? *options.authkey : current_process().authkey();
  }
  [[nodiscard]] manager::ServerPlan plan() const;
  [[nodiscard]] connection::ClientOptions client_options() const;
  void require_fresh(const char* what) const;
  void use(manager::SocketExchange::DescribeEnd describe_end);
  void set_link(std::shared_ptr<manager::Link> its_link) {
    const std::lock_guard lock(mutex);
    link = std::move(its_link);
  }
  void has_ended() {
    const std::lock_guard lock(mutex);
    phase = Phase::ended;
    link = nullptr;
  }
};

manager::ServerPlan BaseManager::State::plan() const {
  manager::ServerPlan plan;
  plan.address = options.address;
  plan.types = types;
  plan.lists = lists;
  plan.initializer = options.initializer.call();
  plan.max_message = options.max_message;
  plan.other_users = options.other_users;
  plan.lost_after = options.tcp.lost_after;
  plan.no_delay = options.tcp.no_delay;
  plan.certificate = options.tls.certificate;
  plan.key = options.tls.key;
  plan.authorities = options.tls.authorities;
  plan.verify_peer = options.tls.verify_peer;
  plan.shutdown_timeout = options.shutdown_timeout;
  return plan;
}

// What the server's certificate is signed by need not be known to whoever started it himself.
connection::ClientOptions BaseManager::State::client_options() const {
  connection::ClientOptions client;
  client.authkey = key();
  client.timeout = options.timeout;
  client.other_users = options.other_users;
  client.tcp = options.tcp;
  client.tls = options.tls;
  if (server && options.tls.enabled() && options.tls.authorities.empty()) client.tls.verify_peer = false;
  return client;
}

void BaseManager::State::require_fresh(const char* what) const {
  const std::string sentence = std::string("procyon: ") + what + ": this manager ";
  switch (phase) {
    case Phase::fresh:
      return;
    case Phase::started:
      throw std::logic_error(sentence + "has started its server already, at " + address);
    case Phase::connected:
      throw std::logic_error(sentence + "is connected to the server at " + address + " already");
    case Phase::serving:
      throw std::logic_error(sentence + "has a server in this process already, at " + address);
    case Phase::ended:
      throw std::logic_error(sentence + "was shut down; make another");
  }
}

void BaseManager::State::use(manager::SocketExchange::DescribeEnd describe_end) {
  manager::set_connect_options(address, {client_options(), options.reconnect, std::move(describe_end)});
  remote = manager::remote_link(address);
  link = remote;
}

BaseManager::BaseManager(ManagerOptions options) : state_(std::make_shared<State>(std::move(options))) {}
BaseManager::BaseManager(BaseManager&&) noexcept = default;
BaseManager& BaseManager::operator=(BaseManager&& other) noexcept {
  if (this == &other) return *this;
  BaseManager old(std::move(*this));  // its server ends with it
  state_ = std::move(other.state_);
  return *this;
}

BaseManager::~BaseManager() {
  if (!state_ || state_->creator != ::getpid()) return;
  try {
    if (state_->server) shutdown();
  } catch (const std::exception&) {  // it is being ended anyway, and dies with this process at the latest
  }
}

BaseManager::State& BaseManager::state(const char* what) const {
  if (!state_)
    throw std::logic_error(std::string("procyon: ") + what +
                           ": this manager has been moved from; nothing is left in it");
  if (state_->creator != ::getpid())
    throw std::logic_error(
        std::string("procyon: ") + what +
        ": only the process that made a manager may use it; this one can use its proxies, or connect() "
        "a manager of its own to " +
        state_->address);
  return *state_;
}

void BaseManager::add_type(std::string name, manager::DescribeType describe) {
  State& state = this->state("register_type");
  const std::lock_guard lock(state.mutex);
  if (state.phase != State::Phase::fresh && state.phase != State::Phase::connected)
    throw std::logic_error("procyon: register_type: the server runs already; register '" + name +
                           "' before start()");
  if (name.empty())
    throw std::invalid_argument("procyon: register_type: a type needs a name by which clients ask for it");
  state.types.emplace_back(std::move(name), describe);
}

void BaseManager::add_types(manager::ListTypes list) { state("register_type").lists.push_back(list); }

void BaseManager::start() {
  State& state = this->state("start");
  const std::lock_guard lock(state.mutex);
  state.require_fresh("start");
  auto [from_server, report] = Pipe(one_way);
  auto server = std::make_shared<Process>(
      ProcessOptions{.name = state.options.name, .daemon = true, .start_method = state.options.start_method},
      manager::serve_as_child, state.plan(), report);
  server->set_authkey(state.key());
  server->start();
  report.close();  // the server's is the only one now: its end is the end of this pipe
  state.address = hear_address(from_server, *server);
  state.server = server;
  state.phase = State::Phase::started;
  state.use([server] { return end_of(*server); });
}

void BaseManager::connect() {
  State& state = this->state("connect");
  const std::lock_guard lock(state.mutex);
  state.require_fresh("connect");
  if (state.options.address.empty())
    throw std::logic_error(
        "procyon: connect: this manager was given no address; ManagerOptions::address says where its server "
        "is");
  state.address = state.options.address;
  state.use(nullptr);
  state.phase = State::Phase::connected;
}

ManagerServer BaseManager::get_server() {
  State& state = this->state("get_server");
  std::unique_lock lock(state.mutex);
  state.require_fresh("get_server");
  state.phase = State::Phase::serving;
  const manager::ServerPlan plan = state.plan();
  const AuthKey key = state.key();
  lock.unlock();  // the initializer may look at this manager
  std::shared_ptr<ManagerServer::State> served;
  try {
    served = std::make_shared<ManagerServer::State>(plan, key);
  } catch (...) {
    lock.lock();
    state.phase = State::Phase::fresh;
    throw;
  }
  served->on_serving = [manager = std::weak_ptr(state_)](manager::BoundServer& server) {
    if (const auto known = manager.lock()) known->set_link(server.loopback());
  };
  served->on_end = [manager = std::weak_ptr(state_)] {
    if (const auto known = manager.lock()) known->has_ended();
  };
  lock.lock();
  state.serving = served;
  state.address = served->server.address();
  return ManagerServer(std::move(served));
}

void BaseManager::serve_forever() { get_server().serve_forever(); }

void BaseManager::shutdown() {
  State& state = this->state("shutdown");
  std::shared_ptr<ManagerServer::State> serving;  // let go without the mutex, which its end takes
  const std::lock_guard lock(state.mutex);
  if (state.phase == State::Phase::ended) return;
  if (state.phase == State::Phase::fresh)
    throw std::logic_error(
        "procyon: shutdown: this manager has neither started a server nor connected to one");
  if (state.phase == State::Phase::serving) {
    serving = state.serving.lock();
    if (serving) serving->server.end();
    return;
  }
  const auto patience = state.options.shutdown_timeout;
  try {
    state.remote->shut_down(os::Deadline::after(patience));
  } catch (const std::exception&) {  // gone, or it does not answer
  }
  if (state.server && !state.server->join(patience)) {
    state.server->terminate();
    if (!state.server->join(patience)) {
      state.server->kill();
      state.server->join();
    }
  }
  const std::string why = "procyon: the manager at " + state.address + " was shut down by this process";
  manager::close_link(state.remote, why);
  state.phase = State::Phase::ended;
}

bool BaseManager::join_until(os::Deadline deadline) {
  State& state = this->state("join");
  std::shared_ptr<Process> server;
  {
    const std::lock_guard lock(state.mutex);
    server = state.server;
  }
  if (!server)
    throw std::logic_error(
        "procyon: join: this manager has started no server; only who starts one can wait for its end");
  return deadline.is_never() ? (server->join(), true) : server->join(deadline.remaining());
}

void BaseManager::share(std::string_view name, const manager::ProxyBase& proxy) {
  static_cast<manager::RequestLink&>(*link()).share(name, proxy.object_reference());
}

const std::string& BaseManager::address() const {
  State& state = this->state("address");
  const std::lock_guard lock(state.mutex);
  return state.address.empty() ? state.options.address : state.address;
}

AuthKey BaseManager::authkey() const { return state("authkey").key(); }

std::optional<int> BaseManager::pid() const {
  State& state = this->state("pid");
  const std::lock_guard lock(state.mutex);
  return state.server ? state.server->pid() : std::nullopt;
}

std::size_t BaseManager::number_of_objects() {
  return static_cast<manager::RequestLink&>(*link()).number_of_objects();
}

std::string BaseManager::debug_info() { return static_cast<manager::RequestLink&>(*link()).debug_info(); }

const std::shared_ptr<manager::Link>& BaseManager::link() const {
  State& state = this->state("using the server");
  const std::lock_guard lock(state.mutex);
  if (state.phase == State::Phase::ended)
    throw ManagerGone("procyon: the manager at " + state.address + " was shut down");
  if (!state.link && state.phase == State::Phase::serving)
    throw std::logic_error("procyon: the server of this manager, at " + state.address +
                           ", does not serve yet: that begins with serve_forever(), in another thread");
  if (!state.link)
    throw std::logic_error(
        "procyon: this manager has no server yet: start() makes one, connect() uses one that there is");
  return state.link;
}

}  // namespace procyon
