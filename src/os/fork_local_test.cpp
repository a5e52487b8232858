#include "os/fork_local.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace procyon::os {
namespace {

TEST(ForkLocal, IsMadeOnceAndEmptyInAForkedChild) {
  static constinit ForkLocal<int> value;
  EXPECT_EQ(value.get(), nullptr);
  EXPECT_EQ(value.get_or([] { return new int(1); }), 1);
  EXPECT_EQ(value.get_or([] { return new int(2); }), 1);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool was_empty = value.get() == nullptr;
    const int& fresh = value.get_or([] { return new int(3); });
    static constinit ForkLocal<int> another;  // made in the child: must not get the slot of the first
    another.get_or([] { return new int(4); });
    ::_exit(was_empty && fresh == 3 && *value.get() == 3 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(*value.get(), 1);
  delete value.get();
}

}  // namespace
}  // namespace procyon::os
