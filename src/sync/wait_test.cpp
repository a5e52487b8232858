#include "procyon/wait.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/sync/doorbell.hpp"
#include "procyon/event.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

struct OsPipe {
  OsPipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    in = os::Descriptor(ends[0]);
    out = os::Descriptor(ends[1]);
  }
  void write() const { EXPECT_EQ(::write(out.get(), "x", 1), 1); }
  os::Descriptor in;
  os::Descriptor out;
};

std::vector<std::size_t> indices(const Ready& ready) { return {ready.begin(), ready.end()}; }

bool has_watcher(const Event& event) { return event.reference().get<sync::EventState>().word.load() > 3; }

TEST(Wait, NothingReadyIsEmptyAfterTheTimeOut) {
  const Event event;
  const OsPipe pipe;
  EXPECT_TRUE(wait({event}, 0s).empty());
  EXPECT_TRUE(wait({event}, -1s).empty());
  EXPECT_TRUE(wait({event}, 1ms).empty());
  EXPECT_TRUE(wait({pipe.in.get()}, 1ms).empty());
  EXPECT_TRUE(wait({event, pipe.in.get()}, 1ms).empty());
  EXPECT_FALSE(wait({event, pipe.in.get()}, 1ms));
}

TEST(Wait, NothingToWaitForIsNoWait) {
  EXPECT_TRUE(wait(std::vector<Event>{}).empty());
  EXPECT_TRUE(wait({}, 1h).empty());
}

