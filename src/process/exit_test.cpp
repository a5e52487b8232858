// The end of a child: what exit() in a target does, and what it leaves alone.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "procyon/context.hpp"
#include "procyon/process.hpp"
#include "test_support.hpp"

namespace procyon::testing {
namespace {

/// Writes a letter when it ends, if it has been told where.
struct Letter {
  explicit Letter(char letter) : text(letter) {}
  ~Letter() {
    if (descriptor >= 0 && ::write(descriptor, &text, 1) < 0) ::abort();
  }
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;

  int descriptor = -1;
  char text;
};

Letter of_the_program('p');
int registered_for = -1;

class ExitTest : public UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, ExitTest, all_start_methods, name_of_start_method);

TEST_P(ExitTest, RunsWhatTheTargetRegisteredAndNothingOfTheProgram) {
  Channel channel;
  auto p = context().Process(
      [](const Shared& out) {
        of_the_program.descriptor = ::dup(out.get());
        registered_for = ::dup(out.get());
        static Letter of_the_target('t');
        of_the_target.descriptor = ::dup(out.get());
        ::atexit([] {
          if (::write(registered_for, "a", 1) < 0) ::abort();
        });
        ::exit(4);
      },
      channel.in);
  p.start();
  channel.in.close();
  EXPECT_EQ(channel.out.read_all(), "at") << "last registered, first called";
  p.join();
  EXPECT_EQ(p.exitcode(), 4);
}

TEST_P(ExitTest, WritesOutWhatIsBuffered) {
  Captured output(STDOUT_FILENO);
  auto p = context().Process([] {
    std::fputs("stdio ", stdout);
    std::cout << "and streams";
    ::exit(0);
  });
  p.start();
  p.join();
  EXPECT_EQ(output.text(), "stdio and streams");
}

TEST_P(ExitTest, OfAProcessThatAChildForkedIsItsOwnAffair) {
  Channel channel;
  auto p = context().Process(
      [](const Shared& out) {
        of_the_program.descriptor = ::dup(out.get());
        const pid_t forked = ::fork();
        if (forked == 0) ::exit(5);
        int status = 0;
        ::waitpid(forked, &status, 0);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 5, 1);
      },
      channel.in);
  p.start();
  channel.in.close();
  EXPECT_EQ(channel.out.read_all(), "p") << "there the objects of the program end";
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

}  // namespace
}  // namespace procyon::testing
