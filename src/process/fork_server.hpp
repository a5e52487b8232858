// The fork server, as its user's process sees it: a process that makes children on request.
//
//   pid_t pid = server.start(request, descriptors, slot);
//
// It is the program's own image, started afresh with the first request: one thread, little memory, whatever this
// process has grown to since. It ends with this process. If it dies, idle or in the middle of a request, the next
// request or the same one starts another; a child that it had made already is adopted (start_board.hpp).
//
// While children are started one soon after another, it keeps one in advance (spare.hpp).
//
// Thread-safe; requests are served one after another.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "os/pidfd.hpp"
#include "process/bootstrap.hpp"
#include "process/spare.hpp"
#include "process/start_board.hpp"
#include "process/supervisor.hpp"
#include "process/surroundings.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

class State;

/// Starts the program's image once more, and greets it. Returns its pid and the parent's end of the
/// socket. `side`: the image's ends, for a fork server. If it must die with this process, it is made by the supervisor's thread.
struct StartedImage {
  pid_t pid = -1;
  os::Descriptor pidfd;
  os::Descriptor socket;
};
StartedImage start_image(State& state, Greeting greeting, const SideSockets* side, bool by_supervisor);

/// Ends a child that cannot be taken care of.
void kill_and_reap(pid_t pid);

class ForkServer {
 public:
  explicit ForkServer(State& state) : state_(state) {}

  struct Made {
    pid_t pid;
    std::uint32_t reporter;  // not 0: the child is the server's; which of all servers tells its end
    os::Descriptor pidfd;    // if it is known already
  };
  /// Has a child made. Throws std::system_error (EAGAIN, ...) when there can be none, std::runtime_error when servers
  /// do not survive.
  Made start(StartRequest request, std::span<const int> descriptors, BoardSlot& slot);

  /// Before each request: sees to it that there is a server whose children stand where this process does (users,
  /// capabilities, session, control group, namespaces), and says what a child of it has to change to have the settings
  /// of this process (surroundings.hpp). Throws as start() does.
  std::string prepare();

  /// Whether the server that was to tell the end of a child has been found gone.
  [[nodiscard]] bool is_lost(std::uint32_t reporter) const { return reporter <= last_lost_.load(); }

  /// Kills it, if there is one, and waits for its end.
  void stop();

  /// The server's pid; nullopt while there is none.
  std::optional<pid_t> pid();

 private:
  void launch();
  bool is_to_be_made_by_supervisor();
  void end_server();
  void watch_reports(os::Descriptor socket);
  std::optional<Made> start_by_spare(const StartRequest& request, std::span<const int> descriptors,
                                     BoardSlot& slot);
  bool receive_spare();
  bool is_busy();
  std::optional<Started> request_once(const StartRequest& request, std::span<const int> descriptors);
  bool wait_for_answer();
  os::WaitResult take_back_ended_early(std::uint32_t slot);
  [[noreturn]] void throw_ended_early(const os::WaitResult& result);

  State& state_;
  std::atomic<std::uint32_t> last_lost_{0};
  std::mutex mutex_;  // guards all below; held during a request
  os::Descriptor socket_;
  std::shared_ptr<os::Descriptor> pidfd_;
  pid_t pid_ = -1;
  bool makes_siblings_ = true;
  bool may_bind_early_ = true;    // until an image did not survive that
  Standing standing_;             // of this process when it was launched
  Settings settings_;             // the server's
  std::int32_t last_number_ = 0;  // of a request
  std::uint32_t launched_ = 0;    // how many servers there have been
  std::optional<Spare> spare_;    // with the first server that can make one
  bool wants_spare_ = false;
  std::chrono::steady_clock::time_point last_start_;  // far in the past at first
};

}  // namespace procyon::process
