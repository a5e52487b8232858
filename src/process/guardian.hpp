// The guardian: a small process that removes the names which this process leaves behind, however it ends.
//
//   const Leftover file{path, Leftover::Kind::file, device, inode};
//   guardian.watch(file);                    // first
//   ::linkat(..., path, ...);                // then the name may appear
//   ...
//   ::unlink(path); guardian.forget(file);
//
// For names in the file system that others may use (a SharedMemory, the path of a socket); everything else of this library
// has no name. One for each process that makes such names, started with the first.
//
// WHO KNOWS WHAT. The guardian holds one end of a socket, a pidfd of this process, and the list of what it was told.
// Messages are whole or not there, and those of a dead process are read to the last. It removes what is left
//
//   when the socket is at its end    this process ended or became another program (exec); forked children close their
//                                    copy of the other end (pthread_atfork)
//   when the pidfd fires             this process ended, though a child that was forked in another way has the copy
//   when it is told to (end())       this process ends in order; it waits until that is done
//
// and only if the name still belongs to the same file (device, inode and time of birth): so a name may be told before it
// exists, and what others have put in its place since is theirs. A socket's path is looked at and removed under the lock
// of its directory that listeners take, too; told without a file, it is removed only if nobody listens there.
//
// WHAT A DEATH LEAVES.
//   this process, anywhere     every name is told before it appears: nothing
//   the guardian               nothing until the next watch(), forget() or end(), which notices and starts another that is
//                              told all; a name is left if this process is killed, too, before that
//
// It is the program's own image, started once more through the entry hook (bootstrap.hpp). Where that cannot be (no hook;
// raised privileges; while static constructors of a started image run; an image that does not come so far) it is a fork of
// this process that does not return: there it calls nothing but async-signal-safe functions, so threads do no harm; the
// price is that pages which this process changes later stay in memory twice. It has a session of its own (setsid), so that
// no terminal and no kill of a process group reaches it, every signal blocked, no directory in use, no descriptors beside
// those two. It is nobody's child but that of init (or of a subreaper): a waitpid(-1) of the user's never sees it.
//
// Limits: paths are those of this process's mount namespace at the guardian's start. Nobody removes anything if the whole
// container or machine is stopped.
//
// Earlier layers reach it through os/leftover.hpp: the guardian of this process, as State has it.
//
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <optional>
#include <set>

#include "os/leftover.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

using os::Leftover;

class Guardian {
 public:
  Guardian() = default;
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  /// From now on the name goes with this process. Throws std::system_error when no guardian can be started.
  void watch(const Leftover& leftover);
  /// It is removed, or never came to be. Never fails.
  void forget(const Leftover& leftover) noexcept;
  /// What is left is removed before this returns (or, should the guardian hang, two seconds later). May be used again.
  void end() noexcept;

  /// Of the guardian that runs now.
  [[nodiscard]] std::optional<pid_t> pid();

 private:
  void start();
  bool is_alive();
  void tell_all();

  std::mutex mutex_;  // guards all below
  std::set<Leftover> watched_;
  os::Descriptor socket_;
  pid_t pid_ = -1;
};

}  // namespace procyon::process
