// What a parent tells a program image that it has started once more, and what that image does.
//
//   parent                                             image (fork server or spawned child)
//   ------                                             ------------------------------------
//   spawns /proc/self/exe, a socket as descriptor 3    static constructors run; the entry hook finds
//   and its number in PROCYON_BOOTSTRAP                PROCYON_BOOTSTRAP and calls run_bootstrapped()
//   Greeting + {session memory, liveness file,         checks peer and greeting, maps session and board
//     board, two side sockets}
//                                                      a server: Ready
//   StartRequest + {cwd, stdout, stderr, the call's}   a server: makes a child and answers with Started;
//   ... one after another (a spawned child: one)       the child: carries the request out and ends
//   StartRequest that makes_spare                      a server: makes a spare child and answers with Started + {pidfd};
//   a StartRequest over a side socket                  the spare: takes it, answers with Started, carries it out, ends
//   closes its end                                     a server, and a spare: ends
//
// A guardian (guardian.hpp) is no part of the session:
//
//   Greeting + {pidfd of the parent}                   forks the guardian and ends
//   names                                              the guardian: Ready; keeps them until the parent is gone
//
// All of these are single messages of a SOCK_SEQPACKET socket: whole or not there. Whoever dies leaves an end of file
// to the other. What a server's death in the middle of a request leaves is told in start_board.hpp, what a child's
// leaves in start_record.hpp.
#pragma once

#include <sys/resource.h>

#include <array>
#include <cstdint>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::process {

inline constexpr const char* bootstrap_variable = "PROCYON_BOOTSTRAP";

/// Has the dynamic linker resolve every symbol at the start of an image, not at its first use: what a fork server has
/// resolved, no child of it has to.
inline constexpr const char* bind_early_variable = "LD_BIND_NOW";

/// The exit code of a child that could not be set up; the reason is on stderr. EX_SOFTWARE of sysexits.h.
inline constexpr int exit_code_of_failed_bootstrap = 70;

inline constexpr std::uint32_t protocol_magic = 0x70726f31;  // "pro1"

enum class ImageRole : std::uint32_t { fork_server, child, guardian };

struct Greeting {
  std::uint32_t magic = protocol_magic;
  ImageRole role = ImageRole::child;
  std::uint64_t image = 0;    // hash of the program's build-id: both ends are the same program
  std::uint64_t preload = 0;  // arena::Handle of what a server does first (preload.hpp); 0: nothing
  std::uint32_t slot = 0;     // a server's on the board: while it prepares itself it is a participant
  bool bound_early = false;   // bind_early_variable was added to its environment and is to be taken out again
};
inline constexpr std::size_t greeting_descriptors = 5;  // a guardian's has one

/// One end of each of the sockets that a fork server gets besides its own.
using SideSockets = std::array<os::Descriptor, 2>;

struct Ready {
  std::uint32_t magic = protocol_magic;
  // False: children are the server's, which reports their ends over the first side socket. True: these are where spare
  // children wait for their requests, one at each.
  bool makes_siblings = false;
};

/// A child to be made. Small and fixed: what has no bound lies in the start record.
struct StartRequest {
  enum Flags : std::uint32_t {
    daemon = 1,
    // The child does not descend from its parent and takes over what the parent is surrounded by: the directory (the
    // first descriptor), stdout and stderr (the next ones if the parent has them), umask.
    takes_surroundings = 2,
    has_stdout = 4,
    has_stderr = 8,
    // To a server: a child is to be made that waits for its request. `slot` is where its pid and its participant are
    // written, `number` is its name: it takes no request that is for another spare.
    makes_spare = 16,
  };
  std::uint32_t magic = protocol_magic;
  std::uint32_t flags = 0;
  std::uint64_t record = 0;  // arena::Handle of the start record
  std::uint32_t parent = 0;  // ParticipantId of the parent
  std::int32_t parent_pid = 0;
  std::uint32_t slot = 0;   // on the board
  std::int32_t number = 0;  // of this request: negative, and different for each
  std::int32_t spare = 0;   // the number of the spare child that this is for
  std::uint32_t umask = 0;
  std::int32_t group = 0;  // of processes
  std::uint32_t padding = 0;
  std::uint64_t blocked_signals = 0;
  std::uint64_t ignored_signals = 0;
};

/// Which of the side sockets, and of its parent's slots for spares, is the one of a spare with that number: one spare is
/// being given away while the next is made.
constexpr std::size_t parity_of_spare(std::int32_t number) { return static_cast<std::size_t>(number & 1); }

struct Started {
  std::int32_t pid = 0;
  std::int32_t error = 0;   // errno when pid is negative
  std::int32_t number = 0;  // of the request
};

/// From a server whose children are its own: one has ended.
struct EndReport {
  std::uint32_t slot = 0;
  std::int32_t code = 0;  // si_code and si_status of waitid(2)
  std::int32_t status = 0;
  rusage usage{};
};

/// In a started image: does what the parent says over the socket `descriptor` until that is done, and exits.
[[noreturn]] void run_bootstrapped(int descriptor);

}  // namespace procyon::process
