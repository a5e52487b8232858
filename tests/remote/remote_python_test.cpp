// CPython's Listener and Client at the other end of ours.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "channel/net/test_paths.hpp"
#include "procyon/connection.hpp"
#include "procyon/errors.hpp"

namespace procyon::connection {
namespace {

using namespace std::chrono_literals;
using channel::net::of_this_process;

constexpr int no_python = 127;

const AuthKey& key() {
  static const AuthKey secret("secret");
  return secret;
}

/// A Python with `program`, which finds multiprocessing.connection, `modern` (modern_handshake.py) and read(connection), and
/// prints lines. Killed with its object.
class Python {
 public:
  explicit Python(const std::string& program) {
    const std::string directory = std::filesystem::path(PROCYON_MODERN_HANDSHAKE).parent_path();
    const std::string text = "import sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, '" + directory +
                             "')\nfrom multiprocessing import connection as mc, AuthenticationError\n"
                             "import modern_handshake as modern\n" +
                             program;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const char* const named = std::getenv("PROCYON_PYTHON");
    const char* const python = named != nullptr ? named : "python3";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execlp(python, python, "-c", text.c_str(), nullptr);
      ::_exit(no_python);
    }
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;
  ~Python() {
    std::fclose(output_);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(exit_code());
  }

  /// The next line that it prints; "" at its end.
  std::string line() {
    char text[300] = {};
    if (std::fgets(text, sizeof(text), output_) == nullptr) return {};
    std::string result(text);
    if (!result.empty() && result.back() == '\n') result.pop_back();
    return result;
  }

  int exit_code() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_;
  std::FILE* output_;
};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// ("127.0.0.1", 6000), as Python writes the address.
std::string python_address(const std::string& address) {
  if (address.starts_with("unix:@")) return "'\\0" + address.substr(6) + "'";
  if (address.starts_with("unix:")) return "'" + address.substr(5) + "'";
  return fmt::format("('127.0.0.1', {})", address.substr(address.rfind(':') + 1));
}
std::string python_address(const Listener& listener) { return python_address(listener.address()); }

class RemotePython : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    static const bool available = Python("").exit_code() == 0;
    if (!available) GTEST_SKIP() << "there is no python3";
  }
};
INSTANTIATE_TEST_SUITE_P(At, RemotePython,
                         ::testing::Values("tcp://127.0.0.1:0", "unix:@procyon-python-test"),
                         [](const auto& one) { return std::to_string(one.index); });

constexpr std::string_view conversation = R"(
connection.send_bytes(b"hello from Python")
assert connection.recv_bytes() == b"hello from C++"
connection.send_bytes(b"")
message = connection.recv_bytes()
connection.send_bytes(bytes(reversed(message)))
try:
  connection.recv_bytes()
except EOFError:
  raise SystemExit(7)
)";

void converse(Connection connection) {
  EXPECT_EQ(text_of(connection.recv_bytes(60s)), "hello from Python");
  connection.send_bytes("hello from C++");
  EXPECT_EQ(connection.recv_bytes(60s).size(), 0u);
  std::vector<std::byte> message(1'000'000);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::byte>(i % 251);
  connection.send_bytes(message, 60s);
  EXPECT_EQ(connection.recv_bytes(60s), std::vector<std::byte>(message.rbegin(), message.rend()));
}

TEST_P(RemotePython, ItsClientTalksToOurListener) {
  for (const Generation generation : {Generation::any, Generation::legacy}) {
    Listener listener(of_this_process(GetParam()), {.authkey = key(), .generation = generation});
    Python python(fmt::format("connection = mc.Client({}, authkey=b'secret')\n{}", python_address(listener),
                              conversation));
    converse(listener.accept(60s));
    EXPECT_EQ(python.exit_code(), 7);
  }
}

TEST_P(RemotePython, ItsListenerTalksToOurClient) {
  const std::string local = of_this_process("unix:@procyon-python-test");
  Python python(fmt::format(
      "listener = mc.Listener({}, authkey=b'secret')\n"
      "print(listener.address[1] if isinstance(listener.address, tuple) else 0, flush=True)\n"
      "connection = listener.accept()\n{}",
      std::string_view(GetParam()).starts_with("tcp") ? "('127.0.0.1', 0)" : python_address(local),
      conversation));
  const std::string port = python.line();
  converse(Client(port != "0" ? "tcp://127.0.0.1:" + port : local, {.authkey = key()}));
  EXPECT_EQ(python.exit_code(), 7);
}

