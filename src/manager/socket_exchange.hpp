// An Exchange over a socket, shared by the threads of a process without a thread of its own.
//
// WHO READS.  Whoever waits and finds nobody reading reads, and hands the answers of others to them; when it has its own it
// hands the reading on to another that waits. Whoever sends and finds no room in the socket reads meanwhile, so that a
// server that waits for us to read its answers does not wait for ever.
//
// A SHORT LOOK.  Before it sleeps the reader looks for a moment whether an answer comes (os/adaptive_spin.hpp), since most
// calls take less time than being woken does. What calls of one method of one object have taken decides: one that waits in
// the server, as for a lock, is slept through at once after the first few.
//
// NOBODY WAITS FOR THE DEAD.  Every read returns after os::wait_slice at the latest; then the server's process is looked at,
// if it is on this machine. An ended connection is told to all who wait, and to all who come later.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manager/exchange.hpp"
#include "manager/fork_closed.hpp"
#include "manager/frame_reader.hpp"
#include "os/adaptive_spin.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::manager {

class SocketExchange final : public Exchange {
 public:
  /// What is known of the end of the server: "process 'Manager-1' (pid 4711) was killed by signal 9 (SIGKILL)". Asked when
  /// the connection has ended; may wait a second.
  using DescribeEnd = std::function<std::string()>;

  /// A connection whose handshakes are over: the greeting follows. `address` is for sentences. Throws ManagerGone,
  /// TimeoutError, AuthenticationError (another version).
  SocketExchange(os::Descriptor socket, std::string address, DescribeEnd describe_end, os::Deadline deadline);
  ~SocketExchange() override;

  [[nodiscard]] std::uint64_t instance() const override { return hello_.instance; }
  [[nodiscard]] bool is_in_session() const override { return in_session_; }
  [[nodiscard]] bool is_gone() override;
  bool wait(PendingCall& call, os::Deadline deadline) override;
  bool is_ready(PendingCall& call) override;

  /// The connection ends, for all who use it; `why` is the sentence that they are told.
  void give_up(const std::string& why);

 private:
  void send(std::span<const std::span<const std::byte>> parts, bool may_wait) override;
  bool flush(bool may_wait);
  void wait_for_room();

  void greet(os::Deadline deadline);
  void read_as_leader(const PendingCall& call, os::Deadline deadline);
  bool read_once(bool may_wait, os::Deadline deadline);
  void take_answers();
  void follow(std::unique_lock<std::mutex>& lock, PendingCall& call, os::Deadline deadline);
  void hand_on_reading();
  void look_whether_server_lives();
  void end(const std::string& what);
  [[noreturn]] void throw_gone();

  const std::string address_;
  const DescribeEnd describe_end_;
  ForkClosed socket_;
  os::Descriptor server_process_;  // a pidfd, if the server is on this machine
  Hello hello_;
  bool in_session_ = false;
  std::vector<std::byte> unsent_;  // guarded by sending_
  std::size_t sent_ = 0;           // of unsent_

  bool reading_ = false;                 // guarded by mutex_, like all below
  std::vector<PendingCall*> followers_;  // who wait while somebody else reads
  bool gone_ = false;
  std::string what_;  // happened to the connection
  std::string end_;   // the whole sentence, once somebody has asked

  FrameReader incoming_;                    // the reader's, like the next
  std::array<os::AdaptiveSpin, 64> spins_;  // by the likeness of calls
};

}  // namespace procyon::manager
