// Connections as arguments of processes, under each start method.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "procyon/context.hpp"
#include "procyon/pipe.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

class PipeProcessTest : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static Context context() { return get_context(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Under, PipeProcessTest, ::testing::Values("forkserver", "spawn", "fork"),
                         [](const auto& method) { return std::string(method.param); });

struct Work {
  std::string name;
  std::optional<Connection> answers;
  std::vector<Connection> more;
};

TEST_P(PipeProcessTest, AChildReceivesAndAnswers) {
  auto [parent, child] = Pipe();
  auto p = context().Process(
      [](Connection connection) {
        auto numbers = connection.recv<std::vector<long>>();
        connection.send(std::accumulate(numbers.begin(), numbers.end(), 0L));
      },
      child);
  p.start();
  child.close();
  parent.send(std::vector<long>{1, 2, 3});
  EXPECT_EQ(parent.recv<long>(60s), 6);
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_THROW(static_cast<void>(parent.recv<long>(60s)), EndOfFile);
}

TEST_P(PipeProcessTest, OneChildSendsToAnother) {
  auto [in, out] = Pipe(one_way);
  auto [results, result] = Pipe(one_way);
  auto producer = context().Process(
      [](Connection to) {
        if (to.readable() || !to.writable()) ::_exit(3);
        for (int i = 0; i < 1000; ++i) to.send(i);
        to.send_bytes(std::vector<std::byte>(5'000'000, std::byte{1}));
      },
      out);
  auto consumer = context().Process(
      [](Connection from, Connection to) {
        if (!from.readable() || from.writable()) ::_exit(3);
        int sum = 0;
        for (int i = 0; i < 1000; ++i) sum += from.recv<int>(60s);
        to.send(sum);
        to.send(from.recv_bytes(60s).size());
        try {
          static_cast<void>(from.recv<int>(60s));
        } catch (const EndOfFile&) {
          to.send("end of file");
        }
      },
      in, result);
  producer.start();
  out.close();
  consumer.start();
  in.close();
  result.close();
  EXPECT_EQ(results.recv<int>(60s), 499'500);
  EXPECT_EQ(results.recv<std::size_t>(60s), 5'000'000u);
  // Under fork the consumer has copies of what was open when it was started; `out` was closed by then.
  EXPECT_EQ(results.recv<std::string>(60s), "end of file");
  producer.join();
  consumer.join();
  EXPECT_EQ(producer.exitcode(), 0);
  EXPECT_EQ(consumer.exitcode(), 0);
}

TEST_P(PipeProcessTest, AConnectionMayLieInsideAnArgument) {
  auto [parent, child] = Pipe();
  auto [other_parent, other_child] = Pipe();
  auto p = context().Process(
      [](Work work) {
        work.answers->send(work.name);
        work.more.front().send(work.more.size());
      },
      Work{"calc", child, {other_child, other_child}});
  p.start();
  child.close();
  other_child.close();
  EXPECT_EQ(parent.recv<std::string>(60s), "calc");
  EXPECT_EQ(other_parent.recv<std::size_t>(60s), 2u);
  EXPECT_THROW(static_cast<void>(other_parent.recv<int>(60s)), EndOfFile);
  p.join();
}

TEST_P(PipeProcessTest, AKilledChildIsTold) {
  auto [parent, child] = Pipe();
  auto p = context().Process(
      [](Connection connection) {
        connection.send(1);
        for (;;) ::pause();
      },
      child);
  p.start();
  child.close();
  EXPECT_EQ(parent.recv<int>(60s), 1);
  EXPECT_FALSE(parent.poll());
  p.kill();
  EXPECT_THROW(static_cast<void>(parent.recv<int>(60s)), EndOfFile);
  EXPECT_THROW(parent.send(1), std::system_error);
  p.join();
}

TEST_P(PipeProcessTest, AChildKilledInTheMiddleOfAMessageIsTold) {
  auto [parent, child] = Pipe();
  auto p = context().Process(
      [](Connection connection) { connection.send_bytes(std::vector<std::byte>(50'000'000)); }, child);
  p.start();
  child.close();
  ASSERT_TRUE(parent.poll(60s));
  EXPECT_THROW(static_cast<void>(parent.recv_bytes(0s)), TimeoutError);
  p.kill();
  try {
    static_cast<void>(parent.recv_bytes(60s));
    FAIL();
  } catch (const EndOfFile&) {
    FAIL() << "the message had begun";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("in the middle of a message"), std::string::npos)
        << error.what();
  }
  p.join();
}

TEST_P(PipeProcessTest, AClosedConnectionIsNotAnArgument) {
  auto [parent, child] = Pipe();
  child.close();
  EXPECT_THROW(static_cast<void>(context().Process([](Connection) {}, child)), std::logic_error);
}

TEST(PipeProcess, AForkedChildMayCaptureItsEnd) {
  auto [parent, child] = Pipe();
  auto p = get_context(fork).Process([&parent = parent, &child = child] {
    parent.close();
    child.send(child.recv<int>() + 1);
  });
  p.start();
  child.close();
  parent.send(1);
  EXPECT_EQ(parent.recv<int>(60s), 2);
  EXPECT_THROW(static_cast<void>(parent.recv<int>(60s)), EndOfFile);
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

}  // namespace
}  // namespace procyon
