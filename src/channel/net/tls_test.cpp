#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "channel/net/sockets.hpp"
#include "channel/net/test_certificates.hpp"
#include "channel/net/test_paths.hpp"
#include "procyon/connection.hpp"
#include "procyon/errors.hpp"
#include "procyon/wait.hpp"

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

const std::filesystem::path& directory() {
  static const TestDirectory one;
  return one.path();
}
const TestAuthority& authority() {
  static const TestAuthority one(directory(), "authority");
  return one;
}
const TestCertificate& server_certificate() {
  static const TestCertificate one = authority().sign("server");
  return one;
}

ListenerOptions with(const TestCertificate& certificate, std::filesystem::path authorities = {}) {
  return {.authkey = key(),
          .tls = {.certificate = certificate.certificate,
                  .key = certificate.key,
                  .authorities = std::move(authorities)}};
}
ClientOptions trusting(const std::filesystem::path& authorities, std::string host_name = {}) {
  return {.authkey = key(), .tls = {.authorities = authorities, .host_name = std::move(host_name)}};
}

/// Counts connections that broke.
ListenerOptions counting(std::atomic<int>& broken) {
  ListenerOptions options = with(server_certificate());
  options.tls.on_broken = [&broken](const std::string&) { ++broken; };
  return options;
}

std::pair<Connection, Connection> connect(Listener& listener, const ClientOptions& options) {
  auto client = std::async(std::launch::async, [&] { return Client(listener.address(), options); });
  Connection ours = listener.accept(60s);
  return {std::move(ours), client.get()};
}

/// What the client is told, and the listener.
std::pair<std::string, std::string> refusal(ListenerOptions options, const ClientOptions& client_options) {
  std::string theirs;
  options.on_rejected = [&](const Rejected& one) { theirs = one.reason; };
  Listener listener("tcp://127.0.0.1:0", options);
  auto client = std::async(std::launch::async, [&]() -> std::string {
    try {
      static_cast<void>(Client(listener.address(), client_options));
      return "no error";
    } catch (const std::exception& error) {
      return error.what();
    }
  });
  while (theirs.empty()) {
    try {
      static_cast<void>(listener.accept(10ms));
      theirs = "no error";
    } catch (const TimeoutError&) {
    }
  }
  return {client.get(), theirs};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Tls, ConnectionsAreOrdinaryOnes) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  auto [server, client] = connect(listener, trusting(authority().path()));
  EXPECT_FALSE(server.poll());
  client.send_bytes("a question");
  ASSERT_EQ(wait({server}, 60s).size(), 1u);
  EXPECT_EQ(server.recv_bytes(60s).size(), 10u);
  server.send(std::string("an answer"));
  EXPECT_EQ(client.recv<std::string>(60s), "an answer");
  EXPECT_EQ(client.peer(), listener.address());
}

TEST(Tls, CarriesMuchInBothDirectionsAtOnce) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  auto [server, client] = connect(listener, trusting(authority().path()));
  std::vector<std::byte> large(20'000'000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::byte>(i * i % 251);
  std::thread up([&client = client, &large] { client.send_bytes(large, 60s); });
  std::thread down([&server = server, &large] { server.send_bytes(large, 60s); });
  EXPECT_TRUE(server.recv_bytes(60s) == large);
  EXPECT_TRUE(client.recv_bytes(60s) == large);
  up.join();
  down.join();
}

