#include "os/memfd.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace procyon::os {
namespace {

TEST(Memfd, CommittingGrowsTheFile) {
  Descriptor memory = create_memfd("test");
  ASSERT_TRUE(commit(memory, 4096, 8192));
  struct stat status {};
  ASSERT_EQ(::fstat(memory.get(), &status), 0);
  EXPECT_EQ(status.st_size, 12288);
}

TEST(Memfd, ASealedOneCannotShrinkButGrows) {
  Descriptor memory = create_memfd("test");
  ASSERT_TRUE(commit(memory, 0, 8192));
  seal_against_shrinking(memory);
  EXPECT_NE(::ftruncate(memory.get(), 4096), 0);
  EXPECT_EQ(errno, EPERM);
  EXPECT_TRUE(commit(memory, 8192, 4096));
}

TEST(Memfd, PagesGivenBackReadAsZero) {
  Descriptor memory = create_memfd("test");
  ASSERT_TRUE(commit(memory, 0, 8192));
  ASSERT_EQ(::pwrite(memory.get(), "x", 1, 4096), 1);
  ASSERT_TRUE(decommit(memory, 4096, 4096));
  char byte = 'y';
  ASSERT_EQ(::pread(memory.get(), &byte, 1, 4096), 1);
  EXPECT_EQ(byte, 0);
}

TEST(Memfd, AFileSizeLimitIsAnErrorAndNotASignal) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Descriptor memory = create_memfd("test");
    ::_exit(!commit(memory, 0, 8192) && errno == EFBIG ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace procyon::os
