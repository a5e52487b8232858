// The process of a manager's server, from its first instruction to its end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "procyon/base_manager.hpp"
#include "procyon/pipe.hpp"

namespace procyon::manager {

class Server;

/// What a server is told.
struct ServerPlan {
  std::string address;  // empty: a private one
  std::vector<std::pair<std::string, DescribeType>> types;
  std::vector<ListTypes> lists;
  std::vector<std::byte> initializer;
  std::uint64_t max_message = 0;
  bool other_users = false;
  std::chrono::nanoseconds lost_after{};
  bool no_delay = true;
  std::string certificate;
  std::string key;
  std::string authorities;
  bool verify_peer = true;
  std::chrono::nanoseconds shutdown_timeout{};
};

/// Serves in this process until the server is told to end. `ready` is called with the server and its address once clients may
/// connect. Throws what the initializer and making the address throw.
void serve(const ServerPlan& plan, const AuthKey& key,
           const std::function<void(Server&, const std::string&)>& ready);

/// The target of the server's process: reports over `report` how its start went, an Outcome<std::string> with the address.
void serve_as_child(ServerPlan plan, Connection report);

}  // namespace procyon::manager
