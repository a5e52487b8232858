#include "channel/net/acceptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "channel/net/connect.hpp"
#include "channel/net/test_paths.hpp"
#include "os/pidfd.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel::net {
namespace {

using namespace std::chrono_literals;
using connection::ClientOptions;
using connection::ListenerOptions;
using connection::Rejected;

const AuthKey& key() {
  static const AuthKey secret("secret");
  return secret;
}

os::Deadline soon() { return os::Deadline::after(60s); }

/// Steps until a connection is there.
std::optional<Accepted> accept(Acceptor& acceptor, os::Deadline deadline = soon()) {
  for (;;) {
    if (auto one = acceptor.step()) return one;
    if (!os::wait_readable(acceptor.fileno(), deadline)) return std::nullopt;
  }
}

/// Steps until so many have been dropped.
void reject(Acceptor& acceptor, std::uint64_t count) {
  while (acceptor.rejected() < count) {
    ASSERT_FALSE(acceptor.step().has_value());
    ASSERT_TRUE(acceptor.rejected() >= count || os::wait_readable(acceptor.fileno(), soon()));
  }
}

std::future<Connected> connecting(const std::string& address, ClientOptions options = {.authkey = key()}) {
  return std::async(std::launch::async, [=] { return connect(parse_address(address), options, soon()); });
}

void say(const os::Descriptor& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// What comes until the end.
std::string hear(const os::Descriptor& socket) {
  std::string text;
  char room[1000];
  while (os::wait_readable(socket, soon())) {
    const ssize_t count = ::recv(socket.get(), room, sizeof(room), 0);
    if (count <= 0) break;
    text.append(room, static_cast<std::size_t>(count));
  }
  return text;
}

class AcceptorTest : public ::testing::TestWithParam<const char*> {
 protected:
  ListenerOptions options(std::optional<AuthKey> authkey = key()) {
    ListenerOptions result{.authkey = std::move(authkey)};
    result.on_rejected = [this](const Rejected& one) { reasons.push_back(one.reason); };
    return result;
  }
  static os::Descriptor raw(const Acceptor& acceptor) {
    return connect_socket(parse_address(acceptor.address()), soon());
  }

  std::vector<std::string> reasons;
};

class AcceptorAt : public AcceptorTest {};
INSTANTIATE_TEST_SUITE_P(At, AcceptorAt,
                         ::testing::Values("tcp://127.0.0.1:0", "tcp://[::1]:0",
                                           "unix:@procyon-acceptor-test"),
                         [](const auto& one) { return std::to_string(one.index); });

TEST_P(AcceptorAt, GivesOutAConnectionThatHasTheKey) {
  Acceptor acceptor(parse_address(of_this_process(GetParam())), options());
  auto client = connecting(acceptor.address());
  auto one = accept(acceptor);
  ASSERT_TRUE(one);
  const Connected connected = client.get();
  say(one->socket, "hello");
  char room[5];
  ASSERT_EQ(::recv(connected.socket.get(), room, sizeof(room), MSG_WAITALL), 5);
  EXPECT_EQ(std::string(room, 5), "hello");
  EXPECT_EQ(one->is_local(), connected.is_local);
  EXPECT_TRUE(!one->is_local() || one->credentials->pid == ::getpid());
  EXPECT_EQ(acceptor.pending(), 0u);
  EXPECT_EQ(acceptor.rejected(), 0u);
}

TEST_P(AcceptorAt, RefusesAnotherKeyAndGoesOn) {
  Acceptor acceptor(parse_address(of_this_process(GetParam())), options());
  auto wrong = connecting(acceptor.address(), {.authkey = AuthKey("a guess")});
  reject(acceptor, 1);
  try {
    static_cast<void>(wrong.get());
    FAIL();
  } catch (const AuthenticationError& error) {
    EXPECT_NE(std::string(error.what()).find(acceptor.address()), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("our key is not its own"), std::string::npos) << error.what();
  }
  EXPECT_EQ(reasons, std::vector<std::string>{"it does not have the key"});
  auto right = connecting(acceptor.address());
  EXPECT_TRUE(accept(acceptor));
}

TEST_P(AcceptorAt, WithoutAKeyLetsEverybodyIn) {
  Acceptor acceptor(parse_address(of_this_process(GetParam())), options(std::nullopt));
  const os::Descriptor client = raw(acceptor);
  EXPECT_TRUE(accept(acceptor));
}

TEST_F(AcceptorTest, ASilentCrowdKeepsNobodyOut) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  std::vector<os::Descriptor> crowd;
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(raw(acceptor));
    acceptor.step();
  }
  auto client = connecting(acceptor.address());
  EXPECT_TRUE(accept(acceptor));
  static_cast<void>(client.get());
  EXPECT_EQ(acceptor.pending(), 200u);
}

