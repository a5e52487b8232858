// Process: a function of this program, run by another process.
//
//   void print_square(int n) { fmt::print("Square: {}\n", n * n); }
//
//   mp::Process p(print_square, 10);                                   // target and its arguments
//   p.start();
//   p.join();
//
//   mp::Process q({.name = "calc-1", .daemon = true}, calc, 1);        // options first, in braces, in this order
//   q.start();
//   if (!q.join(2s)) q.terminate();
//
// The child is a process of its own: what it changes in memory, nobody else sees. It runs the target, flushes the
// standard streams, ends its own children (daemonic ones are terminated, others waited for) and exits; the program's
// main does not run in it, and destructors of static objects do not either. Its exit code is 0 when the target returns, 1
// when the target throws (the exception is described on stderr), n when it calls exit(n), and -n when signal n ended it.
// Its stdin is /dev/null.
//
// Target and arguments cross to the child as bytes, whatever the start method: functions, member functions, lambdas
// without captures and function objects with known members; see wire/transferable.hpp for what the compiler refuses.
// They are copied when the Process is made. Only with the fork context (context.hpp) anything may be captured. Arguments
// by name are an aggregate:
//
//   struct Args { int a, b = 0, c = 0; };
//   mp::Process r(test, Args{.a = 4, .c = 6});
//
// Or derive from ProcessOf and override run():
//
//   struct Crawler : mp::ProcessOf<Crawler> {
//     std::string url;
//     Crawler() = default;                                             // the child makes one and reads its members
//     explicit Crawler(std::string u) : url(std::move(u)) {}
//     void run() override { fetch(url); }
//     template <class A> void serialize(A& archive) { archive(url); }
//   };
//
// Printed, a process looks as in Python: <Process name='calc-1' pid=4711 parent=4700 started daemon>.
//
// A Process may be used by any thread, but only in the process that made it. Misuse throws std::logic_error; a child that
// cannot be started throws std::system_error (EAGAIN, EMFILE, ...) or std::runtime_error, and start() may be tried again.
//
// Destroying a Process leaves a running child running: it is waited for when the program ends, or terminated if it is
// daemonic. For many small tasks use a Pool: starting a process costs some 0.2 ms, a task of a pool about 1 us.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "procyon/auth_key.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/process/engine.hpp"
#include "procyon/detail/process/run_of.hpp"
#include "procyon/detail/sync/waitable.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/exit_status.hpp"

namespace procyon {

struct ProcessOptions {
  std::string name = {};                         // Process-1, Process-2, ... if empty
  std::optional<bool> daemon = {};               // ends with this process; as this process itself if not said
  std::optional<StartMethod> start_method = {};  // as set_start_method() says, if not said
};

class Process {
 public:
  /// A process that will run `target(arguments...)`.
  template <class F, class... Arguments>
  requires(!std::is_same_v<std::remove_cvref_t<F>, ProcessOptions> &&
           !std::is_base_of_v<Process, std::remove_cvref_t<F>>)  //
      explicit Process(F&& target, Arguments&&... arguments)
      : Process(ProcessOptions{}, std::forward<F>(target), std::forward<Arguments>(arguments)...) {}

  template <class F, class... Arguments>
  Process(ProcessOptions options, F&& target, Arguments&&... arguments)
      : Process(std::move(options), encode(target, arguments...)) {}

  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) noexcept = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  virtual ~Process() = default;

  /// Starts the child; it exists when this returns. Once only.
  void start();

