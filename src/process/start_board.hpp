// The board on which the start of each child of a process is written down: memory that is shared by that process, its
// fork server and its children, and by nobody else.
//
// FORMAT. A sealed memfd of 4096 slots; a slot belongs to one child from before it is asked for until its end has been
// dealt with. Slots are handed out by the owner of the board (the parent) from a list of its own.
//
//   pid           not positive: no child yet; it is minus the number of the request, or `given_up`. Positive: the child's
//                 pid, written
//                   - by the kernel, as part of the clone (SiblingMaker): it names a pid exactly if the child exists;
//                   - where the server has to use fork(): by the child, from the number of its request by
//                     compare-and-swap, before anything else. If that fails the parent has given the request up (and may
//                     have made another, with another number), and the child ends.
//                 The parent writes `given_up`, also by compare-and-swap, when the server is lost.
//   participant   0, until the child has joined the session: its ParticipantId. Only the child writes it.
//
// WHAT A DEATH LEAVES.
//   the server, before the clone     pid is not positive and stays so: the request is repeated with a new server
//   the server, after it             pid names the child: it is adopted; nothing else is known to the server
//   the child, before it joined      participant is 0: it held nothing of the session. What its parent wrote for it
//                                    still belongs to the parent, who frees it
//   the child, later                 the parent recovers its participant
//   the parent                       nobody reads the board again; writes of the others change nobody's memory. That
//                                    is why this is not in the session's arena, where the slot's memory would have been
//                                    given to somebody else
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

struct BoardSlot {
  static constexpr std::int32_t given_up = 0;

  std::atomic<std::int32_t> pid;
  std::atomic<std::uint32_t> participant;
};
static_assert(sizeof(BoardSlot) == 8 && std::atomic<std::int32_t>::is_always_lock_free);

class StartBoard {
 public:
  static constexpr std::uint32_t slot_count = 4096;  // as many as a session has participants

  /// A new board. Throws std::system_error.
  StartBoard();
  /// In a child or a server: the board of its parent.
  explicit StartBoard(os::Descriptor memory);
  ~StartBoard();
  StartBoard(const StartBoard&) = delete;
  StartBoard& operator=(const StartBoard&) = delete;

  [[nodiscard]] int descriptor() const { return memory_.get(); }
  /// False once somebody else has closed its descriptor, which then may be any file's.
  [[nodiscard]] bool is_intact() const;
  BoardSlot& operator[](std::uint32_t index) { return slots_[index]; }

  /// A free slot, cleared. Throws std::runtime_error when all are taken. Thread-safe.
  std::uint32_t take();
  void give_back(std::uint32_t index);

 private:
  void map();

  os::Descriptor memory_;
  ino_t inode_ = 0;
  BoardSlot* slots_ = nullptr;
  std::mutex mutex_;
  std::uint32_t never_used_ = 0;     // guarded by mutex_: slots from here on have not been handed out
  std::vector<std::uint32_t> free_;  // guarded by mutex_
};

}  // namespace procyon::process