TEST_F(AcceptorTest, TheOldestIsDroppedWhenTooManyAreSilent) {
  ListenerOptions limited = options();
  limited.max_pending = 10;
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), limited);
  std::vector<os::Descriptor> crowd;
  for (int i = 0; i < 50; ++i) crowd.push_back(raw(acceptor));
  reject(acceptor, 40);
  EXPECT_EQ(acceptor.pending(), 10u);
  EXPECT_NE(reasons.front().find("too many"), std::string::npos);
  auto client = connecting(acceptor.address());
  EXPECT_TRUE(accept(acceptor));
  static_cast<void>(client.get());
  EXPECT_EQ(hear(crowd.front()).substr(4, 11), "#CHALLENGE#");
}

TEST_F(AcceptorTest, WhoIsTooSlowIsDropped) {
  ListenerOptions hurried = options();
  hurried.handshake_timeout = 20ms;
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), hurried);
  const os::Descriptor silent = raw(acceptor);
  const os::Descriptor slow = raw(acceptor);
  say(slow, std::string_view("\0\0", 2));
  reject(acceptor, 2);
  EXPECT_EQ(acceptor.pending(), 0u);
  EXPECT_NE(reasons.front().find("20 ms"), std::string::npos);
  EXPECT_NE(hear(silent), "");
}

TEST_F(AcceptorTest, TheTimeInWhichNobodyLooksCountsAgainstNobody) {
  ListenerOptions hurried = options();
  hurried.handshake_timeout = 500ms;
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), hurried);
  const os::Descriptor silent = raw(acceptor);
  while (acceptor.pending() == 0) acceptor.step();
  acceptor.pause();
  EXPECT_TRUE(os::wait_readable(acceptor.fileno(), soon()));  // the time limit passes
  acceptor.resume();
  acceptor.step();
  EXPECT_EQ(acceptor.pending(), 1u);
  reject(acceptor, 1);
}

TEST_F(AcceptorTest, DropsGarbageAtOnce) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  const std::string_view garbage[] = {
      "GET / HTTP/1.1\r\n\r\n",
      std::string_view("\x7f\xff\xff\xff", 4),
      std::string_view("\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x01\x01", 12),
      std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12),
      std::string_view("\x80\x00\x00\x00", 4),
      std::string_view("\x00\x00\x01\x01", 4),
      std::string_view("\x00\x00\x00\x00", 4),
      std::string_view("\x00\x00\x00\x01x", 5),
  };
  std::uint64_t dropped = 0;
  for (const std::string_view text : garbage) {
    const os::Descriptor client = raw(acceptor);
    say(client, text);
    reject(acceptor, ++dropped);
  }
  for (int i = 0; i < 20; ++i) {
    raw(acceptor);  // and closed
    reject(acceptor, ++dropped);
  }
  EXPECT_EQ(acceptor.pending(), 0u);
}

TEST_F(AcceptorTest, TakesAHandshakeThatComesByteByByte) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  std::thread client([&] {
    const os::Descriptor socket = raw(acceptor);
    Handshake handshake(key(), Handshake::Role::connector, connection::Generation::any);
    while (handshake.progress() == Handshake::Progress::going_on) {
      std::byte prefix[4];
      ASSERT_EQ(::recv(socket.get(), prefix, 4, MSG_WAITALL), 4);
      std::vector<std::byte> message(std::to_integer<std::size_t>(prefix[3]));
      ASSERT_EQ(::recv(socket.get(), message.data(), message.size(), MSG_WAITALL),
                static_cast<ssize_t>(message.size()));
      handshake.received(message);
      while (const auto answer = handshake.take_outgoing()) {
        const FramePrefix answer_prefix(answer->size());
        for (const std::byte byte : answer_prefix.bytes()) ::send(socket.get(), &byte, 1, MSG_NOSIGNAL);
        for (const std::byte byte : *answer) ::send(socket.get(), &byte, 1, MSG_NOSIGNAL);
      }
    }
  });
  EXPECT_TRUE(accept(acceptor));
  client.join();
}

