// A child of this process, from before its start to after its end.
//
//   Child& child = ...;
//   child.start();
//   child.on_exit([](const ExitStatus& status) { ... });      // on the supervisor's thread
//   child.join(deadline);
//
// Its end is noticed by the supervisor and by whoever joins, whichever looks first: the status is taken once, under
// the child's mutex, and what the dead process held in the session is given back in the same step. So after join()
// nothing of the child is left.
//
// Thread-safe. Only the process that made it may use it: anything else throws std::logic_error.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/pidfd.hpp"
#include "process/bootstrap.hpp"
#include "process/start_record.hpp"
#include "process/supervisor.hpp"
#include "procyon/auth_key.hpp"
#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/detail/process/engine.hpp"
#include "procyon/exit_status.hpp"

namespace procyon::process {

class State;

class Child : public std::enable_shared_from_this<Child> {
 public:
  using ExitCallback = std::function<void(const ExitStatus&)>;

  Child(State& creator, ChildOptions options, std::optional<EncodedCall> call, std::function<void()> body);

  /// Throws std::logic_error on misuse, std::system_error or std::runtime_error when there can be no child.
  void start();

  /// True once it has ended. False when the deadline passed.
  bool join(os::Deadline deadline);
  bool is_alive();
  /// nullopt before its end.
  std::optional<ExitStatus> exit_status();
  /// Nothing happens if it has ended. `what` its user calls that.
  void send_signal(int signal, const char* what = "sending a signal");
  void close();

  [[nodiscard]] std::string name() const;
  void set_name(std::string name);
  [[nodiscard]] bool daemon() const;
  void set_daemon(bool daemon);
  [[nodiscard]] AuthKey authkey() const;
  void set_authkey(AuthKey key);
  /// For a child that was made without: before its start. Later it does nothing.
  void set_call(EncodedCall call);
  /// As Python prints a process.
  [[nodiscard]] std::string describe();
  /// nullopt before its start.
  [[nodiscard]] std::optional<pid_t> pid() const;
  /// A descriptor that is readable once it has ended. It stays this object's.
  [[nodiscard]] int sentinel() const;

  /// Calls back once, when it has ended; soon, if it has already. On the supervisor's thread: quick, no exceptions,
  /// no waiting for other children.
  void on_exit(ExitCallback callback);

  [[nodiscard]] const State* creator() const { return &creator_; }

  // For the parts of this layer. These do not object to anything.

  /// False if the signal may not be sent: it runs as another user by now.
  bool tell(int signal) noexcept;
  bool wait_for_end(os::Deadline deadline);

  /// The end of a child that is not ours but a fork server's, as the server tells it (on the supervisor's thread).
  void ended_as_reported(const EndReport& report);
  /// The server `reporter` is gone. Concerns a child of it, whose status nobody will tell now.
  void reporter_is_lost(std::uint32_t reporter);
  /// Its slot on the board while it is starting or running.
  [[nodiscard]] std::optional<std::uint32_t> slot() const;
  /// Looks whether it has ended, and deals with that.
  bool collect();

 private:
  enum class Phase { fresh, starting, running, ended };

  void require_creator(const char* what) const;
  void require_open(const char* what) const;
  void require_started(const char* what) const;
  [[nodiscard]] std::string quoted_name() const { return "process '" + name_ + "'"; }
  void begin_start();
  [[nodiscard]] Identity identity_in_child(StartMethod method) const;
  void adopt(pid_t pid, os::Descriptor pidfd, std::uint32_t reporter);
  class Watcher;

  void watch_end();
  void watch_end_unless_watched();
  void supervised_end();
  void finish(const os::WaitResult& result);
  void run_callbacks();

  friend class Starter;

  State& creator_;
  const std::uint32_t number_;  // which child of its creator

  mutable std::mutex mutex_;  // guards all below
  std::string name_;
  const std::string class_name_;
  std::optional<AuthKey> authkey_;  // nothing: the creator's
  bool daemon_;
  std::optional<StartMethod> start_method_;
  std::optional<EncodedCall> call_;  // gone once started
  std::function<void()> body_;       // for a child that is always forked
  Phase phase_ = Phase::fresh;
  bool closed_ = false;
  pid_t pid_ = -1;
  os::Descriptor pidfd_;
  std::uint32_t reporter_ = 0;  // the fork server that tells its end; 0: it is our child
  bool reporter_lost_ = false;
  std::optional<os::WaitResult> early_report_;  // arrived while it was being started
  std::uint32_t slot_ = 0;                      // on the board
  arena::Handle record_;
  Supervisor::WatchId watch_ = 0;  // 0: not the supervisor's to watch, or somebody joins
  int watchers_ = 0;               // who wait for the end
  ExitStatus status_;
  std::vector<ExitCallback> callbacks_;
  bool callbacks_ran_ = false;

  os::FutexWord ended_{0};  // 1 once status_ is final
};

}  // namespace procyon::process
