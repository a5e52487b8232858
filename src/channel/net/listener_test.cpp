#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "channel/net/sockets.hpp"
#include "channel/net/test_paths.hpp"
#include "procyon/connection.hpp"
#include "procyon/descriptor.hpp"
#include "procyon/errors.hpp"
#include "procyon/queue.hpp"
#include "procyon/wait.hpp"

namespace procyon::connection {
namespace {

using namespace std::chrono_literals;

const AuthKey& key() {
  static const AuthKey secret("secret");
  return secret;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Both ends of a connection.
std::pair<Connection, Connection> connect(Listener& listener,
                                          const ClientOptions& options = {.authkey = key()}) {
  auto client = std::async(std::launch::async, [&] { return Client(listener.address(), options); });
  Connection ours = listener.accept(60s);
  return {std::move(ours), client.get()};
}

template <class Exception, class Function>
std::string sentence_of(Function function) {
  try {
    function();
  } catch (const Exception& error) {
    return error.what();
  }
  return {};
}

class ListenerAt : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(At, ListenerAt,
                         ::testing::Values("tcp://127.0.0.1:0", "tcp://localhost:0",
                                           "unix:@procyon-listener-test"),
                         [](const auto& one) { return std::to_string(one.index); });

TEST_P(ListenerAt, ConnectionsCarryBytesAndValuesInBothDirections) {
  Listener listener(channel::net::of_this_process(GetParam()), {.authkey = key()});
  auto [server, client] = connect(listener);
  client.send_bytes("a question");
  EXPECT_EQ(text_of(server.recv_bytes(60s)), "a question");
  server.send(std::map<std::string, int>{{"a", 1}});
  EXPECT_EQ((client.recv<std::map<std::string, int>>(60s)), (std::map<std::string, int>{{"a", 1}}));
  std::vector<std::byte> large(5'000'000, std::byte{7});
  std::thread sender([&client = client, &large] { client.send_bytes(large, 60s); });
  EXPECT_EQ(server.recv_bytes(60s), large);
  sender.join();
  EXPECT_FALSE(server.poll());
  client.close();
  EXPECT_TRUE(server.poll(60s));
  EXPECT_EQ(sentence_of<EndOfFile>([&server = server] { static_cast<void>(server.recv_bytes(60s)); }),
            "procyon: the other end of the connection with " + listener.last_accepted() +
                " is closed, nothing more can come");
}

TEST_P(ListenerAt, AWrongKeyIsASentenceOnBothSides) {
  std::vector<Rejected> rejected;
  Listener listener(channel::net::of_this_process(GetParam()),
                    {.authkey = key(), .on_rejected = [&](const Rejected& one) { rejected.push_back(one); }});
  auto wrong = std::async(std::launch::async, [&] {
    return sentence_of<AuthenticationError>(
        [&] { static_cast<void>(Client(listener.address(), {.authkey = AuthKey("a guess")})); });
  });
  while (rejected.empty()) EXPECT_THROW(static_cast<void>(listener.accept(10ms)), TimeoutError);
  EXPECT_EQ(wrong.get(),
            "procyon: connecting to " + listener.address() + ": it says that our key is not its own");
  EXPECT_EQ(rejected.front().reason, "it does not have the key");
  EXPECT_EQ(listener.rejected(), 1u);
  auto [server, client] = connect(listener);
  client.send(1);
  EXPECT_EQ(server.recv<int>(60s), 1);
}

TEST_P(ListenerAt, AKilledPeerIsAnEndOfFile) {
  Listener listener(channel::net::of_this_process(GetParam()), {.authkey = key()});
  const std::string address = listener.address();
  const pid_t child = ::fork();
  if (child == 0) {
    Connection client = Client(address, {.authkey = key()});
    client.send(1);
    for (;;) ::pause();
  }
  Connection server = listener.accept(60s);
  EXPECT_EQ(server.recv<int>(60s), 1);
  ::kill(child, SIGKILL);
  EXPECT_THROW(static_cast<void>(server.recv<int>(60s)), EndOfFile);
  ::waitpid(child, nullptr, 0);
  EXPECT_THROW(
      {
        for (;;) server.send_bytes(std::vector<std::byte>(100'000), 60s);
      },
      std::system_error);
}

TEST(Listener, WithoutAnAddressMakesOneThatNobodyGuesses) {
  Listener listener({.authkey = key()});
  EXPECT_EQ(listener.address().substr(0, 14), "unix:@procyon-");
  EXPECT_EQ(listener.address().size(), 14u + 32u);
  auto [server, client] = connect(listener);
  EXPECT_EQ(client.peer(), listener.address());
  EXPECT_EQ(server.peer(), listener.last_accepted());
  EXPECT_EQ(server.peer(),
            "unix: process " + std::to_string(::getpid()) + " of user " + std::to_string(::geteuid()));
}

TEST(Listener, TellsThePortThatItGot) {
  const Listener listener("tcp://127.0.0.1:0");
  EXPECT_NE(listener.address(), "tcp://127.0.0.1:0");
  EXPECT_EQ(listener.address().substr(0, 16), "tcp://127.0.0.1:");
}

TEST(Listener, AcceptsInTimeOrNotAtAll) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key()});
  EXPECT_EQ(sentence_of<TimeoutError>([&] { static_cast<void>(listener.accept(0s)); }),
            "procyon: nobody has connected to " + listener.address() + " in time");
  EXPECT_THROW(static_cast<void>(listener.accept(5ms)), TimeoutError);
  EXPECT_THROW(static_cast<void>(listener.accept(-1s)), TimeoutError);
}

TEST(Listener, CanBeWaitedFor) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key()});
  EXPECT_TRUE(wait({listener}, 0s).empty());
  auto client =
      std::async(std::launch::async, [&] { return Client(listener.address(), {.authkey = key()}); });
  for (;;) {
    ASSERT_EQ(wait({listener}, 60s).size(), 1u);
    try {
      static_cast<void>(listener.accept(0s));
      break;
    } catch (const TimeoutError&) {  // one step of the handshake
    }
  }
  static_cast<void>(client.get());
}

