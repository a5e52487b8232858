// Connections by address and processes of one program: the key that they share, and how a child ends.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "channel/net/test_certificates.hpp"
#include "channel/net/test_paths.hpp"
#include "procyon/connection.hpp"
#include "procyon/context.hpp"
#include "procyon/errors.hpp"
#include "procyon/process.hpp"

namespace procyon::connection {
namespace {

using namespace std::chrono_literals;
using channel::net::TestAuthority;
using channel::net::TestCertificate;
using channel::net::TestDirectory;

class RemoteProcess : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static Context context() { return get_context(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Under, RemoteProcess, ::testing::Values("forkserver", "spawn", "fork"),
                         [](const auto& method) { return std::string(method.param); });

TEST_P(RemoteProcess, AChildHasItsParentsKey) {
  Listener listener({.authkey = current_process().authkey()});
  auto p = context().Process(
      [](const std::string& address) {
        Client(address, {.authkey = current_process().authkey()}).send(std::string("here I am"));
      },
      listener.address());
  p.start();
  EXPECT_EQ(listener.accept(60s).recv<std::string>(60s), "here I am");
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
}

TEST_P(RemoteProcess, AConnectionMayBeHandedToAChild) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = current_process().authkey()});
  auto client = context().Process(
      [](const std::string& address) {
        Connection connection = Client(address, {.authkey = current_process().authkey()});
        connection.send(connection.recv<int>(60s) + 1);
      },
      listener.address());
  client.start();
  Connection connection = listener.accept(60s);
  auto server = context().Process(
      [](Connection handed) {
        handed.send(1);
        if (handed.recv<int>(60s) != 2 || !handed.peer().starts_with("tcp://127.0.0.1:")) std::abort();
      },
      connection);
  server.start();
  connection.close();
  server.join();
  client.join();
  EXPECT_EQ(server.exitcode(), 0);
  EXPECT_EQ(client.exitcode(), 0);
}

// What a child has sent through TLS is with its relay for a moment: the end of the child, which is not exit(), waits for that.
TEST_P(RemoteProcess, WhatAChildHasSentThroughTlsArrivesThoughItEnds) {
  const TestDirectory directory;
  const TestAuthority authority(directory.path(), "authority");
  const TestCertificate certificate = authority.sign("server");
  Listener listener("tcp://127.0.0.1:0",
                    {.authkey = current_process().authkey(),
                     .tls = {.certificate = certificate.certificate, .key = certificate.key}});
  for (const bool by_exit : {false, true}) {
    auto p = context().Process(
        [](const std::string& address, const std::string& authorities, bool exits) {
          static Connection client =
              Client(address, {.authkey = current_process().authkey(), .tls = {.authorities = authorities}});
          client.send_bytes(std::vector<std::byte>(3'000'000), 60s);
          client.send_bytes("the last word");
          if (exits) std::exit(0);
        },
        listener.address(), authority.path().string(), by_exit);
    p.start();
    Connection server = listener.accept(60s);
    EXPECT_EQ(server.recv_bytes(60s).size(), 3'000'000u);
    EXPECT_EQ(server.recv_bytes(60s).size(), 13u);
    EXPECT_THROW(static_cast<void>(server.recv_bytes(60s)), EndOfFile);
    p.join();
    EXPECT_EQ(p.exitcode(), 0);
  }
}

TEST_P(RemoteProcess, AKilledChildIsAnEndOfFile) {
  Listener listener("tcp://127.0.0.1:0", {.authkey = current_process().authkey()});
  auto p = context().Process(
      [](const std::string& address) {
        Connection connection = Client(address, {.authkey = current_process().authkey()});
        connection.send(1);
        for (;;) ::pause();
      },
      listener.address());
  p.start();
  Connection connection = listener.accept(60s);
  EXPECT_EQ(connection.recv<int>(60s), 1);
  p.kill();
  EXPECT_THROW(static_cast<void>(connection.recv<int>(60s)), EndOfFile);
  p.join();
}

}  // namespace
}  // namespace procyon::connection