TEST(Tls, AReaderThatDoesNotReadStopsTheWriter) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  auto [server, client] = connect(listener, trusting(authority().path()));
  std::size_t sent = 0;
  try {
    for (; sent < 1000; ++sent) client.send_bytes(std::vector<std::byte>(100'000), 100ms);
    FAIL() << "100 MB went nowhere";
  } catch (const TimeoutError&) {
  }
  for (std::size_t i = 0; i < sent; ++i) ASSERT_EQ(server.recv_bytes(60s).size(), 100'000u);
}

TEST(Tls, TheEndOfOneSideIsTheEndAtTheOther) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  auto [server, client] = connect(listener, trusting(authority().path()));
  client.send_bytes(std::vector<std::byte>(1'000'000));
  client.close();
  EXPECT_EQ(server.recv_bytes(60s).size(), 1'000'000u);
  EXPECT_THROW(static_cast<void>(server.recv_bytes(60s)), EndOfFile);
  EXPECT_THROW(
      {
        for (;;) server.send_bytes(std::vector<std::byte>(100'000), 60s);
      },
      std::system_error);
}

/// Not a test: the program that the next one runs. It ends as programs do, with a connection that is open.
TEST(TlsProgram, DISABLED_SendsAndEnds) {
  const char* const address = std::getenv("PROCYON_TEST_ADDRESS");
  const char* const authorities = std::getenv("PROCYON_TEST_AUTHORITIES");
  ASSERT_TRUE(address != nullptr && authorities != nullptr);
  static Connection client = Client(address, trusting(authorities));
  client.send_bytes(std::vector<std::byte>(3'000'000), 60s);
  client.send_bytes("the last word");
}

TEST(Tls, WhatWasSentBeforeTheProgramEndsArrives) {
  std::atomic<int> broken{0};
  Listener listener("tcp://127.0.0.1:0", counting(broken));
  ::setenv("PROCYON_TEST_ADDRESS", listener.address().c_str(), 1);
  ::setenv("PROCYON_TEST_AUTHORITIES", authority().path().c_str(), 1);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "program", "--gtest_filter=TlsProgram.*", "--gtest_also_run_disabled_tests",
            "--gtest_brief=1", nullptr);
    ::_exit(127);
  }
  Connection server = listener.accept(60s);
  EXPECT_EQ(server.recv_bytes(60s).size(), 3'000'000u);
  EXPECT_EQ(server.recv_bytes(60s).size(), 13u);
  EXPECT_THROW(static_cast<void>(server.recv_bytes(60s)), EndOfFile);
  EXPECT_EQ(broken, 0) << "it ended in order";
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Tls, AKilledPeerIsAnEndOfFile) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  const std::string address = listener.address();
  const pid_t child = ::fork();
  if (child == 0) {
    Connection client = Client(address, trusting(authority().path()));
    client.send(1);
    for (;;) ::pause();
  }
  Connection server = listener.accept(60s);
  EXPECT_EQ(server.recv<int>(60s), 1);
  ::kill(child, SIGKILL);
  EXPECT_THROW(static_cast<void>(server.recv<int>(60s)), EndOfFile);
  ::waitpid(child, nullptr, 0);
}

// What was still with its relay is lost. Whoever has to know that more was to come is told so: an orderly end is none.
TEST(Tls, AKilledPeerIsToldFromOneThatClosed) {
  std::atomic<int> broken{0};
  Listener listener("tcp://127.0.0.1:0", counting(broken));
  const std::string address = listener.address();
  for (const bool is_killed : {false, true}) {
    const pid_t child = ::fork();
    if (child == 0) {
      Connection client = Client(address, trusting(authority().path()));
      client.send(1);
      static_cast<void>(client.recv<int>(60s));
      if (is_killed) ::kill(::getpid(), SIGKILL);
      client.close();
      for (;;) ::pause();
    }
    Connection server = listener.accept(60s);
    EXPECT_EQ(server.recv<int>(60s), 1);
    server.send(2);
    EXPECT_THROW(static_cast<void>(server.recv<int>(60s)), EndOfFile);
    EXPECT_EQ(broken, is_killed ? 1 : 0);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
}

// The relay is the parent's: its end must be told to a child that holds the connection.
TEST(Tls, AForkedChildIsToldWhenItsParentWithTheRelayDies) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  const std::string address = listener.address();
  auto [results, result] = Pipe(one_way);
  const pid_t parent = ::fork();
  if (parent == 0) {
    Connection client = Client(address, trusting(authority().path()));
    if (::fork() == 0) {
      client.send(2);  // through the parent's relay
      try {
        static_cast<void>(client.recv<int>(60s));
        result.send(false);
      } catch (const EndOfFile&) {
        result.send(true);
      }
      ::_exit(0);
    }
    for (;;) ::pause();
  }
  result.close();
  Connection server = listener.accept(60s);
  EXPECT_EQ(server.recv<int>(60s), 2);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(results.recv<bool>(60s));
  EXPECT_THROW(static_cast<void>(server.recv<int>(60s)), EndOfFile);
}

