#include "manager/server_process.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <exception>
#include <optional>

#include "channel/net/acceptor.hpp"
#include "manager/links.hpp"
#include "manager/rejection_log.hpp"
#include "manager/served_class.hpp"
#include "manager/served_typed.hpp"
#include "manager/server.hpp"
#include "process/log.hpp"
#include "process/state.hpp"
#include "procyon/outcome.hpp"
#include "procyon/process.hpp"

namespace procyon::manager {

namespace {

connection::ListenerOptions listener_options(const ServerPlan& plan, const AuthKey& key) {
  connection::ListenerOptions options;
  options.authkey = key;
  options.other_users = plan.other_users;
  options.tcp = {.no_delay = plan.no_delay, .lost_after = plan.lost_after};
  options.tls.certificate = plan.certificate;
  options.tls.key = plan.key;
  options.tls.authorities = plan.authorities;
  options.tls.verify_peer = plan.verify_peer;
  options.on_rejected = [log = RejectionLog()](const connection::Rejected& rejected) mutable {
    if (const auto line = log.line_for(rejected, std::chrono::nanoseconds(os::Deadline::monotonic_now())))
      process::log(LogLevel::warning, *line);
  };
  return options;
}

void add_types(Server& server, ServedClasses& classes, const ServerPlan& plan) {
  for (const ListTypes list : plan.lists)
    for (const ServedType& type : list()) server.add_type(type);
  for (const auto& [name, describe] : plan.types)
    server.add_type(name, ServedTyped::maker(classes.add(server, name, describe())));
  classes.connect();
}

// Each client is a descriptor, and the usual limit for select(2), which nothing here uses, is 1024.
void allow_many_clients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Proxies of this server in its own process use it directly.
class LocalServer {
 public:
  LocalServer(std::string address, const std::shared_ptr<Link>& link) : address_(std::move(address)) {
    add_local_server(address_, link);
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer() { remove_local_server(address_); }

 private:
  const std::string address_;
};

}  // namespace

struct BoundServer::Parts {
  Parts(const ServerPlan& plan, const channel::net::Address& where, const AuthKey& key)
      : server({.max_message = plan.max_message}),
        acceptor(std::in_place, where, listener_options(plan, key)),
        address(acceptor->address()),
        shutdown_timeout(plan.shutdown_timeout) {}

  ServedClasses classes;  // its objects refer to them until they end
  Server server;
  std::optional<channel::net::Acceptor> acceptor;
  const std::string address;
  const std::chrono::nanoseconds shutdown_timeout;
};

BoundServer::BoundServer(const ServerPlan& plan, const AuthKey& key) {
  if (!plan.initializer.empty()) {
    wire::Reader reader(plan.initializer);
    wire::invoke_call(reader);
  }
  parts_ = std::make_unique<Parts>(
      plan,
      plan.address.empty() ? channel::net::private_address() : channel::net::parse_address(plan.address),
      key);
  Server& server = parts_->server;
  add_types(server, parts_->classes, plan);
  server.set_address(address());
  server.watch_for_connections(parts_->acceptor->fileno(), [parts = parts_.get()] {
    while (std::optional<channel::net::Accepted> one = parts->acceptor->step())
      parts->server.adopt(std::move(one->socket), one->peer);
  });
}

BoundServer::~BoundServer() = default;

const std::string& BoundServer::address() const { return parts_->address; }
std::shared_ptr<Link> BoundServer::loopback() { return parts_->server.loopback(); }
void BoundServer::end() { parts_->server.end(); }

void BoundServer::serve() {
  const LocalServer local(address(), loopback());
  if (!parts_->server.serve(parts_->shutdown_timeout))
    process::warn("the server of a manager ends while methods of its objects still run");
  parts_->acceptor.reset();  // whoever connects is refused
}

void serve_as_child(ServerPlan plan, Connection report) {
  ::signal(SIGINT, SIG_IGN);  // who started it decides when it ends
  allow_many_clients();
  process::State::current().allow_children();
  std::optional<BoundServer> server;
  try {
    server.emplace(plan, current_process().authkey());
  } catch (...) {
    report.send(Outcome<std::string>(std::current_exception()));
    return;
  }
  report.send(Outcome<std::string>(server->address()));
  report.close();
  server->serve();
}

}  // namespace procyon::manager
