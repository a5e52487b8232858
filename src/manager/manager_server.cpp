#include "manager/manager_server.hpp"

#include <stdexcept>

namespace procyon {

ManagerServer::State& ManagerServer::state() const {
  if (!state_)
    throw std::logic_error(
        "procyon: this ManagerServer has been moved from; use the one that it was moved to");
  return *state_;
}

const std::string& ManagerServer::address() const { return state().server.address(); }

void ManagerServer::serve_forever() {
  State& state = this->state();
  if (state.was_served.exchange(true))
    throw std::logic_error("procyon: serve_forever: the server at " + address() +
                           " has been served already; get another from another manager");
  const State::AtEnd at_end{state};
  state.on_serving(state.server);
  state.server.serve();
}

void ManagerServer::serve_forever(const std::stop_token& stop) {
  const std::stop_callback end(stop, [this] { this->stop(); });
  serve_forever();
}

void ManagerServer::stop() { state().server.end(); }

}  // namespace procyon
