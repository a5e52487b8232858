// A spare child of the fork server, as the parent sees it: it was made in advance and waits for its request.
//
//   spare.order(server_socket, request);               // now the server makes one, while this process goes on
//   spare.made(answer, descriptors);                   // what the server answered
//   if (auto child = spare.give(request, ...)) ...     // the spare is a child now
//
// Why: making a process (the clone, and the pages that it touches first) takes most of the time of a start, and can be
// done while nobody waits. Not for a process that starts one child now and then: a spare is a process more.
//
// WHO WRITES WHAT WHEN. A spare has a slot of its own on the board (start_board.hpp): its pid, written by the kernel, and
// its participant. The request names another slot, that of the child which the spare becomes; there the spare writes its
// participant and then, by compare-and-swap from the number of the request, its pid. That is the moment at which it takes
// the request. Then it answers.
//
// WHAT A DEATH LEAVES.
//   the spare, before it took      the request's number on the board: the parent swaps it for `given_up` and asks another
//                                  one. The message may still lie in the socket, which belongs to every other spare: it
//                                  names the dead one, and the one after the next throws it away
//   the spare, later               a child that ended
//   the server                     the spare lives and can be used; if its making was never answered, it is ended
//   the parent                     the spare gets the death signal, and the end of file
//
// Not thread-safe: used under the fork server's lock.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "process/bootstrap.hpp"
#include "process/start_board.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

/// A slot of the board for a scope.
class SlotOnBoard {
 public:
  explicit SlotOnBoard(StartBoard& board) : board_(board), index_(board.take()) {}
  ~SlotOnBoard() { board_.give_back(index_); }
  SlotOnBoard(const SlotOnBoard&) = delete;
  SlotOnBoard& operator=(const SlotOnBoard&) = delete;
  [[nodiscard]] std::uint32_t index() const { return index_; }

 private:
  StartBoard& board_;
  std::uint32_t index_;
};

class Spare {
 public:
  explicit Spare(StartBoard& board) : board_(board), slots_{SlotOnBoard(board), SlotOnBoard(board)} {}

  /// The sockets over which the spares of a new server are reached.
  void connect(SideSockets sockets);

  /// Whether there is one, or will be when the server has answered.
  [[nodiscard]] bool is_ordered() const { return number_ != 0; }
  [[nodiscard]] bool is_made() const { return static_cast<bool>(pidfd_); }

  /// Asks the server for one. `request` is any request of this process's. Nothing happens if the server is gone.
  void order(const os::Descriptor& server, const StartRequest& request);

  /// What the server answered to that. If it could make none, none is ordered any more.
  void made(const Started& answer, std::vector<os::Descriptor> descriptors);

  struct Child {
    pid_t pid;
    os::Descriptor pidfd;
  };
  /// Gives it the request, does `meanwhile`, and waits until it has been taken: the spare is the child of `slot`, and
  /// another one may be ordered (`meanwhile` may do that). nullopt if it died before; then it is buried, and `slot` is
  /// given up.
  std::optional<Child> give(StartRequest request, std::span<const int> descriptors, BoardSlot& slot,
                            const std::function<void()>& meanwhile);

  /// Ends the one that there is or may be. The server does not make it any more: it is gone.
  void bury();
  /// The same for a spare that may have privileges which this process has given up: at the end of file it ends.
  void disconnect();

 private:
  void bury(const os::Descriptor& pidfd, std::uint32_t slot);
  [[nodiscard]] std::uint32_t slot_of(std::int32_t number) const {
    return slots_[parity_of_spare(number)].index();
  }
  static void wait_until_taken(const os::Descriptor& socket, const os::Descriptor& pidfd,
                               std::int32_t number);

  StartBoard& board_;
  SlotOnBoard slots_[2];
  SideSockets sockets_;
  std::int32_t last_number_ = 0;
  std::int32_t number_ = 0;  // of the one that was ordered; 0: none
  pid_t pid_ = -1;
  os::Descriptor pidfd_;
};

}  // namespace procyon::process