TEST(Tls, ACertificateOfAnotherAuthorityIsRefused) {
  const TestAuthority other(directory(), "other");
  const auto [client, listener] = refusal(with(server_certificate()), trusting(other.path()));
  EXPECT_TRUE(contains(client, "its certificate is not accepted: unable to get local issuer certificate"))
      << client;
  EXPECT_TRUE(contains(listener, "unknown ca")) << listener;
}

TEST(Tls, ACertificateForAnotherHostIsRefused) {
  const auto [client, listener] =
      refusal(with(server_certificate()), trusting(authority().path(), "example.org"));
  EXPECT_TRUE(contains(client, "hostname mismatch")) << client;
  const TestCertificate elsewhere = authority().sign("elsewhere", {.names = "IP:127.0.0.2"});
  const auto [by_number, theirs] = refusal(with(elsewhere), trusting(authority().path()));
  EXPECT_TRUE(contains(by_number, "IP address mismatch")) << by_number;
}

TEST(Tls, AnExpiredCertificateIsRefused) {
  const TestCertificate old = authority().sign("old", {.valid_from = -7200, .valid_until = -3600});
  const auto [client, listener] = refusal(with(old), trusting(authority().path()));
  EXPECT_TRUE(contains(client, "certificate has expired")) << client;
}

TEST(Tls, TheNameInTheCertificateMayBeGiven) {
  const TestCertificate named = authority().sign("named", {.names = "DNS:calc.example.org"});
  Listener listener("tcp://127.0.0.1:0", with(named));
  auto [server, client] = connect(listener, trusting(authority().path(), "calc.example.org"));
  client.send(1);
  EXPECT_EQ(server.recv<int>(60s), 1);
}

TEST(Tls, ClientsMayBeAskedForACertificate) {
  const ListenerOptions options = with(server_certificate(), authority().path());
  const auto [without, reason] = refusal(options, trusting(authority().path()));
  EXPECT_TRUE(contains(reason, "peer did not return a certificate")) << reason;
  const TestCertificate own = authority().sign("client", {.names = ""});
  ClientOptions client_options = trusting(authority().path());
  client_options.tls.certificate = own.certificate;
  client_options.tls.key = own.key;
  Listener listener("tcp://127.0.0.1:0", options);
  auto [server, client] = connect(listener, client_options);
  client.send(1);
  EXPECT_EQ(server.recv<int>(60s), 1);
}

TEST(Tls, TheKeyIsAskedForBehindIt) {
  ClientOptions wrong = trusting(authority().path());
  wrong.authkey = AuthKey("a guess");
  const auto [client, listener] = refusal(with(server_certificate()), wrong);
  EXPECT_TRUE(contains(client, "our key is not its own")) << client;
  EXPECT_EQ(listener, "it does not have the key");
}

TEST(Tls, APeerWithoutItIsRefused) {
  const auto [client, listener] = refusal(with(server_certificate()), {.authkey = key(), .timeout = 200ms});
  EXPECT_TRUE(contains(client, "the time for it is over")) << client;
  EXPECT_TRUE(contains(listener, "closed the connection")) << listener;
  const auto [asking, plain] = refusal({.authkey = key()}, trusting(authority().path()));
  EXPECT_TRUE(contains(asking, "TLS failed")) << asking;
  EXPECT_TRUE(contains(plain, "not the handshake") || contains(plain, "closed")) << plain;
}

