#include "procyon/detail/os/futex.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <thread>

namespace procyon::os {
namespace {

using namespace std::chrono_literals;

TEST(Futex, AWaitOnAnotherValueReturnsAtOnce) {
  FutexWord word{1};
  EXPECT_TRUE(futex_wait(word, 0, Deadline::never()));
}

TEST(Futex, AWaitEndsAtItsDeadline) {
  FutexWord word{0};
  EXPECT_FALSE(futex_wait(word, 0, Deadline::after(1ms)));
  EXPECT_FALSE(futex_wait(word, 0, Deadline::now()));
}

TEST(Futex, WakesASleeperOfAnotherThread) {
  FutexWord word{0};
  std::thread sleeper([&] {
    while (word.load() == 0) futex_wait(word, 0, Deadline::never());
  });
  word.store(1);
  futex_wake_all(word);
  sleeper.join();
}

TEST(Futex, WakesASleeperOfAnotherProcess) {
  void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* word = new (memory) FutexWord(0);
  const pid_t child = ::fork();
  if (child == 0) {
    while (word->load() == 0) futex_wait(*word, 0, Deadline::never());
    ::_exit(7);
  }
  word->store(1);
  futex_wake_all(*word);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  ::munmap(memory, 4096);
}

}  // namespace
}  // namespace procyon::os
