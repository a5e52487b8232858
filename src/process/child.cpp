#include "process/child.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "os/error.hpp"
#include "process/log.hpp"
#include "process/state.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::process {

namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

ExitStatus to_exit_status(const os::WaitResult& result) {
  ExitStatus status;
  if (result.state == os::WaitResult::State::exited) status.code = result.value;
  if (result.state == os::WaitResult::State::signalled) status.signal = result.value;
  status.core_dumped = result.core_dumped;
  status.user_time = duration(result.usage.ru_utime);
  status.system_time = duration(result.usage.ru_stime);
  status.peak_memory = static_cast<std::size_t>(result.usage.ru_maxrss) * 1024;
  return status;
}

os::WaitResult to_wait_result(const EndReport& report) {
  os::WaitResult result;
  result.state = report.code == CLD_EXITED ? os::WaitResult::State::exited : os::WaitResult::State::signalled;
  result.value = report.status;
  result.core_dumped = report.code == CLD_DUMPED;
  result.usage = report.usage;
  return result;
}

// "Process-2:1": the first child of the second child of the main process.
std::string default_name(const std::string& class_name, const Identity& creator, std::uint32_t number) {
  std::string name = class_name + "-";
  for (const std::uint32_t step : creator.path) name += std::to_string(step) + ":";
  return name + std::to_string(number);
}

}  // namespace

Child::Child(State& creator, ChildOptions options, std::optional<EncodedCall> call,
             std::function<void()> body)
    : creator_(creator),
      number_(creator.next_number()),
      name_(options.name.empty() ? default_name(options.class_name, creator.identity(), number_)
                                 : std::move(options.name)),
      class_name_(std::move(options.class_name)),
      daemon_(options.daemon.value_or(creator.daemon())),
      start_method_(options.start_method),
      call_(std::move(call)),
      body_(std::move(body)) {}

void Child::require_creator(const char* what) const {
  if (State::existing() != &creator_)
    throw std::logic_error(std::string(what) + ": " + quoted_name() +
                           " is not a child of this process; only the process that made it may do that");
}

void Child::require_open(const char* what) const {
  if (closed_)
    throw std::logic_error(std::string(what) + ": " + quoted_name() + " is closed; only its name is left");
}

void Child::require_started(const char* what) const {
  if (phase_ == Phase::fresh || phase_ == Phase::starting)
    throw std::logic_error(std::string(what) + ": " + quoted_name() +
                           " has not been started; call start() first");
}

std::string Child::name() const {
  const std::lock_guard lock(mutex_);
  return name_;
}

void Child::set_name(std::string name) {
  const std::lock_guard lock(mutex_);
  require_open("set_name");
  name_ = std::move(name);
}

bool Child::daemon() const {
  const std::lock_guard lock(mutex_);
  return daemon_;
}

void Child::set_daemon(bool daemon) {
  const std::lock_guard lock(mutex_);
  require_open("set_daemon");
  if (phase_ != Phase::fresh)
    throw std::logic_error("set_daemon: " + quoted_name() +
                           " has been started already; set it before start()");
  daemon_ = daemon;
}

std::optional<pid_t> Child::pid() const {
  const std::lock_guard lock(mutex_);
  require_open("pid");
  return pid_ > 0 ? std::optional(pid_) : std::nullopt;
}

std::optional<std::uint32_t> Child::slot() const {
  const std::lock_guard lock(mutex_);
  return phase_ == Phase::starting || phase_ == Phase::running ? std::optional(slot_) : std::nullopt;
}

int Child::sentinel() const {
  const std::lock_guard lock(mutex_);
  require_open("sentinel");
  require_started("sentinel");
  return pidfd_.get();
}

void Child::begin_start() {
  const std::lock_guard lock(mutex_);
  require_open("start");
  require_creator("start");
  if (phase_ != Phase::fresh)
    throw std::logic_error("start: " + quoted_name() + " has been started already; make another Process");
  if (!creator_.may_have_children())
    throw std::logic_error(
        "start: this process ('" + creator_.name() +
        "') is daemonic, and daemonic processes may not have children; start it in a process "
        "that is not, or make this one without .daemon (a pool's worker: with .allow_children)");
  if (!call_ && !body_)
    throw std::logic_error(
        "start: " + quoted_name() +
        " is the Process part of an object of a subclass, which was moved out of it; start the "
        "whole object, or hold it by pointer");
  phase_ = Phase::starting;
}

