// The process of a manager's server, from its first instruction to its end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "procyon/base_manager.hpp"
#include "procyon/pipe.hpp"

namespace procyon::manager {

class Link;

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

/// A server with its address, to which clients may connect; they are answered while somebody is in serve().
class BoundServer {
 public:
  /// Throws what the initializer and making the address throw.
  BoundServer(const ServerPlan& plan, const AuthKey& key);
  BoundServer(const BoundServer&) = delete;
  BoundServer& operator=(const BoundServer&) = delete;
  ~BoundServer();

  [[nodiscard]] const std::string& address() const;
  [[nodiscard]] std::shared_ptr<Link> loopback();
  /// Until end(). Once.
  void serve();
  /// From any thread, also before serve(), which then returns at once.
  void end();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The target of the server's process: reports over `report` how its start went, an Outcome<std::string> with the address.
void serve_as_child(ServerPlan plan, Connection report);

}  // namespace procyon::manager