TEST(Tls, EncryptionWithoutACheckIsPossible) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  auto [server, client] = connect(listener, {.authkey = key(), .tls = {.verify_peer = false}});
  client.send(1);
  EXPECT_EQ(server.recv<int>(60s), 1);
}

TEST(Tls, FilesThatCannotBeUsedAreSaidSo) {
  const auto sentence = [](const Tls& tls) -> std::string {
    try {
      const Listener listener("tcp://127.0.0.1:0", {.tls = tls});
      return {};
    } catch (const std::exception& error) {
      return error.what();
    }
  };
  EXPECT_TRUE(contains(sentence({.certificate = "/nowhere.pem"}), "/nowhere.pem"));
  EXPECT_TRUE(contains(sentence({.certificate = "/nowhere.pem"}), "No such file"))
      << sentence({.certificate = "/nowhere.pem"});
  EXPECT_TRUE(contains(sentence({.authorities = authority().path()}), "must have a certificate"));
  const TestCertificate other = authority().sign("another");
  EXPECT_TRUE(
      contains(sentence({.certificate = server_certificate().certificate, .key = other.key}), "another.key"));
  std::ofstream(directory() / "rubbish") << "rubbish";
  EXPECT_TRUE(contains(sentence({.certificate = directory() / "rubbish"}), "rubbish"));
  EXPECT_TRUE(contains(sentence({.certificate = server_certificate().certificate,
                                 .key = server_certificate().key,
                                 .authorities = directory() / "rubbish"}),
                       "authorities"));
}

TEST(Tls, SilentAndHostilePeersKeepNobodyOut) {
  ListenerOptions options = with(server_certificate());
  std::vector<std::string> reasons;
  options.on_rejected = [&](const Rejected& one) { reasons.push_back(one.reason); };
  Listener listener("tcp://127.0.0.1:0", options);
  const channel::net::Address address = channel::net::parse_address(listener.address());
  std::vector<os::Descriptor> crowd;
  for (int i = 0; i < 50; ++i) {
    crowd.push_back(channel::net::connect_socket(address, os::Deadline::after(60s)));
    if (i % 2 == 0) static_cast<void>(::send(crowd.back().get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL));
    if (i % 5 == 0)
      static_cast<void>(::send(crowd.back().get(), "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL));
  }
  auto [server, client] = connect(listener, trusting(authority().path()));
  client.send(1);
  EXPECT_EQ(server.recv<int>(60s), 1);
  while (reasons.size() < 25) EXPECT_THROW(static_cast<void>(listener.accept(10ms)), TimeoutError);
  EXPECT_TRUE(contains(reasons.front(), "TLS failed")) << reasons.front();
}

// Both ends of the first connection come to the relay while its thread starts: neither is forgotten.
TEST(Tls, TheFirstConnectionsOfAProcessAreCarried) {
#ifdef __SANITIZE_THREAD__
  constexpr int processes = 20;  // each rests for a second at its end
#else
  constexpr int processes = 200;
#endif
  const ListenerOptions options = with(server_certificate());
  for (int process = 0; process < processes; ++process) {
    const pid_t child = ::fork();
    if (child == 0) {
      Listener listener("tcp://127.0.0.1:0", options);
      auto [server, client] = connect(listener, trusting(authority().path()));
      client.send(process);
      ::_exit(server.recv<int>(60s) == process ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0) << "process " << process;
  }
}

TEST(Tls, ManyConnectionsShareTheRelay) {
  Listener listener("tcp://127.0.0.1:0", with(server_certificate()));
  std::vector<std::pair<Connection, Connection>> all;
  for (int i = 0; i < 30; ++i) all.push_back(connect(listener, trusting(authority().path())));
  for (int round = 0; round < 20; ++round) {
    for (auto& [server, client] : all) client.send(round);
    for (auto& [server, client] : all) server.send(server.recv<int>(60s) + 1);
    for (auto& [server, client] : all) ASSERT_EQ(client.recv<int>(60s), round + 1);
  }
}

}  // namespace
}  // namespace procyon::connection
