// A network between the two sides: what goes over it, and what happens when it is gone.
#include "two_machines.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "channel/net/sockets.hpp"
#include "channel/net/test_certificates.hpp"
#include "channel/net/test_paths.hpp"
#include "procyon/connection.hpp"
#include "procyon/errors.hpp"

namespace procyon::connection {
namespace {

using namespace std::chrono_literals;
using channel::net::TestAuthority;
using channel::net::TestCertificate;
using channel::net::TestDirectory;

const AuthKey& key() {
  static const AuthKey secret("secret");
  return secret;
}

/// Connects to the addresses that it is told and says what becomes of it. "raw ADDRESS": it connects and is silent.
void serve_commands(Connection commands, const ClientOptions& options) {
  for (;;) {
    const auto address = commands.recv<std::string>();
    try {
      if (address.starts_with("raw ")) {
        const os::Descriptor silent = channel::net::connect_socket(
            channel::net::parse_address(address.substr(4)), os::Deadline::after(60s));
        commands.send(std::string("connected"));
        for (;;) ::pause();
      }
      Connection connection = Client(address, options);
      connection.send(1);
      commands.send(std::string("connected"));
      static_cast<void>(connection.recv<int>());
    } catch (const EndOfFile& error) {
      commands.send(std::string("end of file"));
    } catch (const std::exception& error) {
      commands.send(std::string(error.what()));
    }
  }
}

class TwoMachinesTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const bool tls = GetParam();
    listener_options.authkey = key();
    listener_options.tcp.lost_after = 2s;
    client_options.authkey = key();
    client_options.tcp.lost_after = 2s;
    if (tls) {
      certificate = authority.sign("server", {.names = std::string("IP:") + TwoMachines::here});
      listener_options.tls = {.certificate = certificate.certificate, .key = certificate.key};
      listener_options.tls.on_broken = [this](const std::string&) { broken.fetch_add(1); };
      client_options.tls = {.authorities = authority.path()};
    }
    try {
      machines.emplace([this](const Connection& commands) { serve_commands(commands, client_options); });
    } catch (const NotPermitted& reason) {
      GTEST_SKIP() << reason.what();
    }
  }

  /// One from the second machine.
  Connection connection_from(Listener& listener) {
    machines->told().send(listener.address());
    Connection connection = listener.accept(60s);
    EXPECT_EQ(connection.recv<int>(60s), 1);
    EXPECT_EQ(machines->told().recv<std::string>(60s), "connected");
    return connection;
  }

  static std::string address() { return std::string("tcp://") + TwoMachines::here + ":0"; }

  TestDirectory directory;
  TestAuthority authority{directory.path(), "authority"};
  TestCertificate certificate;
  std::atomic<int> broken{0};
  ListenerOptions listener_options;
  ClientOptions client_options;
  std::optional<TwoMachines> machines;
};
INSTANTIATE_TEST_SUITE_P(With, TwoMachinesTest, ::testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "Tls" : "Tcp"); });

TEST_P(TwoMachinesTest, TalkToEachOther) {
  Listener listener(address(), listener_options);
  Connection connection = connection_from(listener);
  EXPECT_EQ(connection.peer().substr(0, 16), "tcp://10.77.0.2:");
  connection.close();
  EXPECT_EQ(machines->told().recv<std::string>(60s), "end of file");
}

TEST_P(TwoMachinesTest, ACutCableIsNoticedByWhoWaits) {
  Listener listener(address(), listener_options);
  Connection connection = connection_from(listener);
  machines->cut();
  if (GetParam()) {
    EXPECT_THROW(static_cast<void>(connection.recv<int>(60s)), EndOfFile);
    EXPECT_EQ(broken.load(), 1);
  } else {
    try {
      static_cast<void>(connection.recv<int>(60s));
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find("tcp://10.77.0.2:"), std::string::npos) << error.what();
    }
  }
  // The other side notices as well.
  EXPECT_NE(machines->told().recv<std::string>(60s), "");
}

TEST_P(TwoMachinesTest, ACutCableIsNoticedByWhoSends) {
  Listener listener(address(), listener_options);
  Connection connection = connection_from(listener);
  machines->cut();
  EXPECT_THROW(
      {
        for (;;) connection.send_bytes(std::vector<std::byte>(100'000), 60s);
      },
      std::system_error);
}

TEST_P(TwoMachinesTest, WhoIsLostInTheHandshakeIsDroppedAndDelaysNobody) {
  listener_options.handshake_timeout = 1s;
  Listener listener(address(), listener_options);
  machines->told().send("raw " + listener.address());
  EXPECT_EQ(machines->told().recv<std::string>(60s), "connected");
  EXPECT_THROW(static_cast<void>(listener.accept(0s)), TimeoutError);  // it is taken, and says nothing
  machines->cut();
  // One from this machine gets through meanwhile.
  auto client = std::async(std::launch::async, [&] { return Client(listener.address(), client_options); });
  EXPECT_EQ(listener.accept(60s).peer().substr(0, 16), "tcp://10.77.0.1:");
  static_cast<void>(client.get());
  EXPECT_EQ(listener.rejected(), 0u);
  while (listener.rejected() == 0) EXPECT_THROW(static_cast<void>(listener.accept(50ms)), TimeoutError);
}

TEST_P(TwoMachinesTest, AnAddressThatNobodyHasIsGivenUpInTime) {
  ClientOptions hurried = client_options;
  hurried.timeout = 200ms;
  EXPECT_THROW(static_cast<void>(Client(std::string("tcp://") + TwoMachines::nobody + ":6000", hurried)),
               TimeoutError);
}

}  // namespace
}  // namespace procyon::connection