// The child exists. `pidfd` is empty if it has been reaped by somebody else already. If this throws, the caller ends it.
void Child::adopt(pid_t pid, os::Descriptor pidfd, std::uint32_t reporter) {
  std::unique_lock lock(mutex_);
  const bool ended_unseen = !pidfd;
  if (ended_unseen)  // a descriptor that says "ended", as the pidfd would
    pidfd = os::Descriptor::adopt(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), "watching a child (eventfd)");
  pidfd_ = std::move(pidfd);
  reporter_ = reporter;
  reporter_lost_ = reporter != 0 && creator_.fork_server().is_lost(reporter);
  const bool ours_to_watch = !early_report_ && (reporter == 0 || reporter_lost_);
  if (ours_to_watch && !ended_unseen) watch_end();
  pid_ = pid;
  call_.reset();
  body_ = nullptr;
  phase_ = Phase::running;
  os::WaitResult unknown;
  unknown.state = os::WaitResult::State::unknown;
  if (early_report_)
    finish(*early_report_);
  else if (ours_to_watch && ended_unseen)
    finish(unknown);
  const bool ended = phase_ == Phase::ended;
  lock.unlock();
  if (ended) creator_.supervisor().run([this] { run_callbacks(); });
}

void Child::watch_end() {
  watch_ = creator_.supervisor().watch(pidfd_.get(), [self = shared_from_this()] { self->supervised_end(); });
}

// mutex_ is held.
void Child::watch_end_unless_watched() {
  const bool ours_to_watch = phase_ == Phase::running && (reporter_ == 0 || reporter_lost_);
  if (ours_to_watch && watch_ == 0) watch_end();
}

void Child::supervised_end() {
  if (!collect()) {
    // Readable, yet its status is not to be had: a debugger holds it. Look again, not too often.
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
    return;
  }
  std::unique_lock lock(mutex_);
  creator_.supervisor().unwatch(std::exchange(watch_, 0));
  if (closed_) pidfd_.reset();
  lock.unlock();
  run_callbacks();
}

bool Child::collect() {
  if (ended_.load(std::memory_order_acquire) != 0) return true;
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::running) return phase_ == Phase::ended;
  if (reporter_ != 0 && !reporter_lost_) {
    // The supervisor is told; if the process has ended, that is about to happen.
    if (!os::wait_readable(pidfd_, os::Deadline::now()) || creator_.supervisor().is_this_thread())
      return false;
    lock.unlock();
    const auto deadline = os::Deadline::after(1s);
    while (ended_.load(std::memory_order_acquire) == 0 && os::futex_wait(ended_, 0, deadline)) {
    }
    return ended_.load(std::memory_order_acquire) != 0;
  }
  const os::WaitResult result = os::reap(pidfd_);
  if (result.state == os::WaitResult::State::running) return false;
  finish(result);
  return true;
}

// mutex_ is held. Gives back what the dead process held before anybody is told of its end.
void Child::finish(const os::WaitResult& result) {
  status_ = to_exit_status(result);
  StartBoard& board = creator_.board();
  try {
    arena::Session& session = arena::Session::current();
    const auto participant =
        arena::ParticipantId::from_bits(board[slot_].participant.load(std::memory_order_acquire));
    if (participant) session.recover(participant);
    os::crash_point("process.finish.recovered");
    session.release(record_);  // if the child never took it over
  } catch (const std::exception& error) {
    warn("what the ended process '" + name_ + "' held could not be given back: " + error.what());
  }
  if (logs(LogLevel::debug))
    log(LogLevel::debug, quoted_name() + ", pid " + std::to_string(pid_) + ", ended: " + status_.describe());
  board.give_back(slot_);
  phase_ = Phase::ended;
  if (callbacks_.empty()) callbacks_ran_ = true;
  creator_.remove(shared_from_this());
  ended_.store(1, std::memory_order_release);
  os::futex_wake_all(ended_);
}

