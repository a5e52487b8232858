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
// They are copied when the Process is made. Only with the fork context (context.hpp) anything may be captured.
//
// A Process may be used by any thread, but only in the process that made it. Misuse throws std::logic_error; a child that
// cannot be started throws std::system_error (EAGAIN, EMFILE, ...) or std::runtime_error, and start() may be tried again.
//
// Destroying a Process leaves a running child running: it is waited for when the program ends, or terminated if it is
// daemonic. For many small tasks use a Pool: starting a process costs some 0.2 ms, a task of a pool about 1 us.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/process/engine.hpp"
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
           !std::is_same_v<std::remove_cvref_t<F>, Process>)  //
      explicit Process(F&& target, Arguments&&... arguments)
      : Process(ProcessOptions{}, std::forward<F>(target), std::forward<Arguments>(arguments)...) {}

  template <class F, class... Arguments>
  Process(ProcessOptions options, F&& target, Arguments&&... arguments)
      : Process(std::move(options), encode(target, arguments...)) {}

  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) noexcept = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() = default;

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

  /// nullopt before start().
  [[nodiscard]] std::optional<pid_t> pid() const;
  [[nodiscard]] std::optional<pid_t> ident() const { return pid(); }
  /// nullopt before its end; then its exit code, or minus the signal that ended it. 255 if nobody can tell.
  [[nodiscard]] std::optional<int> exitcode() const;
  /// The same in full; nullopt before its end.
  [[nodiscard]] std::optional<ExitStatus> exit_status() const;
  /// A descriptor for poll and the like: readable once the process has ended. It stays the Process's.
  [[nodiscard]] int sentinel() const;

 private:
  friend std::vector<Process> active_children();
  friend class ForkContext;
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

  bool join_until(os::Deadline deadline);
  [[nodiscard]] process::Child& child() const;

  std::shared_ptr<process::Child> child_;  // null once moved from
};

/// This process, as its parent named it.
struct CurrentProcess {
  std::string name;  // MainProcess in the program itself
  pid_t pid;
  bool daemon;
};
CurrentProcess current_process();

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

/// The children of this process that run. Whoever of them has ended is cleared away.
std::vector<Process> active_children();

/// How many processors this process may use: its affinity, the quota of its control group, and PROCYON_MAX_WORKERS.
int cpu_count();

}  // namespace procyon
