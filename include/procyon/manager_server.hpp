// ManagerServer: the server of a manager, for a program that serves in a thread of its own instead of in another process.
//
//   mp::BaseManager manager({.address = "tcp://127.0.0.1:50000", .authkey = mp::AuthKey("both know it")});
//   manager.register_type<Counter>("Counter", mp::methods<&Counter::inc>());
//   mp::ManagerServer server = manager.get_server();
//   std::printf("at %s\n", server.address().c_str());          // clients may connect from here on, and wait
//   server.serve_forever();
//
// It ends when stop() or the manager's shutdown() is called, when a client calls shutdown(), and at a stop that was requested by
// a std::stop_token. While it serves, the manager's own create(), share() and find() may be used by other threads of this
// process; before, they throw std::logic_error.
//
// Most programs want BaseManager::start(), whose server is a process of its own and outlives none of this one's mistakes.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

namespace procyon {

class ManagerServer {
 public:
  ManagerServer(ManagerServer&&) noexcept = default;
  ManagerServer& operator=(ManagerServer&&) noexcept = default;
  /// What was not served any more ends: whoever connects is refused.
  ~ManagerServer() = default;

  /// Where clients connect to: with the port, if 0 was asked for.
  [[nodiscard]] const std::string& address() const;

  /// Answers clients, in the calling thread, until the end. Once: std::logic_error. In the process that made it.
  void serve_forever();
  /// The same, also until `stop` is requested.
  void serve_forever(const std::stop_token& stop);

  /// Ends it. From any thread, at any time: before serve_forever(), that returns at once.
  void stop();

 private:
  friend class BaseManager;
  struct State;
  explicit ManagerServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  [[nodiscard]] State& state() const;

  std::shared_ptr<State> state_;  // null once moved from
};

}  // namespace procyon
