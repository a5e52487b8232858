#include "process/state.hpp"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "os/fork_local.hpp"
#include "process/child.hpp"
#include "process/log.hpp"
#include "process/preload.hpp"
#include "process/uncaught.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::process {

namespace {

using namespace std::chrono_literals;

constinit os::ForkLocal<State> state_of_process;

// How long a daemonic child may take to end once it has been told to.
constexpr auto grace = 2s;

constexpr std::pair<const char*, StartMethod> method_names[] = {
    {"forkserver", StartMethod::forkserver}, {"spawn", StartMethod::spawn}, {"fork", StartMethod::fork}};

StartMethod default_start_method() {
  const char* name = ::secure_getenv("PROCYON_START_METHOD");
  if (name == nullptr || *name == '\0') return StartMethod::forkserver;
  try {
    return start_method_named(name);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("PROCYON_START_METHOD in the environment: ") + error.what());
  }
}

void stop_at_exit() {
  // Not in a child that the user forked: it has no state of its own, or its own children.
  if (State* state = State::existing()) state->end_children();
}

void register_stop_at_exit() {
  // Once in a line of forked processes: a forked child inherits the registration.
  static const int registered = ::atexit(stop_at_exit);
  (void)registered;
}

}  // namespace

StartMethod start_method_named(std::string_view name) {
  for (const auto& [known, method] : method_names)
    if (name == known) return method;
  throw std::invalid_argument("there is no start method '" + std::string(name) +
                              "'; there are forkserver, spawn and fork");
}

const char* name_of(StartMethod method) {
  for (const auto& [known, value] : method_names)
    if (method == value) return known;
  return "?";
}

State& State::current() {
  if (State* present = state_of_process.get()) return *present;
  State& made =
      state_of_process.get_or([] { return new State({.name = "MainProcess"}, false, std::nullopt); });
  log_as_environment_says();
  return made;
}

State* State::existing() { return state_of_process.get(); }

State& State::become_child(Identity identity, bool daemon, Parent parent) {
  State& state = state_of_process.set(new State(std::move(identity), daemon, parent));
  log_as_parent(state.identity().logging);
  return state;
}

State::State(Identity identity, bool daemon, std::optional<Parent> parent)
    : identity_(std::move(identity)),
      pid_(::getpid()),
      daemon_(daemon),
      parent_(parent),
      name_(identity_.name),
      authkey_(identity_.authkey) {
  if (parent_) start_method_ = identity_.start_method;
}

std::string State::name() const {
  const std::lock_guard lock(mutex_);
  return name_;
}

void State::set_name(std::string name) {
  const std::lock_guard lock(mutex_);
  name_ = std::move(name);
}

AuthKey State::authkey() {
  const std::lock_guard lock(mutex_);
  if (!authkey_) authkey_ = AuthKey::random();
  return *authkey_;
}

void State::set_authkey(AuthKey key) {
  const std::lock_guard lock(mutex_);
  authkey_ = std::move(key);
}

void State::at_exit(std::function<void()> action) {
  const std::lock_guard lock(mutex_);
  exit_actions_.push_back(std::move(action));
  register_stop_at_exit();
}

// One by one: an action may add others.
void State::run_exit_actions() {
  std::unique_lock lock(mutex_);
  while (!exit_actions_.empty()) {
    const std::function<void()> action = std::move(exit_actions_.back());
    exit_actions_.pop_back();
    lock.unlock();
    try {
      action();
    } catch (...) {
      report_uncaught(name() + ", in a function given to at_exit()");
    }
    lock.lock();
  }
}

StartMethod State::start_method() {
  const std::lock_guard lock(mutex_);
  if (!start_method_) start_method_ = default_start_method();
  start_method_is_fixed_ = true;
  return *start_method_;
}

void State::set_start_method(StartMethod method, bool force) {
  const std::lock_guard lock(mutex_);
  if (start_method_is_fixed_ && !force)
    throw std::logic_error(std::string("set_start_method: the start method is ") + name_of(*start_method_) +
                           " already, set or used before; set it once, at the start of main");
  start_method_ = method;
  start_method_is_fixed_ = true;
}

void State::set_preload(std::span<const PreloadItem> items) {
  const std::lock_guard lock(mutex_);
  if (fork_server_)
    throw std::logic_error(
        "set_forkserver_preload: the fork server has been started already; call it before the first process "
        "is "
        "started");
  arena::Session& session = arena::Session::current();
  if (preload_) session.release(std::exchange(preload_, {}));
  if (!items.empty()) preload_ = write_preload(items);
}

arena::Handle State::preload() const {
  const std::lock_guard lock(mutex_);
  return preload_;
}

StartBoard& State::board() {
  const std::lock_guard lock(mutex_);
  if (!board_) board_ = std::make_unique<StartBoard>();
  return *board_;
}

Supervisor& State::supervisor() {
  if (Supervisor* present = supervisor_pointer_.load(std::memory_order_acquire)) return *present;
  const std::lock_guard lock(mutex_);
  if (!supervisor_) {
    supervisor_ = std::make_unique<Supervisor>();
    supervisor_pointer_.store(supervisor_.get(), std::memory_order_release);
    register_stop_at_exit();
  }
  return *supervisor_;
}

ForkServer& State::fork_server() {
  const std::lock_guard lock(mutex_);
  if (!fork_server_) fork_server_ = std::make_unique<ForkServer>(*this);
  return *fork_server_;
}

Guardian& State::guardian() {
  const std::lock_guard lock(mutex_);
  if (!guardian_) {
    guardian_ = std::make_unique<Guardian>();
    register_stop_at_exit();
  }
  return *guardian_;
}

Guardian* State::existing_guardian() const {
  const std::lock_guard lock(mutex_);
  return guardian_.get();
}

void State::add(std::shared_ptr<Child> child) {
  const std::lock_guard lock(mutex_);
  children_.insert(std::move(child));
}

void State::remove(const std::shared_ptr<Child>& child) {
  const std::lock_guard lock(mutex_);
  children_.erase(child);
}

std::vector<std::shared_ptr<Child>> State::children() const {
  const std::lock_guard lock(mutex_);
  return {children_.begin(), children_.end()};
}

void State::end_children() {
  run_exit_actions();
  ending_.store(true, std::memory_order_release);
  // Children may start while the others end, by threads that still run.
  for (auto children = this->children(); !children.empty(); children = this->children()) {
    for (const auto& child : children)
      if (child->daemon()) child->tell(SIGTERM);
    const auto deadline = os::Deadline::after(grace);
    for (const auto& child : children)
      if (child->daemon() && !child->wait_for_end(deadline)) child->tell(SIGKILL);
    for (const auto& child : children) child->wait_for_end(os::Deadline::never());
  }
  std::unique_lock lock(mutex_);
  ForkServer* server = fork_server_.get();
  lock.unlock();
  if (server != nullptr) server->stop();
  if (Guardian* guardian = existing_guardian()) guardian->end();
}

}  // namespace procyon::process
