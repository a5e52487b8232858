#include "procyon/process.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ostream>
#include <stdexcept>

#include "os/pidfd.hpp"
#include "os/threads.hpp"
#include "process/child.hpp"
#include "process/describe.hpp"
#include "process/entry_hook.hpp"
#include "process/state.hpp"
#include "procyon/context.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon {

namespace {

process::ChildOptions to_child_options(ProcessOptions options) {
  return {std::move(options.name), options.daemon, options.start_method};
}

}  // namespace

Process::Process(ProcessOptions options, process::EncodedCall call)
    : child_(process::make_child(to_child_options(std::move(options)), std::move(call))) {}

Process::Process(ProcessOptions options, std::function<void()> body)
    : child_(process::make_forked_child(to_child_options(std::move(options)), std::move(body))) {}

Process::Process(std::string_view class_name, ProcessOptions options) {
  if (process::Rebuilding::take()) {
    role_ = Role::this_process;
    return;
  }
  process::ChildOptions child = to_child_options(std::move(options));
  child.class_name = process::without_scope(class_name);
  child_ = process::make_child(std::move(child));
}

process::Child& Process::child(const char* what) const {
  if (is_this_process())
    throw std::logic_error(std::string(what) + ": this object stands for the process '" +
                           process::State::current().name() +
                           "', which is running it; only the process that started it may do that");
  if (!child_)
    throw std::logic_error(std::string(what) + ": this Process has been moved from; nothing is left in it");
  return *child_;
}

void Process::start() {
  process::Child& child = this->child("start");
  if (auto call = encode_run()) child.set_call(std::move(*call));
  child.start();
}

void Process::join() { child("join").join(os::Deadline::never()); }

bool Process::join_until(os::Deadline deadline) { return child("join").join(deadline); }

bool Process::is_alive() const { return is_this_process() || child("is_alive").is_alive(); }

void Process::interrupt() { child("interrupt").send_signal(SIGINT, "interrupt"); }

void Process::terminate() { child("terminate").send_signal(SIGTERM, "terminate"); }

void Process::kill() { child("kill").send_signal(SIGKILL, "kill"); }

void Process::close() { child("close").close(); }

std::string Process::name() const {
  return is_this_process() ? current_process().name() : child("name").name();
}

void Process::set_name(std::string name) {
  if (is_this_process())
    current_process().set_name(std::move(name));
  else
    child("set_name").set_name(std::move(name));
}

bool Process::daemon() const {
  return is_this_process() ? current_process().daemon() : child("daemon").daemon();
}

void Process::set_daemon(bool daemon) { child("set_daemon").set_daemon(daemon); }

AuthKey Process::authkey() const {
  return is_this_process() ? current_process().authkey() : child("authkey").authkey();
}

void Process::set_authkey(AuthKey key) {
  if (is_this_process())
    current_process().set_authkey(std::move(key));
  else
    child("set_authkey").set_authkey(std::move(key));
}

std::optional<pid_t> Process::pid() const { return is_this_process() ? ::getpid() : child("pid").pid(); }

std::optional<ExitStatus> Process::exit_status() const {
  return is_this_process() ? std::nullopt : child("exitcode").exit_status();
}

std::optional<int> Process::exitcode() const {
  const auto status = exit_status();
  return status ? std::optional(status->as_number()) : std::nullopt;
}

int Process::sentinel() const { return child("sentinel").sentinel(); }

std::string to_string(const Process& process) {
  if (process.is_this_process()) return to_string(current_process());
  return process.child_ ? process.child_->describe() : "<Process moved from>";
}

std::ostream& operator<<(std::ostream& stream, const Process& process) {
  return stream << to_string(process);
}

CurrentProcess current_process() { return {}; }

std::string CurrentProcess::name() const { return process::State::current().name(); }

void CurrentProcess::set_name(std::string name) { process::State::current().set_name(std::move(name)); }

bool CurrentProcess::daemon() const { return process::State::current().daemon(); }

pid_t CurrentProcess::pid() const { return ::getpid(); }

AuthKey CurrentProcess::authkey() const { return process::State::current().authkey(); }

void CurrentProcess::set_authkey(AuthKey key) { process::State::current().set_authkey(std::move(key)); }

std::string to_string(const CurrentProcess& process) {
  const process::State& state = process::State::current();
  const bool is_program = !state.parent();
  return process::ProcessDescription{.class_name = is_program ? "MainProcess" : state.identity().class_name,
                                     .name = process.name(),
                                     .parent = is_program ? 0 : state.parent()->pid,
                                     .is_program = is_program,
                                     .status = "started",
                                     .daemon = process.daemon()}
      .as_text();
}

std::ostream& operator<<(std::ostream& stream, const CurrentProcess& process) {
  return stream << to_string(process);
}

std::optional<ParentProcess> parent_process() {
  const process::State& state = process::State::current();
  if (!state.parent()) return std::nullopt;
  return ParentProcess(state.identity().parent_name, state.parent()->pid, state.parent()->participant.bits());
}

std::string to_string(const ParentProcess& process) {
  return process::ProcessDescription{.class_name = "ParentProcess",
                                     .name = process.name(),
                                     .pid = process.pid(),
                                     .status = process.is_alive() ? "started" : "stopped"}
      .as_text();
}

std::ostream& operator<<(std::ostream& stream, const ParentProcess& process) {
  return stream << to_string(process);
}

void at_exit(std::function<void()> action) { process::State::current().at_exit(std::move(action)); }

bool ParentProcess::is_alive() const {
  return arena::Session::current().alive(arena::ParticipantId::from_bits(participant_));
}

bool ParentProcess::join_until(os::Deadline deadline) const {
  if (!is_alive()) return true;
  os::Descriptor pidfd;
  try {
    pidfd = os::open_pidfd(pid_);
  } catch (const std::system_error& error) {
    if (error.code().value() == ESRCH) return true;
    throw;
  }
  // The descriptor is a hint only: the pid may be another process's already, and exec does not fire it.
  while (is_alive()) {
    if (deadline.expired()) return false;
    os::wait_readable(pidfd, deadline.slice(os::wait_slice));
  }
  return true;
}

std::vector<Process> active_children() {
  std::vector<Process> result;
  for (const auto& child : process::State::current().children())
    if (!child->collect()) result.push_back(Process(child));
  return result;
}

int cpu_count() {
  const int usable = os::usable_processors();
  const char* text = std::getenv("PROCYON_MAX_WORKERS");
  if (text == nullptr) return usable;
  int limit = 0;
  std::from_chars(text, text + std::string_view(text).size(), limit);
  return limit >= 1 ? std::min(limit, usable) : usable;
}

void set_start_method(std::string_view name, bool force) {
  process::State::current().set_start_method(process::start_method_named(name), force);
}

std::string get_start_method() { return process::name_of(process::State::current().start_method()); }

std::vector<std::string> get_all_start_methods() { return {"forkserver", "spawn", "fork"}; }

void set_forkserver_preload(std::initializer_list<Preload> what) {
  std::vector<process::PreloadItem> items;
  for (const Preload& one : what) items.push_back(one.item());
  process::State::current().set_preload(items);
}

std::string Context::get_start_method() const { return process::name_of(method_); }

Context get_context(std::string_view start_method) {
  return Context(process::start_method_named(start_method));
}

Context get_context() { return Context(process::State::current().start_method()); }

void freeze_support(int, char**) { process::hook_by_hand(); }

}  // namespace procyon
