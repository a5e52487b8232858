// What one process knows of itself and of its children.
//
//   State& state = State::current();          // made with the first call
//
// A forked child finds none and makes its own: the parent's children, threads and locks are not its business.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "process/fork_server.hpp"
#include "process/guardian.hpp"
#include "process/start_board.hpp"
#include "process/start_record.hpp"
#include "process/supervisor.hpp"
#include "procyon/auth_key.hpp"
#include "procyon/detail/arena/participant.hpp"

namespace procyon::process {

class Child;

/// The process that started this one.
struct Parent {
  pid_t pid = 0;
  arena::ParticipantId participant;
};

class State {
 public:
  static State& current();
  static State* existing();
  /// In a child that has just been started: who it is. Called once, before anything else asks.
  static State& become_child(Identity identity, bool daemon, Parent parent);

  State(Identity identity, bool daemon, std::optional<Parent> parent);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// As it was made; what may change (name, authkey) is asked for below.
  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string name() const;
  void set_name(std::string name);
  /// The first process of a program makes it when it is first asked for. Throws std::system_error.
  AuthKey authkey();
  void set_authkey(AuthKey key);
  [[nodiscard]] bool daemon() const { return daemon_; }
  /// A daemonic process may have none, as in Python, unless whoever made it lets it. They are daemonic too if nothing else is
  /// said, so that they end with it.
  [[nodiscard]] bool may_have_children() const { return !daemon_ || may_have_children_.load(); }
  void allow_children() { may_have_children_.store(true); }
  [[nodiscard]] const std::optional<Parent>& parent() const { return parent_; }

  /// 1 for the first child, 2 for the second, ...
  std::uint32_t next_number() { return ++children_made_; }

  /// The start method that children get who do not say otherwise. Asking fixes it, as in Python.
  StartMethod start_method();
  /// Throws std::logic_error when it has been fixed already and not `force`.
  void set_start_method(StartMethod method, bool force);

  /// What the fork server does at its start; empty if nothing. Throws std::logic_error when there is a server already.
  void set_preload(std::span<const PreloadItem> items);
  [[nodiscard]] arena::Handle preload() const;

  /// Made when first needed. Throw std::system_error.
  StartBoard& board();
  Supervisor& supervisor();
  ForkServer& fork_server();
  Guardian& guardian();
  /// Null if none was needed.
  [[nodiscard]] Guardian* existing_guardian() const;
  [[nodiscard]] bool has_supervisor() const { return supervisor_pointer_.load() != nullptr; }

  void add(std::shared_ptr<Child> child);
  void remove(const std::shared_ptr<Child>& child);
  [[nodiscard]] std::vector<std::shared_ptr<Child>> children() const;
  [[nodiscard]] std::shared_ptr<Child> child_of_pid(pid_t pid) const;

  /// To be done first of all when this process ends; the last one first.
  void at_exit(std::function<void()> action);

  /// The end of this process, as in Python: what at_exit() was given is done, daemonic children are told to terminate (and are killed if they do not in
  /// time), the others are waited for; then the fork server ends, and the guardian removes what names are left.
  void end_children();
  /// Whether that has begun: what keeps a number of children running lets them go now.
  [[nodiscard]] bool is_ending() const { return ending_.load(std::memory_order_acquire); }

 private:
  void run_exit_actions();

  const Identity identity_;
  const pid_t pid_;
  const bool daemon_;
  const std::optional<Parent> parent_;
  std::atomic<std::uint32_t> children_made_{0};
  std::atomic<bool> may_have_children_{false};

  mutable std::mutex mutex_;  // guards all below
  std::string name_;
  std::optional<AuthKey> authkey_;
  std::vector<std::function<void()>> exit_actions_;
  arena::Handle preload_;
  std::optional<StartMethod> start_method_;
  bool start_method_is_fixed_ = false;
  std::set<std::shared_ptr<Child>> children_;
  std::unique_ptr<StartBoard> board_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<ForkServer> fork_server_;
  std::unique_ptr<Guardian> guardian_;
  std::atomic<Supervisor*> supervisor_pointer_{nullptr};
  std::atomic<bool> ending_{false};
};

/// Throws std::logic_error or std::invalid_argument naming what is wrong with `name`.
StartMethod start_method_named(std::string_view name);
const char* name_of(StartMethod method);

}  // namespace procyon::process