TEST(Wait, TellsWhichAreReadyInTheirOrder) {
  Event set;
  set.set();
  const Event other;
  const OsPipe pipe;
  pipe.write();
  const OsPipe silent;
  const Ready ready = wait({other, pipe.in.get(), set, silent.in.get()});
  EXPECT_EQ(indices(ready), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(ready.size(), 2u);
  EXPECT_EQ(ready[0], 1u);
  EXPECT_TRUE(ready.contains(set));
  EXPECT_TRUE(ready.contains(Event(set)));  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_FALSE(ready.contains(other));
  EXPECT_TRUE(ready.contains(pipe.in.get()));
  EXPECT_FALSE(ready.contains(silent.in.get()));
}

TEST(Wait, TakesAContainer) {
  std::vector<Event> events(3);
  events[1].set();
  EXPECT_EQ(indices(wait(events)), std::vector<std::size_t>{1});
  const std::array<WaitItem, 2> items{events[0], events[1]};
  EXPECT_EQ(indices(wait(items, 1s)), std::vector<std::size_t>{1});
}

TEST(Wait, TheEndOfADescriptorIsReady) {
  OsPipe pipe;
  pipe.out.reset();
  EXPECT_EQ(wait({pipe.in.get()}).size(), 1u);
}

TEST(Wait, WhatIsNoDescriptorIsAnError) {
  const Event event;
  EXPECT_THROW(static_cast<void>(wait({-1}, 1s)), std::invalid_argument);
  try {
    static_cast<void>(wait({event, 999'999}, 1s));
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EBADF);
    EXPECT_NE(std::string(error.what()).find("999999"), std::string::npos) << error.what();
  }
}

TEST(Wait, IsWokenByAnotherProcess) {
  Event event;
  TestProcess setter([&event] {
    while (!has_watcher(event)) std::this_thread::yield();
    event.set();
    return 0;
  });
  EXPECT_EQ(wait({event, Event()}).size(), 1u);
  EXPECT_EQ(setter.wait(), 0);
}

TEST(Wait, IsWokenByAnotherProcessBesideDescriptors) {
  Event event;
  const OsPipe pipe;
  TestProcess setter([&event] {
    while (!has_watcher(event)) std::this_thread::yield();
    event.set();
    return 0;
  });
  EXPECT_EQ(indices(wait({pipe.in.get(), event})), std::vector<std::size_t>{1});
  EXPECT_EQ(setter.wait(), 0);
}

TEST(Wait, IsWokenByADescriptorBesideObjects) {
  const Event event;
  const OsPipe pipe;
  TestProcess writer([&] {
    while (!has_watcher(event)) std::this_thread::yield();
    return ::write(pipe.out.get(), "x", 1) == 1 ? 0 : 1;
  });
  EXPECT_EQ(indices(wait({event, pipe.in.get()})), std::vector<std::size_t>{1});
  EXPECT_EQ(writer.wait(), 0);
}

TEST(Wait, ManyThreadsAndProcessesWaitForOneEvent) {
  Event event;
  const OsPipe pipe;
  std::vector<std::unique_ptr<TestProcess>> processes;
  for (int i = 0; i < 3; ++i)
    processes.push_back(std::make_unique<TestProcess>([&] {
      return wait({event, pipe.in.get()}, 60s).size() == 1 ? 0 : 1;
    }));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { EXPECT_EQ(wait({event}, 60s).size(), 1u); });
  while (!has_watcher(event)) std::this_thread::yield();
  event.set();
  for (auto& thread : threads) thread.join();
  for (auto& process : processes) EXPECT_EQ(process->wait(), 0);
}

TEST(Wait, WorksInAForkedChildOfOneThatWaited) {
  Event event;
  const OsPipe pipe;
  EXPECT_TRUE(wait({event, pipe.in.get()}, 1ms).empty());  // there is a watching thread now
  TestProcess child([&] { return wait({event, pipe.in.get()}, 60s).contains(event) ? 0 : 1; });
  while (!has_watcher(event)) std::this_thread::yield();
  event.set();
  EXPECT_EQ(child.wait(), 0);
}

TEST(Wait, AKilledWaiterDisturbsNobody) {
  Event event;
  const OsPipe pipe;
  TestProcess waiter([&] { return static_cast<int>(wait({event, pipe.in.get()}).size()); });
  while (!has_watcher(event)) std::this_thread::yield();
  waiter.kill();
  event.set();
  EXPECT_TRUE(event.wait(0s));
  EXPECT_EQ(wait({event}, 60s).size(), 1u);
}

void ignore_signal(int) {}

TEST(Wait, SignalsDoNotDisturb) {
  struct sigaction action {};
  action.sa_handler = &ignore_signal;
  struct sigaction before {};
  ::sigaction(SIGUSR1, &action, &before);
  Event event;
  const OsPipe pipe;
  std::atomic<int> done = 0;
  std::thread one([&] { done += static_cast<int>(wait({event, pipe.in.get()}).size()); });
  std::thread other([&] { done += static_cast<int>(wait({event}).size()); });
  for (int i = 0; i < 1000; ++i) {
    ::pthread_kill(one.native_handle(), SIGUSR1);
    ::pthread_kill(other.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  event.set();
  one.join();
  other.join();
  EXPECT_EQ(done, 2);
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Wait, LeavesNoDescriptorBehind) {
  const auto lowest_free = [] {
    const os::Descriptor probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return probe.get();
  };
  const Event event;
  const OsPipe pipe;
  EXPECT_TRUE(wait({event, pipe.in.get()}, 1ms).empty());
  // The watching thread may hold the last one for a moment.
  const int before = lowest_free();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(wait({event, pipe.in.get()}, 1ms).empty());
  EXPECT_LE(lowest_free(), before + 1);
}

TEST(Wait, SettingAnEventThatNobodyWaitsForRingsNoBell) {
  Event event;
  const std::uint32_t bell = sync::own_bell_word().load();
  for (int i = 0; i < 100; ++i) {
    event.set();
    event.clear();
  }
  EXPECT_EQ(sync::own_bell_word().load(), bell);
  EXPECT_TRUE(wait({event}, 1ms).empty());
  event.set();
  EXPECT_EQ(sync::own_bell_word().load(), bell + 1);
  event.set();
  EXPECT_EQ(sync::own_bell_word().load(), bell + 1);
}

}  // namespace
}  // namespace procyon
