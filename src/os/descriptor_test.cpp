#include "procyon/detail/os/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <system_error>

namespace procyon::os {
namespace {

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

TEST(Descriptor, ClosesWhenItsOwnerGoes) {
  int number = -1;
  {
    Descriptor file = Descriptor::adopt(::open("/dev/null", O_RDONLY), "opening /dev/null");
    number = file.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Descriptor, MovingLeavesNothingBehind) {
  Descriptor first = Descriptor::adopt(::open("/dev/null", O_RDONLY), "opening /dev/null");
  const int number = first.get();
  Descriptor second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what a moved-from one says is the subject
  EXPECT_EQ(second.get(), number);
}

TEST(Descriptor, AdoptedOnesCloseOnExecAndLieAboveTheStandardThree) {
  Descriptor file = Descriptor::adopt(::open("/dev/null", O_RDONLY), "opening /dev/null");
  EXPECT_GE(file.get(), 3);
  EXPECT_TRUE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC);
  Descriptor copy = file.duplicate();
  EXPECT_GE(copy.get(), 3);
  EXPECT_TRUE(::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(Descriptor, AdoptingAFailureSaysWhatWasAttempted) {
  try {
    Descriptor::adopt(::open("/no/such/file", O_RDONLY), "opening the file of the test");
    FAIL() << "no exception";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_NE(std::string(error.what()).find("opening the file of the test"), std::string::npos);
  }
}

TEST(Descriptor, ClosingKeepsErrno) {
  Descriptor file = Descriptor::adopt(::open("/dev/null", O_RDONLY), "opening /dev/null");
  errno = EBUSY;
  file.reset();
  EXPECT_EQ(errno, EBUSY);
}

}  // namespace
}  // namespace procyon::os