void Child::ended_as_reported(const EndReport& report) {
  std::unique_lock lock(mutex_);
  if (phase_ == Phase::starting) early_report_ = to_wait_result(report);
  if (phase_ != Phase::running) return;
  finish(to_wait_result(report));
  if (closed_) pidfd_.reset();
  lock.unlock();
  run_callbacks();
}

void Child::reporter_is_lost(std::uint32_t reporter) {
  const std::lock_guard lock(mutex_);
  if (reporter_ != reporter || phase_ != Phase::running || reporter_lost_) return;
  reporter_lost_ = true;
  // Readable for whoever ended before, and then found unknown.
  watch_end();
}

void Child::on_exit(ExitCallback callback) {
  std::unique_lock lock(mutex_);
  require_creator("on_exit");
  callbacks_.push_back(std::move(callback));
  watch_end_unless_watched();
  if (!callbacks_ran_) return;
  lock.unlock();
  creator_.supervisor().run([this] { run_callbacks(); });
}

// On the supervisor's thread.
void Child::run_callbacks() {
  std::unique_lock lock(mutex_);
  callbacks_ran_ = true;
  const std::vector<ExitCallback> callbacks = std::exchange(callbacks_, {});
  const ExitStatus status = status_;
  lock.unlock();
  for (const ExitCallback& callback : callbacks) {
    try {
      callback(status);
    } catch (const std::exception& error) {
      warn("what was to be done at the end of '" + name() + "' threw: " + error.what());
    }
  }
}

bool Child::join(os::Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    require_open("join");
    require_creator("join");
    require_started("join");
  }
  return wait_for_end(deadline);
}

// Whoever waits for the end looks after it: the supervisor would be woken for nothing, and be in the way. Not if there
// is something to be done on its thread.
class Child::Watcher {
 public:
  explicit Watcher(Child& child) : child_(child) {
    const std::lock_guard lock(child_.mutex_);
    ++child_.watchers_;
    if (child_.watch_ != 0 && child_.callbacks_.empty())
      child_.creator_.supervisor().unwatch(std::exchange(child_.watch_, 0));
  }
  ~Watcher() {
    const std::lock_guard lock(child_.mutex_);
    if (--child_.watchers_ != 0) return;
    try {
      child_.watch_end_unless_watched();
    } catch (const std::exception& error) {
      warn("the end of " + child_.quoted_name() +
           " will be noticed by whoever joins it only: " + error.what());
    }
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  Child& child_;
};

bool Child::wait_for_end(os::Deadline deadline) {
  if (collect()) return true;
  if (deadline.expired()) return false;
  const Watcher watcher(*this);
  for (;;) {
    if (collect()) return true;
    if (deadline.expired()) return false;
    // Slices: the descriptor may be closed, and its number reused, by another thread that has seen the end.
    const auto slice = deadline.slice(os::wait_slice);
    if (reporter_ != 0)  // its end is told to the supervisor
      os::futex_wait(ended_, 0, slice);
    else if (os::wait_readable(pidfd_, slice) && !collect())
      os::futex_wait(ended_, 0, deadline.slice(1ms));  // a debugger holds its status
  }
}

bool Child::is_alive() {
  {
    const std::lock_guard lock(mutex_);
    require_open("is_alive");
    require_creator("is_alive");
    if (phase_ == Phase::fresh) return false;
  }
  return !collect();
}

std::optional<ExitStatus> Child::exit_status() {
  {
    const std::lock_guard lock(mutex_);
    require_open("exitcode");
    require_creator("exitcode");
    if (phase_ == Phase::fresh) return std::nullopt;
  }
  if (!collect()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return status_;
}

void Child::send_signal(int signal, const char* what) {
  const std::lock_guard lock(mutex_);
  require_open(what);
  require_creator(what);
  require_started(what);
  if (phase_ == Phase::running) os::send_signal(pidfd_, signal);
}

bool Child::tell(int signal) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::running) os::send_signal(pidfd_, signal);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void Child::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    require_creator("close");
  }
  const bool ended = collect();
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::fresh && !ended)
    throw std::logic_error("close: " + quoted_name() +
                           " is still running; join() it first, or terminate() it");
  closed_ = true;
  call_.reset();
  body_ = nullptr;
  // The supervisor closes the descriptor when it is through with it: its table of watches knows it by number.
  if (watch_ == 0) pidfd_.reset();
}

}  // namespace procyon::process