  /// Waits until the child has ended.
  void join();
  /// The same for at most `timeout`; true if it has ended. Zero or less: looks, without waiting.
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return join_until(os::Deadline::after(timeout));
  }

  /// From start() on, until it has ended.
  [[nodiscard]] bool is_alive() const;

  /// Send SIGINT, SIGTERM, SIGKILL. Nothing happens if it has ended. Its own children are not told.
  void interrupt();
  void terminate();
  void kill();

  /// Gives up the child's resources; afterwards only the name can be read. Throws while it runs.
  void close();

  [[nodiscard]] std::string name() const;
  void set_name(std::string name);
  [[nodiscard]] bool daemon() const;
  /// Before start().
  void set_daemon(bool daemon);

  /// The secret that it and its descendants have: this process's, if no other was set. Settable before start().
  [[nodiscard]] AuthKey authkey() const;
  void set_authkey(AuthKey key);

  /// nullopt before start().
  [[nodiscard]] std::optional<pid_t> pid() const;
  [[nodiscard]] std::optional<pid_t> ident() const { return pid(); }
  /// nullopt before its end; then its exit code, or minus the signal that ended it. 255 if nobody can tell.
  [[nodiscard]] std::optional<int> exitcode() const;
  /// The same in full; nullopt before its end.
  [[nodiscard]] std::optional<ExitStatus> exit_status() const;
  /// A descriptor for poll and the like: readable once the process has ended. It stays the Process's.
  [[nodiscard]] int sentinel() const;

  /// For wait(): ready once it has ended.
  [[nodiscard]] sync::WaitTarget wait_target() const { return sync::wait_target_of(sentinel()); }

  /// Tells the codec to refuse it as an argument.
  using procyon_stays_in_its_process = void;

 protected:
  /// For ProcessOf: what runs is told when it is started.
  Process(std::string_view class_name, ProcessOptions options);

 private:
  friend std::vector<Process> active_children();
  friend class ForkContext;
  friend std::string to_string(const Process& process);

  // In a started child the object of a subclass stands for the child itself.
  enum class Role : std::uint64_t { child, this_process };

  explicit Process(std::shared_ptr<process::Child> child) : child_(std::move(child)) {}
  Process(ProcessOptions options, process::EncodedCall call);
  Process(ProcessOptions options, std::function<void()> body);

  template <class F, class... Arguments>
  static process::EncodedCall encode(const F& target, const Arguments&... arguments) {
    process::EncodedCall call;
    process::CallAttachments attachments(call);
    wire::Writer writer(&attachments);
    wire::encode_procedure(writer, target, arguments...);
    const auto bytes = writer.bytes();
    call.bytes.assign(bytes.begin(), bytes.end());
    return call;
  }

  // A subclass as a call of its run(); nothing for a Process with a target.
  virtual std::optional<process::EncodedCall> encode_run() const { return std::nullopt; }
  template <class Derived>
  friend class ProcessOf;

  bool join_until(os::Deadline deadline);
  [[nodiscard]] process::Child& child(const char* what) const;
  [[nodiscard]] bool is_this_process() const { return role_ == Role::this_process; }

  std::shared_ptr<process::Child> child_;  // null once moved from
  Role role_ = Role::child;
};

/// "<Process name='calc-1' pid=4711 parent=4700 stopped exitcode=-SIGTERM daemon>"; initial, started, stopped, closed, or
/// unknown in another process than the one that made it.
std::string to_string(const Process& process);
std::ostream& operator<<(std::ostream& stream, const Process& process);

/// The base of a class of processes with a run() of its own; see the top of this file. When it is started, its members
/// are copied by `serialize`; the child makes a Derived with its default constructor, reads them, and calls run(). There
/// name(), pid(), daemon() and authkey() speak of the running child.
///
/// Derive once: what derives from a Derived is not seen by the child, and start() says so.
template <class Derived>
class ProcessOf : public Process {
 public:
  /// What the child does.
  virtual void run() = 0;

 protected:
  ProcessOf() : ProcessOf(ProcessOptions{}) {}
  explicit ProcessOf(ProcessOptions options) : Process(wire::type_name<Derived>(), std::move(options)) {}

 private:
  std::optional<process::EncodedCall> encode_run() const override {
    process::require_exact_class(typeid(*this), typeid(Derived));
    return encode(process::RunOf<Derived>{static_cast<const Derived*>(this), nullptr});
  }
};

/// This process, as its parent named it. All speak of the process that calls them, whichever thread does.
class CurrentProcess {
 public:
  /// MainProcess in the program itself.
  [[nodiscard]] std::string name() const;
  void set_name(std::string name);
  [[nodiscard]] bool daemon() const;
  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] pid_t ident() const { return pid(); }
  /// The secret that children started from now on inherit.
  [[nodiscard]] AuthKey authkey() const;
  void set_authkey(AuthKey key);
  [[nodiscard]] bool is_alive() const { return true; }

 private:
  friend CurrentProcess current_process();
  CurrentProcess() = default;
};
CurrentProcess current_process();
/// "<Process name='calc-1' parent=4700 started>"
std::string to_string(const CurrentProcess& process);
std::ostream& operator<<(std::ostream& stream, const CurrentProcess& process);

/// The process that started this one.
class ParentProcess {
 public:
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool is_alive() const;
  /// Waits for its end.
  void join() const { join_until(os::Deadline::never()); }
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) const {
    return join_until(os::Deadline::after(timeout));
  }

 private:
  friend std::optional<ParentProcess> parent_process();
  ParentProcess(std::string name, pid_t pid, std::uint32_t participant)
      : name_(std::move(name)), pid_(pid), participant_(participant) {}
  bool join_until(os::Deadline deadline) const;

  std::string name_;
  pid_t pid_;
  std::uint32_t participant_;
};
/// nullopt in the program itself.
std::optional<ParentProcess> parent_process();
/// "<ParentProcess name='MainProcess' pid=4700 started>"
std::string to_string(const ParentProcess& process);
std::ostream& operator<<(std::ostream& stream, const ParentProcess& process);

/// The children of this process that run. Whoever of them has ended is cleared away.
std::vector<Process> active_children();

/// Calls `action` when this process ends, by returning from main or from its target or by exit(), before its daemonic
/// children are ended and the others waited for; the last one first. What it throws is reported, and the others follow.
/// Not called in the children of this process, nor when it is ended by a signal or _exit().
void at_exit(std::function<void()> action);

/// How many processors this process may use: its affinity, the quota of its control group, and PROCYON_MAX_WORKERS.
int cpu_count();

}  // namespace procyon
