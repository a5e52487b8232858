// Connections and open files that travel through a queue.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/descriptor.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/event.hpp"
#include "procyon/pipe.hpp"
#include "procyon/queue.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

struct Job {
  int number;
  Connection answers;
};

TEST(Parking, AConnectionTravelsThroughAQueueInOneProcess) {
  auto [parent, child] = Pipe();
  Queue<Connection> queue;
  queue.put(child);
  child.close();
  auto arrived = queue.get();
  arrived.send(Event());
  static_cast<void>(parent.recv<Event>());
  EXPECT_EQ(::fcntl(arrived.fileno(), F_GETFD), FD_CLOEXEC);
  arrived.close();
  // The parked duplicate is closed too.
  EXPECT_THROW(static_cast<void>(parent.recv<int>(60s)), EndOfFile);
}

TEST(Parking, WorkersAnswerThroughTheConnectionsOfTheirJobs) {
  Queue<Job> jobs;
  std::vector<std::unique_ptr<TestProcess>> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::make_unique<TestProcess>([&] {
      for (;;) {
        auto job = jobs.get(60s);
        if (job.number < 0) return 0;
        job.answers.send(job.number * 2);
      }
    }));
  }
  for (int i = 0; i < 100; ++i) {
    auto [in, out] = Pipe(one_way);
    jobs.put(Job{i, out});
    out.close();
    EXPECT_EQ(in.recv<int>(60s), 2 * i);
    EXPECT_THROW(static_cast<void>(in.recv<int>(60s)), EndOfFile);
  }
  auto [in, out] = Pipe(one_way);
  for (int i = 0; i < 3; ++i) jobs.put(Job{-1, out});
  for (auto& worker : workers) EXPECT_EQ(worker->wait(), 0);
}

TEST(Parking, ASenderThatEndedBeforeTheTakeIsTold) {
  Queue<Connection> queue;
  TestProcess sender([&] {
    auto [parent, child] = Pipe();
    queue.put(child);
    return 0;
  });
  EXPECT_EQ(sender.wait(), 0);
  EXPECT_EQ(queue.qsize(), 1u);
  try {
    static_cast<void>(queue.get(60s));
    FAIL();
  } catch (const PeerGone& gone) {
    EXPECT_NE(std::string(gone.what()).find("has ended before it was taken"), std::string::npos)
        << gone.what();
  }
  EXPECT_TRUE(queue.empty());
}

TEST(Parking, AKilledSenderIsTold) {
  Queue<Connection> queue;
  TestProcess sender([&] {
    auto [parent, child] = Pipe();
    queue.put(child);
    for (;;) ::pause();
    return 0;
  });
  while (queue.empty()) std::this_thread::yield();
  sender.kill();
  EXPECT_THROW(static_cast<void>(queue.get(60s)), PeerGone);
}

TEST(Parking, AKilledSenderIsToldThoughAChildOfItsHasInheritedItsSocket) {
  Queue<Connection> queue;
  Queue<int> heirs;
  TestProcess sender([&] {
    auto [parent, child] = Pipe();
    queue.put(child);
    TestProcess heir([&] {
      heirs.put(::getpid());
      for (;;) ::pause();
      return 0;
    });
    for (;;) ::pause();
    return 0;
  });
  const int heir = heirs.get(60s);
  sender.kill();
  EXPECT_THROW(static_cast<void>(queue.get(60s)), PeerGone);
  ::kill(heir, SIGKILL);
}

TEST(Parking, WhatNobodyTakesIsClosedWithItsQueue) {
  auto [parent, child] = Pipe();
  {
    Queue<Connection> queue;
    for (int i = 0; i < 10; ++i) queue.put(child);
    child.close();
    EXPECT_FALSE(parent.poll(10ms));
  }
  EXPECT_TRUE(parent.poll(60s));
}

TEST(Parking, AnOpenFileTravels) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor in(ends[0]);
  Descriptor out(ends[1]);
  Queue<Descriptor> queue;
  TestProcess writer([&] { return ::write(queue.get(60s).fileno(), "x", 1) == 1 ? 0 : 1; });
  queue.put(out);
  out.close();
  char buffer[2];
  EXPECT_EQ(::read(in.fileno(), buffer, 1), 1);
  EXPECT_EQ(::read(in.fileno(), buffer, 1), 0);
  EXPECT_EQ(writer.wait(), 0);
}

TEST(Parking, AForkedChildParksForItself) {
  auto [parent, child] = Pipe();
  Queue<Connection> queue;
  queue.put(child);  // there is a thread now
  static_cast<void>(queue.get());
  TestProcess sender([&, &end = child] {
    queue.put(end);
    return static_cast<int>(end.recv<int>(60s));
  });
  auto arrived = queue.get(60s);
  child.close();
  parent.send(0);
  EXPECT_EQ(sender.wait(), 0);
}

TEST(Parking, GivesBackWhatItTook) {
  auto [parent, child] = Pipe();
  Queue<Connection> queue;
  queue.put(child);
  static_cast<void>(queue.get());
  const std::size_t used = arena::Session::current().used_bytes();
  for (int i = 0; i < 200; ++i) {
    queue.put(child);
    static_cast<void>(queue.get());
  }
  // The thread that keeps them may be looking at a ticket.
  while (arena::Session::current().used_bytes() > used) std::this_thread::yield();
}

}  // namespace
}  // namespace procyon
