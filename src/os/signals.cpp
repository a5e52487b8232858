#include "os/signals.hpp"

#include <cstring>

namespace procyon::os {

namespace {

// Asking for all 64 would cost 64 system calls at each start of a process.
constexpr int commonly_ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGALRM, SIGTERM,
                                    SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU};

// A sigset_t starts with the kernel's 64 bits; the rest is room that Linux does not use.
SignalBits to_bits(const sigset_t& signals) {
  SignalBits bits = 0;
  std::memcpy(&bits, &signals, sizeof(bits));
  return bits;
}

sigset_t to_set(SignalBits bits) {
  sigset_t signals;
  ::sigemptyset(&signals);
  std::memcpy(&signals, &bits, sizeof(bits));
  return signals;
}

}  // namespace

BlockSignals::BlockSignals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &previous_);
}

BlockSignals::~BlockSignals() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

SignalBits BlockSignals::previous() const { return to_bits(previous_); }

SignalBits blocked_signals() {
  sigset_t current;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &current);
  return to_bits(current);
}

void set_blocked_signals(SignalBits blocked) {
  const sigset_t signals = to_set(blocked);
  ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
}

SignalBits ignored_signals() {
  SignalBits ignored = 0;
  for (const int signal : commonly_ignored) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      ignored |= signal_bit(signal);
  }
  return ignored;
}

void ignore_signals(SignalBits ignored) {
  for (const int signal : commonly_ignored)
    if ((ignored & signal_bit(signal)) != 0) ::signal(signal, SIG_IGN);
}

}  // namespace procyon::os
