// What must cost no system call and no memory of the heap: an uncontended lock, a put into a queue with room, a get from
// one with messages, and the like. The child of each test forbids itself every system call but read, write and exit
// (seccomp's strict mode): the kernel kills it with SIGKILL at the first one.
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>

#include "procyon/procyon.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace procyon {
namespace {

constexpr int rounds = 1000;

/// How a child ends that runs `body` once as it is, and then `rounds` times without system calls.
int run_without_system_calls(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (int round = 0; round < 100; ++round) body();  // what is only done once
    const std::uint64_t before = allocations.load();
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::_exit(77);
    for (int round = 0; round < rounds; ++round) body();
    ::syscall(SYS_exit, allocations.load() == before ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void expect_no_system_call(const std::function<void()>& body) {
  const int end = run_without_system_calls(body);
  if (end == 77) GTEST_SKIP() << "this system does not let a process forbid itself system calls";
  EXPECT_NE(end, -SIGKILL) << "it made a system call";
  EXPECT_NE(end, 1) << "it took memory from the heap";
  EXPECT_EQ(end, 0);
}

struct Message {
  std::array<std::uint64_t, 8> words{};
};

TEST(FastPath, TheTestItselfSeesASystemCallAndAnAllocation) {
  const int end = run_without_system_calls([] { ::syscall(SYS_getpid); });
  if (end == 77) GTEST_SKIP() << "this system does not let a process forbid itself system calls";
  EXPECT_EQ(end, -SIGKILL);
  EXPECT_EQ(run_without_system_calls([] { ::operator delete(::operator new(7)); }), 1);
}

TEST(FastPath, Locks) {
  Lock lock;
  RLock recursive;
  expect_no_system_call([&] {
    lock.acquire();
    lock.release();
    recursive.acquire();
    recursive.acquire();
    recursive.release();
    recursive.release();
    if (!lock.try_lock()) std::abort();
    lock.unlock();
  });
}

TEST(FastPath, SemaphoresEventsAndConditions) {
  Semaphore semaphore(2);
  Event event;
  Condition condition;
  expect_no_system_call([&] {
    semaphore.acquire();
    semaphore.release();
    event.set();
    event.wait();
    event.clear();
    condition.acquire();
    condition.notify();
    condition.release();
  });
}

TEST(FastPath, SharedValues) {
  Value<int> value(0);
  Array<double> array(100);
  RawValue<long> raw(0);
  expect_no_system_call([&] {
    value.with([](int& number) { ++number; });
    array.with([](auto numbers) { numbers[3] += 1; });
    raw.atomic().fetch_add(1);
  });
}

TEST(FastPath, QueueWithRoomAndWithMessages) {
  Queue<Message> queue(100);
  expect_no_system_call([&] {
    queue.put(Message{});
    queue.put(Message{});
    if (!queue.try_get() || queue.get().words[0] != 0) std::abort();
    if (queue.try_get()) std::abort();
  });
}

TEST(FastPath, SmallTextsThroughAQueue) {
  Queue<std::string> queue;
  const std::string text = "short text";
  expect_no_system_call([&] {
    queue.put(text);
    if (queue.get() != text) std::abort();
  });
}

TEST(FastPath, JoinableQueue) {
  JoinableQueue<int> queue;
  expect_no_system_call([&] {
    queue.put(1);
    static_cast<void>(queue.get());
    queue.task_done();
  });
}

}  // namespace
}  // namespace procyon