TEST_F(AcceptorTest, WhatFollowsTheHandshakeIsStillThere) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  auto client = connecting(acceptor.address());
  std::thread sender([&] { say(client.get().socket, "first"); });
  auto one = accept(acceptor);
  ASSERT_TRUE(one);
  EXPECT_EQ(hear(one->socket), "first");
  sender.join();
}

/// No descriptor can be opened while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int first_free = ::dup(0);
    ::close(first_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(first_free);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(AcceptorTest, WithoutDescriptorsDropsTheOldest) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  const os::Descriptor silent = raw(acceptor);
  while (acceptor.pending() == 0) acceptor.step();
  const os::Descriptor next = raw(acceptor);
  {
    const NoDescriptors limit;
    reject(acceptor, 1);
    while (acceptor.pending() == 0) acceptor.step();
  }
  EXPECT_NE(reasons.front().find("no descriptors left"), std::string::npos);
  EXPECT_EQ(acceptor.rejected(), 1u);
}

TEST_F(AcceptorTest, WithoutDescriptorsRestsAndGoesOnLater) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options(std::nullopt));
  const os::Descriptor client = raw(acceptor);
  ASSERT_TRUE(os::wait_readable(acceptor.fileno(), soon()));
  {
    const NoDescriptors limit;
    for (int rest = 0; rest < 2; ++rest) {
      while (os::wait_readable(acceptor.fileno(), os::Deadline::now())) EXPECT_FALSE(acceptor.step());
      ASSERT_TRUE(os::wait_readable(acceptor.fileno(), soon()));
    }
  }
  EXPECT_TRUE(accept(acceptor));
}

class AcceptorPath : public AcceptorTest {
 protected:
  [[nodiscard]] Address address() const { return parse_address("unix:" + (directory / "socket").string()); }

  const TestDirectory made;
  const std::filesystem::path directory = made.path();
};

TEST_F(AcceptorPath, IsRemovedByItsCreatorOnly) {
  {
    Acceptor acceptor(address(), options());
    EXPECT_TRUE(std::filesystem::is_socket(address().name));
    const pid_t child = ::fork();
    if (child == 0) {
      acceptor.~Acceptor();
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(std::filesystem::is_socket(address().name));
    auto client = connecting(acceptor.address());
    EXPECT_TRUE(accept(acceptor));
  }
  EXPECT_FALSE(std::filesystem::exists(address().name));
}

TEST_F(AcceptorPath, OfADeadOneIsTakenOverAndOfALivingOneNot) {
  leave_dead_socket(address());
  ASSERT_TRUE(std::filesystem::is_socket(address().name));
  const Acceptor acceptor(address(), options());
  try {
    const Acceptor another(address(), options());
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_NE(std::string(error.what()).find(address().text), std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::is_socket(address().name));
}

TEST_F(AcceptorPath, IsNotRemovedIfItIsAnothersByNow) {
  auto first = std::make_unique<Acceptor>(address(), options());
  std::filesystem::rename(address().name, directory / "moved");
  const Acceptor second(address(), options());
  first.reset();
  EXPECT_TRUE(std::filesystem::is_socket(address().name));
}

TEST_F(AcceptorPath, AFileThatIsNoSocketIsLeftAlone) {
  ::close(::creat(address().name.c_str(), 0600));
  EXPECT_THROW(const Acceptor acceptor(address(), options()), std::system_error);
  EXPECT_TRUE(std::filesystem::is_regular_file(address().name));
}

TEST_F(AcceptorPath, ManyWhoFindADeadOneAgreeOnOneOfThem) {
  for (int round = 0; round < 20; ++round) {
    leave_dead_socket(address());
    std::vector<std::future<std::unique_ptr<Acceptor>>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(std::async(std::launch::async, [&]() -> std::unique_ptr<Acceptor> {
        try {
          return std::make_unique<Acceptor>(address(), ListenerOptions{});
        } catch (const std::system_error&) {
          return nullptr;
        }
      }));
    }
    std::vector<std::unique_ptr<Acceptor>> acceptors;
    for (auto& one : all)
      if (auto acceptor = one.get()) acceptors.push_back(std::move(acceptor));
    ASSERT_EQ(acceptors.size(), 1u);
  }
}

TEST_F(AcceptorPath, AnotherUserIsRefusedUnlessToldOtherwise) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  const mode_t mask = ::umask(0);
  for (const bool allowed : {false, true}) {
    ListenerOptions local = options();
    local.other_users = allowed;
    Acceptor acceptor(address(), local);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
      try {
        // root may listen for anybody
        static_cast<void>(connect(parse_address(acceptor.address()), {.authkey = key()}, soon()));
        ::_exit(1);
      } catch (const std::exception&) {
        ::_exit(2);
      }
    }
    if (allowed)
      EXPECT_TRUE(accept(acceptor));
    else
      reject(acceptor, 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), allowed ? 1 : 2);
  }
  EXPECT_NE(reasons.at(0).find("another user's"), std::string::npos);
  ::umask(mask);
}

