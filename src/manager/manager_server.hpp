// What a ManagerServer is, to the manager that made it.
#pragma once

#include <atomic>
#include <functional>

#include "manager/server_process.hpp"
#include "procyon/manager_server.hpp"

namespace procyon {

struct ManagerServer::State {
  State(const manager::ServerPlan& plan, const AuthKey& key) : server(plan, key) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (on_end) on_end();
  }

  manager::BoundServer server;
  std::function<void(manager::BoundServer&)> on_serving;
  std::function<void()> on_end;
  std::atomic<bool> was_served{false};

  struct AtEnd {
    State& state;
    ~AtEnd() { state.on_end(); }
  };
};

}  // namespace procyon
