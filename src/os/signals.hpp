// Signals: keeping the user's away from threads of ours, and carrying masks and dispositions to a child.
//
//   {
//     BlockSignals quiet;                     // whatever is created here starts with every signal blocked
//     thread = std::thread(supervise);
//   }
//
// The C library's own signals (thread cancellation, setuid() in all threads) are never blocked: blocking them
// hangs the setuid() of another thread.
#pragma once

#include <signal.h>

#include <cstdint>

namespace procyon::os {

/// Signals as bits: bit n - 1 is signal n.
using SignalBits = std::uint64_t;
constexpr SignalBits signal_bit(int signal) { return SignalBits{1} << (signal - 1); }

/// Blocks every signal of the calling thread for a scope.
class BlockSignals {
 public:
  BlockSignals();
  ~BlockSignals();
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

  /// What was blocked before.
  [[nodiscard]] SignalBits previous() const;

 private:
  sigset_t previous_;
};

/// The mask of the calling thread.
SignalBits blocked_signals();
void set_blocked_signals(SignalBits blocked);

/// Those of the signals a program commonly ignores that this one does. SIGCHLD is left out: a child that
/// inherits that would lose the exit status of every child of its own.
SignalBits ignored_signals();
void ignore_signals(SignalBits ignored);

}  // namespace procyon::os
