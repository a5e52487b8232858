#include "manager/server_process.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <exception>
#include <optional>

#include "channel/net/acceptor.hpp"
#include "manager/links.hpp"
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
  options.on_rejected = [](const connection::Rejected& rejected) {
    process::log(LogLevel::warning,
                 "the server of a manager turned " + rejected.peer + " away: " + rejected.reason);
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

void serve(const ServerPlan& plan, const AuthKey& key,
           const std::function<void(Server&, const std::string&)>& ready) {
  if (!plan.initializer.empty()) {
    wire::Reader reader(plan.initializer);
    wire::invoke_call(reader);
  }
  ServedClasses classes;  // its objects refer to them until they end
  Server server({.max_message = plan.max_message});
  add_types(server, classes, plan);
  const channel::net::Address address =
      plan.address.empty() ? channel::net::private_address() : channel::net::parse_address(plan.address);
  channel::net::Acceptor acceptor(address, listener_options(plan, key));
  server.set_address(acceptor.address());
  server.watch_for_connections(acceptor.fileno(), [&] {
    while (std::optional<channel::net::Accepted> one = acceptor.step())
      server.adopt(std::move(one->socket), one->peer);
  });
  const LocalServer local(acceptor.address(), server.loopback());
  ready(server, acceptor.address());
  if (!server.serve(plan.shutdown_timeout))
    process::warn("the server of a manager ends while methods of its objects still run");
}

void serve_as_child(ServerPlan plan, Connection report) {
  ::signal(SIGINT, SIG_IGN);  // who started it decides when it ends
  allow_many_clients();
  process::State::current().allow_children();
  bool is_serving = false;
  try {
    serve(plan, current_process().authkey(), [&](Server&, const std::string& address) {
      is_serving = true;
      report.send(Outcome<std::string>(address));
      report.close();
    });
  } catch (...) {
    if (is_serving) throw;
    report.send(Outcome<std::string>(std::current_exception()));
  }
}

}  // namespace procyon::manager