TEST_P(RemotePython, ItsClientWithAnotherKeyIsTold) {
  std::string reason;
  Listener listener(of_this_process(GetParam()),
                    {.authkey = key(), .on_rejected = [&](const Rejected& one) { reason = one.reason; }});
  Python python(fmt::format(
      "try:\n  mc.Client({}, authkey=b'a guess')\nexcept AuthenticationError:\n  raise SystemExit(7)",
      python_address(listener)));
  while (reason.empty()) EXPECT_THROW(static_cast<void>(listener.accept(10ms)), TimeoutError);
  EXPECT_EQ(python.exit_code(), 7);
  EXPECT_EQ(reason, "it does not have the key");
}

TEST_P(RemotePython, ItsListenerWithAnotherKeyIsASentence) {
  Python python(
      "listener = mc.Listener(('127.0.0.1', 0), authkey=b'another')\nprint(listener.address[1], flush=True)\n"
      "try:\n  listener.accept()\nexcept AuthenticationError:\n  raise SystemExit(7)");
  try {
    static_cast<void>(Client("tcp://127.0.0.1:" + python.line(), {.authkey = key()}));
    FAIL();
  } catch (const AuthenticationError& error) {
    EXPECT_NE(std::string(error.what()).find("our key is not its own"), std::string::npos) << error.what();
  }
  EXPECT_EQ(python.exit_code(), 7);
}

TEST_P(RemotePython, NeedsNoKeyIfNeitherHasOne) {
  Listener listener(of_this_process(GetParam()));
  Python python(fmt::format("connection = mc.Client({})\n{}", python_address(listener), conversation));
  converse(listener.accept(60s));
  EXPECT_EQ(python.exit_code(), 7);
}

TEST_P(RemotePython, OfTheModernGenerationConnectsWithEveryDigest) {
  Listener listener(of_this_process(GetParam()), {.authkey = key(), .generation = Generation::modern});
  Python python(fmt::format(
      "for digest in ['sha256', 'sha384', 'sha3_256', 'sha3_384']:\n"
      "  connection = modern.Client({}, b'secret', digest)\n  connection.send_bytes(digest.encode())\n",
      python_address(listener)));
  for (const char* const digest : {"sha256", "sha384", "sha3_256", "sha3_384"})
    EXPECT_EQ(text_of(listener.accept(60s).recv_bytes(60s)), digest);
  EXPECT_EQ(python.exit_code(), 0);
}

TEST_P(RemotePython, OfTheModernGenerationAcceptsOurClient) {
  Python python(
      fmt::format("listener = mc.Listener(('127.0.0.1', 0))\nprint(listener.address[1], flush=True)\n"
                  "connection = modern.accept(listener, b'secret')\n{}",
                  conversation));
  converse(Client("tcp://127.0.0.1:" + python.line(), {.authkey = key(), .generation = Generation::modern}));
  EXPECT_EQ(python.exit_code(), 7);
}

TEST_P(RemotePython, OfTheModernGenerationWithAnotherKeyIsTold) {
  Listener listener(of_this_process(GetParam()), {.authkey = key()});
  Python python(
      fmt::format("try:\n  modern.Client({}, b'a guess')\nexcept AuthenticationError:\n  raise SystemExit(7)",
                  python_address(listener)));
  while (listener.rejected() == 0) EXPECT_THROW(static_cast<void>(listener.accept(10ms)), TimeoutError);
  EXPECT_EQ(python.exit_code(), 7);
}

TEST_P(RemotePython, ThatIsKilledInTheHandshakeKeepsNobodyWaiting) {
  Python python(
      "import socket, time\nlistener = socket.create_server(('127.0.0.1', "
      "0))\nprint(listener.getsockname()[1], flush=True)\n"
      "listener.accept()\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
  EXPECT_THROW(static_cast<void>(Client("tcp://127.0.0.1:" + python.line(), {.authkey = key()})), EndOfFile);
}

}  // namespace
}  // namespace procyon::connection