TEST_F(AcceptorTest, AForkedChildIsToldThatItMayNot) {
  Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      acceptor.step();
      ::_exit(1);
    } catch (const std::logic_error&) {
      ::_exit(0);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(AcceptorTest, APortThatIsTakenIsSaidInASentence) {
  const Acceptor acceptor(parse_address("tcp://127.0.0.1:0"), options());
  try {
    const Acceptor another(parse_address(acceptor.address()), options());
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_NE(std::string(error.what()).find("another program listens at this port"), std::string::npos);
  }
}

TEST(Connect, WhereNobodyListensIsSaidAtOnce) {
  std::string address;
  {
    const ListeningSocket gone(parse_address("tcp://127.0.0.1:0"), 1);
    address = gone.address();
  }
  for (const std::string& one :
       {address, std::string("unix:@procyon-nobody"), std::string("unix:/nowhere/at/all")}) {
    try {
      static_cast<void>(connect(parse_address(one), {}, soon()));
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find(one), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("nobody listens there"), std::string::npos);
    }
  }
}

TEST(Connect, EndsInTimeWhereverItWaits) {
  for (const std::string where : {"tcp://127.0.0.1:0", "unix:@procyon-connect-test"}) {
    const ListeningSocket listening(parse_address(of_this_process(where)), 1);
    const Address address = parse_address(listening.address());
    // It waits for a challenge, then, when the backlog is full, to be connected at all.
    std::vector<os::Descriptor> crowd;
    for (int i = 0; i < 5; ++i) {
      EXPECT_THROW(static_cast<void>(connect(address, {.authkey = key()}, os::Deadline::after(20ms))),
                   TimeoutError);
      try {
        crowd.push_back(connect_socket(address, os::Deadline::after(20ms)));
      } catch (const TimeoutError&) {
      }
    }
    EXPECT_LT(crowd.size(), 5u);
  }
}

TEST(Connect, AListenerOfAnotherUserIsRefusedUnlessToldOtherwise) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const os::Descriptor in(ends[0]);
  os::Descriptor out(ends[1]);
  const Address address = private_address();
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
    const ListeningSocket listening(address, 5);
    if (::write(out.get(), "x", 1) != 1) ::_exit(4);
    for (;;) ::pause();
  }
  ASSERT_TRUE(os::wait_readable(in, soon()));
  try {
    static_cast<void>(connect(address, {}, soon()));
    ADD_FAILURE();
  } catch (const AuthenticationError& error) {
    EXPECT_NE(std::string(error.what()).find("of user 65534"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(connect(address, {.other_users = true}, soon()).is_local);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(Connect, AListenerThatEndsInTheHandshakeIsAnEndOfFile) {
  const ListeningSocket listening(parse_address("tcp://127.0.0.1:0"), 1);
  auto client = connecting(listening.address());
  ASSERT_TRUE(os::wait_readable(listening.get(), soon()));
  ::close(::accept(listening.get(), nullptr, nullptr));
  EXPECT_THROW(static_cast<void>(client.get()), EndOfFile);
}

}  // namespace
}  // namespace procyon::channel::net
