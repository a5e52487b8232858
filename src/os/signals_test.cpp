#include "os/signals.hpp"

#include <gtest/gtest.h>

namespace procyon::os {
namespace {

constexpr SignalBits usr1 = SignalBits{1} << (SIGUSR1 - 1);

TEST(Signals, AreBlockedForAScope) {
  const SignalBits before = blocked_signals();
  {
    BlockSignals quiet;
    EXPECT_EQ(quiet.previous(), before);
    EXPECT_NE(blocked_signals() & usr1, 0u);
    const SignalBits of_the_c_library = SignalBits{3} << 31;  // signals 32 and 33
    EXPECT_EQ(blocked_signals() & of_the_c_library, 0u);
  }
  EXPECT_EQ(blocked_signals(), before);
}

TEST(Signals, AMaskCanBeSetAsItWasRead) {
  const SignalBits before = blocked_signals();
  set_blocked_signals(before | usr1);
  EXPECT_EQ(blocked_signals(), before | usr1);
  set_blocked_signals(before);
}

TEST(Signals, IgnoredOnesAreFoundAndSet) {
  auto* const before = ::signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(ignored_signals() & usr1, 0u);
  ignore_signals(usr1);
  EXPECT_EQ(ignored_signals() & usr1, usr1);
  ::signal(SIGUSR1, before);
}

}  // namespace
}  // namespace procyon::os