TEST(Listener, ClosedByAnotherThreadEndsTheWait) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key()});
  auto waiting = std::async(std::launch::async, [&] {
    return sentence_of<std::logic_error>([&] { static_cast<void>(listener.accept()); });
  });
  std::vector<Connection> served;
  served.push_back(Client(listener.address(), {.authkey = AuthKey("secret")}));  // so that it is in accept()
  Listener copy = listener;
  auto second = std::async(std::launch::async, [&] {
    return sentence_of<std::logic_error>([&] { static_cast<void>(listener.accept()); });
  });
  copy.close();
  static_cast<void>(waiting.get());  // it may have got the connection
  EXPECT_NE(second.get().find("has been closed"), std::string::npos);
  EXPECT_TRUE(listener.closed());
  EXPECT_THROW(static_cast<void>(listener.fileno()), std::logic_error);
  EXPECT_THROW(static_cast<void>(wait({listener}, 0s)), std::logic_error);
  listener.close();
  EXPECT_THROW(static_cast<void>(Client(listener.address(), {.authkey = key()})), std::system_error);
}

TEST(Listener, ThreadsShareIt) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key()});
  std::vector<std::future<int>> servers;
  for (int i = 0; i < 4; ++i)
    servers.push_back(std::async(std::launch::async, [&] { return listener.accept(60s).recv<int>(60s); }));
  std::vector<Connection> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(Client(listener.address(), {.authkey = key()}));
    clients.back().send(i);
  }
  int sum = 0;
  for (auto& server : servers) sum += server.get();
  EXPECT_EQ(sum, 6);
}

TEST(Listener, LongMessagesEndTheConnectionIfItIsToldSo) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key(), .max_message = 1000});
  for (const bool into_buffer : {false, true}) {
    auto [server, client] = connect(listener);
    client.send_bytes(std::vector<std::byte>(1000));
    EXPECT_EQ(server.recv_bytes(60s).size(), 1000u);
    client.send_bytes(std::vector<std::byte>(1001));
    std::vector<std::byte> buffer(5000);
    try {
      if (into_buffer)
        server.recv_bytes_into(buffer, 60s);
      else
        static_cast<void>(server.recv_bytes(60s));
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EMSGSIZE);
      EXPECT_NE(std::string(error.what()).find(server.peer()), std::string::npos);
    }
    EXPECT_FALSE(server.readable());
  }
}

