// wait() over everything at once, between processes that were started.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "procyon/context.hpp"
#include "procyon/event.hpp"
#include "procyon/pipe.hpp"
#include "procyon/pool.hpp"
#include "procyon/process.hpp"
#include "procyon/queue.hpp"
#include "procyon/wait.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

int add_one(int n) { return n + 1; }

TEST(WaitProcess, AsTheDocumentationHasIt) {
  auto [parent, child] = Pipe();
  Queue<int> q;
  Process p([](Connection connection) { static_cast<void>(connection.recv_bytes()); }, child);
  p.start();
  child.close();
  Pool pool({.processes = 1});
  auto result = pool.apply_async(add_one, 1);
  auto ready = wait({parent, q, p.sentinel(), result}, 60s);
  EXPECT_TRUE(ready.contains(result));
  EXPECT_EQ(ready.size(), 1u);
  EXPECT_EQ(result.get(0s), 2);
  EXPECT_TRUE(wait({parent, q, p.sentinel()}, 1ms).empty());
  q.put(1);
  EXPECT_TRUE(wait({parent, q, p}, 60s).contains(q));
  EXPECT_EQ(q.get_nowait(), 1);
  p.kill();
  while (!wait({q, p}, 60s).contains(p.sentinel())) {
  }
  EXPECT_TRUE(wait({parent}, 60s).contains(parent));
  EXPECT_THROW(static_cast<void>(parent.recv<int>()), EndOfFile);
  p.join();
  EXPECT_TRUE(wait({p, q}, 0s).contains(p));  // it stays ready
}

TEST(WaitProcess, OneThatWasNotStartedIsRefused) {
  Process p([] {});
  EXPECT_THROW(static_cast<void>(wait({p}, 1s)), std::logic_error);
}

TEST(WaitProcess, ServesManyChildrenUntilAllAreGone) {
  std::vector<Connection> readers;
  std::vector<Process> children;
  for (int i = 0; i < 4; ++i) {
    auto [in, out] = Pipe(one_way);
    children.emplace_back(
        [](Connection to, int number) {
          for (int k = 0; k < 100; ++k) to.send(number);
          if (number % 2 == 1) ::abort();
        },
        out, i);
    children.back().start();
    out.close();
    readers.push_back(in);
  }
  std::map<int, int> count;
  while (!readers.empty()) {
    const Ready ready = wait(readers, 60s);
    ASSERT_FALSE(ready.empty());
    std::vector<std::size_t> ended;
    for (const std::size_t index : ready) {
      try {
        ++count[readers[index].recv<int>()];
      } catch (const EndOfFile&) {
        ended.push_back(index);
      }
    }
    for (auto index = ended.rbegin(); index != ended.rend(); ++index)
      readers.erase(readers.begin() + static_cast<std::ptrdiff_t>(*index));
  }
  EXPECT_EQ(count, (std::map<int, int>{{0, 100}, {1, 100}, {2, 100}, {3, 100}}));
  for (auto& child : children) child.join();
}

class WaitProcessTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Under, WaitProcessTest, ::testing::Values("forkserver", "spawn", "fork"),
                         [](const auto& method) { return std::string(method.param); });

TEST_P(WaitProcessTest, AChildWaitsForItsParentsQueueAndEvent) {
  const auto context = get_context(GetParam());
  Queue<int> orders;
  Event stop;
  Queue<int> answers;
  static_cast<void>(orders.fileno());  // this process watches as well
  auto child = context.Process(
      [](Queue<int> from, Event end, Queue<int> to) {
        for (;;) {
          const Ready ready = wait({from, end}, 60s);
          if (ready.empty()) ::_exit(3);
          while (auto order = from.try_get()) to.put(*order + 1);
          if (ready.contains(end)) return;
        }
      },
      orders, stop, answers);
  child.start();
  for (int i = 0; i < 100; ++i) {
    orders.put(i);
    ASSERT_TRUE(wait({answers, child}, 60s).contains(answers));
    EXPECT_EQ(answers.get_nowait(), i + 1);
  }
  stop.set();
  EXPECT_TRUE(wait({child}, 60s));
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(WaitProcessTest, AChildMakesAQueueSendsItAndEnds) {
  auto [parent, child_end] = Pipe();
  auto child = get_context(GetParam())
                   .Process(
                       [](Connection to) {
                         Queue<std::string> queue;
                         queue.put("made by who is gone");
                         to.send(queue);
                       },
                       child_end);
  child.start();
  child_end.close();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(parent.recv<Queue<std::string>>(60s).get(0s), "made by who is gone");
}

TEST_P(WaitProcessTest, AConnectionIsPassedOnFromChildToChild) {
  auto [parent, first_end] = Pipe();
  auto [control, second_end] = Pipe();
  const auto context = get_context(GetParam());
  auto second = context.Process(
      [](Connection from) {
        auto passed = from.recv<Connection>(60s);
        passed.send("hello from the second");
      },
      second_end);
  auto first = context.Process([](Connection to, Connection mine) { to.send(mine); }, control, first_end);
  second.start();
  first.start();
  first_end.close();
  second_end.close();
  control.close();
  EXPECT_EQ(parent.recv<std::string>(60s), "hello from the second");
  first.join();
  second.join();
  EXPECT_EQ(first.exitcode(), 0);
  EXPECT_EQ(second.exitcode(), 0);
}

}  // namespace
}  // namespace procyon
