#include "procyon/process.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "os/pidfd.hpp"
#include "os/threads.hpp"
#include "process/child.hpp"
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

process::Child& Process::child() const {
  if (!child_) throw std::logic_error("this Process has been moved from; nothing is left in it");
  return *child_;
}

void Process::start() { child().start(); }

void Process::join() { child().join(os::Deadline::never()); }

bool Process::join_until(os::Deadline deadline) { return child().join(deadline); }

bool Process::is_alive() const { return child().is_alive(); }

void Process::interrupt() { child().send_signal(SIGINT); }

void Process::terminate() { child().send_signal(SIGTERM); }

void Process::kill() { child().send_signal(SIGKILL); }

void Process::close() { child().close(); }

std::string Process::name() const { return child().name(); }

void Process::set_name(std::string name) { child().set_name(std::move(name)); }

bool Process::daemon() const { return child().daemon(); }

void Process::set_daemon(bool daemon) { child().set_daemon(daemon); }

std::optional<pid_t> Process::pid() const { return child().pid(); }

std::optional<ExitStatus> Process::exit_status() const { return child().exit_status(); }

std::optional<int> Process::exitcode() const {
  const auto status = exit_status();
  return status ? std::optional(status->as_number()) : std::nullopt;
}

int Process::sentinel() const { return child().sentinel(); }

CurrentProcess current_process() {
  const process::State& state = process::State::current();
  return {state.identity().name, ::getpid(), state.daemon()};
}

std::optional<ParentProcess> parent_process() {
  const process::State& state = process::State::current();
  if (!state.parent()) return std::nullopt;
  return ParentProcess(state.identity().parent_name, state.parent()->pid, state.parent()->participant.bits());
}

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

std::string Context::get_start_method() const { return process::name_of(method_); }

Context get_context(std::string_view start_method) {
  return Context(process::start_method_named(start_method));
}

Context get_context() { return Context(process::State::current().start_method()); }

void freeze_support(int, char**) { process::hook_by_hand(); }

}  // namespace procyon