// The header for messages of more than 2 GiB, without the 2 GiB.
TEST(Listener, ALengthThatIsOnlyClaimedTakesNoMemory) {
  Listener listener("tcp://127.0.0.1:0", {});
  const os::Descriptor client =
      channel::net::connect_socket(channel::net::parse_address(listener.address()), os::Deadline::after(60s));
  Connection server = listener.accept(60s);
  const char header[] = "\xff\xff\xff\xff\x00\x00\x01\x00\x00\x00\x00\x00little";  // 1 TiB
  ASSERT_EQ(::send(client.get(), header, 18, 0), 18);
  EXPECT_THROW(static_cast<void>(server.recv_bytes(20ms)), TimeoutError);
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_NE(sentence_of<std::runtime_error>([&] {
              static_cast<void>(server.recv_bytes(60s));
            }).find("6 of 1099511627776"),
            std::string::npos);
}

TEST(Listener, ConnectionsAndOpenFilesTravelBetweenLocalAddressesOnly) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor in(ends[0]);
  Descriptor out(ends[1]);
  {
    Listener listener({.authkey = key()});
    auto [server, client] = connect(listener);
    client.send(out);
    const auto arrived = server.recv<Descriptor>(60s);
    EXPECT_EQ(::write(arrived.fileno(), "x", 1), 1);
  }
  Listener listener("tcp://127.0.0.1:0", {.authkey = key()});
  auto [server, client] = connect(listener);
  EXPECT_NE(
      sentence_of<std::logic_error>([&client = client, &out] { client.send(out); }).find("cannot travel"),
      std::string::npos);
  EXPECT_THROW(client.send(Queue<int>()), std::runtime_error);
  client.send(1);  // it is of use still
  EXPECT_EQ(server.recv<int>(60s), 1);
}

TEST(Listener, AConnectionThatIsPassedOnKnowsItsPeerAndLimitStill) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key(), .max_message = 100});
  auto [server, client] = connect(listener);
  auto [out, in] = Pipe();
  out.send(server);
  Connection passed = in.recv<Connection>(60s);
  EXPECT_EQ(passed.peer(), server.peer());
  server.close();
  client.send_bytes(std::vector<std::byte>(101));
  EXPECT_THROW(static_cast<void>(passed.recv_bytes(60s)), std::system_error);
}

TEST(Listener, OptionsThatDoNotGoTogetherAreSaidSo) {
  EXPECT_NE(sentence_of<std::invalid_argument>([] {
              const Listener listener(ListenerOptions{.tls = {.certificate = "a.pem"}});
            }).find("tcp://"),
            std::string::npos);
  EXPECT_NE(sentence_of<std::invalid_argument>([] {
              const Listener listener("tcp://127.0.0.1:0", {.max_pending = 0});
            }).find("max_pending"),
            std::string::npos);
  EXPECT_THROW(const Listener listener("localhost:80"), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(Client("localhost:80")), std::invalid_argument);
}

TEST(Listener, TheOtherSideMayBeKilledAtAnyMomentOfTheHandshake) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = key()});
  const std::string address = listener.address();
  for (int i = 0; i < 40; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        for (;;) static_cast<void>(Client(address, {.authkey = key()}));
      } catch (const std::exception&) {
      }
      ::_exit(0);
    }
    for (int served = 0; served <= i % 4; ++served) static_cast<void>(listener.accept(60s));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  for (;;) {
    try {
      static_cast<void>(listener.accept(0s));
    } catch (const TimeoutError&) {
      break;
    }
  }
  auto [server, client] = connect(listener);
  client.send(1);
  EXPECT_EQ(server.recv<int>(60s), 1);
}

}  // namespace
}  // namespace procyon::connection
