// CPython's multiprocessing.connection.Connection at the other end of a pipe.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/pipe.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

constexpr int no_python = 127;

/// python3 with `program`, in which `connection` is the other end. It is killed with its object.
class Python {
 public:
  Python(const Connection& end, const std::string& program) {
    const int number = end.fileno();
    const std::string text = "from multiprocessing.connection import Connection\nconnection = Connection(" +
                             std::to_string(number) + ")\n" + program;
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::fcntl(number, F_SETFD, 0);
    ::execlp("python3", "python3", "-c", text.c_str(), nullptr);
    ::_exit(no_python);
  }
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;
  ~Python() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(exit_code());
  }

  int exit_code() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

bool there_is_python() {
  auto [ours, theirs] = Pipe();
  return Python(theirs, "").exit_code() != no_python;
}

class PipePython : public ::testing::Test {
 protected:
  void SetUp() override {
    static const bool available = there_is_python();
    if (!available) GTEST_SKIP() << "there is no python3";
  }
};

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST_F(PipePython, EchoesMessagesOfAllSizes) {
  auto [ours, theirs] = Pipe();
  Python python(theirs, R"(
try:
  while True:
    connection.send_bytes(connection.recv_bytes())
except EOFError:
  raise SystemExit(7)
)");
  theirs.close();
  for (const std::size_t size : {0u, 1u, 3u, 16'384u, 16'385u, 5'000'000u}) {
    std::vector<std::byte> message(size);
    for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<std::byte>(i % 251);
    ours.send_bytes(message, 60s);
    EXPECT_EQ(ours.recv_bytes(60s), message);
  }
  ours.close();
  EXPECT_EQ(python.exit_code(), 7);  // it was told the end of file
}

TEST_F(PipePython, SendsFirst) {
  auto [ours, theirs] = Pipe();
  Python python(theirs, R"(
connection.send_bytes(b"hello from Python")
connection.send_bytes(b"")
connection.send([1, 2, 3])
assert connection.recv_bytes() == b"hello from C++"
assert connection.poll(60)
buffer = bytearray(8)
assert connection.recv_bytes_into(buffer, 2) == 5
assert buffer == b"\0\0fives\0"
)");
  theirs.close();
  EXPECT_EQ(ours.recv_bytes(60s), bytes_of("hello from Python"));
  EXPECT_EQ(ours.recv_bytes(60s), bytes_of(""));
  try {
    static_cast<void>(ours.recv<std::vector<int>>(60s));
    FAIL();
  } catch (const std::runtime_error& error) {  // a pickle
    EXPECT_NE(std::string(error.what()).find("plain bytes"), std::string::npos) << error.what();
  }
  ours.send_bytes("hello from C++");
  ours.send_bytes("fives");
  EXPECT_EQ(python.exit_code(), 0);
  EXPECT_THROW(static_cast<void>(ours.recv_bytes(60s)), EndOfFile);
}

TEST_F(PipePython, ReadsAndWritesOneWayPipes) {
  auto [in, out] = Pipe(one_way);
  Python writer(out, R"(connection.send_bytes(b"x" * 1000000))");
  out.close();
  EXPECT_EQ(in.recv_bytes(60s).size(), 1'000'000u);
  EXPECT_EQ(writer.exit_code(), 0);
  EXPECT_THROW(static_cast<void>(in.recv_bytes(60s)), EndOfFile);
}

}  // namespace
}  // namespace procyon
