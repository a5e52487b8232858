// What a server stands: clients that are killed, that talk nonsense, that say nothing, that do not read; and a thousand.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <random>

#include "channel/connection_frame.hpp"
#include "channel/net/connect.hpp"
#include "manager/test_server.hpp"
#include "pool/test_support.hpp"
#include "procyon/barrier.hpp"
#include "procyon/base_manager.hpp"
#include "procyon/pipe.hpp"
#include "procyon/process.hpp"

namespace procyon::manager {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using procyon::testing::eventually;
using procyon::testing::patience;

os::Deadline soon() { return os::Deadline::after(patience); }

void send_all(const os::Descriptor& socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // it has dropped us
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void send_frame(const os::Descriptor& socket, std::span<const std::byte> body) {
  send_all(socket, channel::FramePrefix(body.size()).bytes());
  send_all(socket, body);
}

os::Descriptor greeted(RunningServer& server) {
  os::Descriptor socket = server.connect();
  const Hello hello;
  send_frame(socket, os::bytes_of(hello));
  return socket;
}

/// Waits until the server has closed the connection.
bool is_dropped(const os::Descriptor& socket) {
  std::array<std::byte, 4096> bytes;
  for (pollfd entry{socket.get(), POLLIN, 0}; ::poll(&entry, 1, 30'000) == 1;)
    if (::recv(socket.get(), bytes.data(), bytes.size(), 0) <= 0) return true;
  return false;
}

class ServerFaults : public ::testing::Test {
 protected:
  RunningServer server_{{.max_message = 1 << 20, .max_unread = 4 << 20}};
  std::shared_ptr<RemoteLink> witness_ = server_.link();

  void TearDown() override { EXPECT_NO_THROW(witness_->ping(soon())); }
};

TEST_F(ServerFaults, DropsWhoDoesNotSpeakTheProtocol) {
  const os::Descriptor stranger = server_.connect();
  send_all(stranger, bytes_of_text("GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n"));
  EXPECT_TRUE(is_dropped(stranger));
  const os::Descriptor other_version = server_.connect();
  Hello hello;
  hello.version = 99;
  send_frame(other_version, os::bytes_of(hello));
  EXPECT_TRUE(is_dropped(other_version));
}

TEST_F(ServerFaults, DropsWhoAnnouncesAMessageThatIsTooLong) {
  const os::Descriptor client = greeted(server_);
  send_all(client, channel::FramePrefix(std::uint64_t{1} << 40).bytes());
  EXPECT_TRUE(is_dropped(client));
}

TEST_F(ServerFaults, AreNotMadeByALinkWhoseCallIsTooLong) {
  const ObjectReference probe = witness_->create("Probe", {}, {});
  const std::vector<std::byte> large(2 << 20);
  EXPECT_THROW(witness_->call(probe.object(), echo, large, {}, soon()), std::length_error);
  EXPECT_EQ(text_of(witness_->call(probe.object(), echo, bytes_of_text("x"), {}, soon())), "x");
}

TEST_F(ServerFaults, DropsWhoUsesTheNumberOfACallTwice) {
  const os::Descriptor client = greeted(server_);
  wire::Writer ping;
  ping.put(std::uint64_t{1});
  ping.put(RequestKind::ping);
  send_frame(client, ping.bytes());
  send_frame(client, ping.bytes());
  EXPECT_TRUE(is_dropped(client));
}

TEST_F(ServerFaults, OutlivesNonsenseOfEveryKind) {
  std::mt19937_64 random(4711);
  const ObjectReference probe = witness_->create("Probe", {}, {});
  for (int round = 0; round < 300; ++round) {
    const os::Descriptor client = greeted(server_);
    std::uint64_t number = 0;
    for (int message = 0; message < 20; ++message) {
      wire::Writer body;
      body.put(++number);
      body.put(static_cast<std::uint8_t>(random() % 20));
      for (std::uint64_t words = random() % 12; words > 0; --words) {
        constexpr std::uint64_t interesting[] = {0, 1, 2, 255, 1u << 31, ~0ull, ~0ull >> 1, ~0ull / 8 + 1};
        body.put(random() % 2 == 0 ? interesting[random() % 8] : random() >> random() % 64);
      }
      if (body.bytes()[8] == static_cast<std::byte>(RequestKind::shutdown)) continue;
      send_frame(client, body.bytes().first(body.size() - random() % 8 % body.size()));
    }
  }
  EXPECT_EQ(text_of(witness_->call(probe.object(), echo, bytes_of_text("still here"), {}, soon())),
            "still here");
  EXPECT_TRUE(eventually([&] { return witness_->number_of_objects() == 1; }));
}

TEST_F(ServerFaults, IsNotDelayedByThoseWhoSayNothing) {
  std::vector<os::Descriptor> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(server_.connect());
  for (int i = 0; i < 50; ++i) {
    silent.push_back(greeted(server_));
    send_all(silent.back(), channel::FramePrefix(100'000).bytes());  // and no message
  }
  const ObjectReference probe = witness_->create("Probe", {}, {});
  for (int i = 0; i < 100; ++i) witness_->call(probe.object(), echo, {}, {}, soon());
}

TEST(Server, DropsWhoDoesNotSayWhoItIsInTime) {
  RunningServer server({.greeting_timeout = 1ms});
  EXPECT_TRUE(is_dropped(server.connect()));
}

TEST_F(ServerFaults, ReadsNothingMoreFromWhoDoesNotReadItsAnswers) {
  const ObjectReference probe = witness_->create("Probe", {}, {});
  witness_->share("probe", probe);
  const os::Descriptor client = greeted(server_);
  // False once the socket is full and stays so.
  const auto send_request = [&](std::uint64_t number, RequestKind kind, std::span<const std::byte> rest) {
    wire::Writer body;
    body.put(number);
    body.put(kind);
    body.append(rest.data(), rest.size());
    const auto prefix = channel::FramePrefix(body.size());
    std::vector<std::byte> frame(prefix.bytes().begin(), prefix.bytes().end());
    frame.insert(frame.end(), body.bytes().begin(), body.bytes().end());
    for (std::span<const std::byte> left = frame; !left.empty();) {
      const ssize_t count = ::send(client.get(), left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) {
        left = left.subspan(static_cast<std::size_t>(count));
        continue;
      }
      if (errno != EAGAIN) throw std::runtime_error("the server has dropped the client");
      witness_->ping(soon());  // it serves others
      pollfd entry{client.get(), POLLOUT, 0};
      if (::poll(&entry, 1, 200) == 0) return false;
    }
    return true;
  };
  wire::Writer name;
  write_text(name, "probe");
  ASSERT_TRUE(send_request(1, RequestKind::find, name.bytes()));
  wire::Writer call;
  call.put(std::uint32_t{1});
  call.put(probe.object());
  call.put(echo);
  call.put(std::uint64_t{0});
  const std::vector<std::byte> filler(50'000);
  call.append(filler.data(), filler.size());
  // What was sent in the end is bounded by what the kernel and the server hold.
  std::uint64_t sent = 2;
  while (sent < 2000 && send_request(sent, RequestKind::call, call.bytes())) ++sent;
  EXPECT_LT(sent, 200u);  // 10 MB
  witness_->call(probe.object(), echo, {}, {}, soon());
}

// A client that does all there is to do, until it is killed.
void live_dangerously(const std::string& address, Connection progress) {
  BaseManager manager({.address = address});
  manager.connect();
  auto link = std::static_pointer_cast<RequestLink>(manager.link());
  const ObjectReference shared = link->find("probe");
  for (;;) {
    const ObjectReference probe = link->create("Probe", {}, {});
    progress.send_bytes(".");
    const auto kept = link->begin(probe.object(), keep, {}, {});
    const auto kept_by_shared = link->begin(shared.object(), keep, {}, {});
    progress.send_bytes(".");
    const Answer made = link->call(probe.object(), testing::make, {}, {}, os::Deadline::never());
    progress.send_bytes(".");
    std::vector<BatchCall> calls(20, BatchCall{shared, echo, std::vector<std::byte>(1000), {probe}});
    static_cast<void>(link->call_many(calls, os::Deadline::never()));
    progress.send_bytes(".");
    static_cast<void>(link->call(shared.object(), aside, {}, {}, os::Deadline::never()));
  }
}

std::vector<ServedType> probes() { return {{"Probe", &Probe::make_one}}; }

struct ManagerOfProbes : BaseManager {
  explicit ManagerOfProbes(ManagerOptions options = {}) : BaseManager(std::move(options)) {
    add_types(&probes);
    start();
  }
};

TEST(ServerFaultsOfProcesses, GiveBackWhatKilledClientsHeldWheneverTheyAreKilled) {
  ManagerOfProbes manager;
  const auto probe = manager.create("Probe");
  manager.share("probe", probe);
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    auto [in, out] = Pipe(one_way);
    Process client({.daemon = true}, live_dangerously, manager.address(), out);
    client.start();
    out.close();
    for (auto steps = 1 + random() % 24; steps > 0; --steps) static_cast<void>(in.recv_bytes(patience));
    client.kill();
    client.join();
  }
  EXPECT_TRUE(eventually([&] { return manager.debug_info().find(", 2 clients") != std::string::npos; }))
      << manager.debug_info();
  const ObjectReference& shared = probe.object_reference();
  const Answer kept = shared.link().call(shared.object(), let_go, {}, {}, soon());
  EXPECT_EQ(number_of(kept), 0u);
  EXPECT_EQ(manager.number_of_objects(), 1u);
}

constexpr int processes = 4;
constexpr int links_per_process = 250;
constexpr int active_per_process = 25;

void be_many_clients(const std::string& address, Barrier all, Connection result) {
  std::vector<std::shared_ptr<RemoteLink>> links;
  std::vector<ObjectReference> objects;
  const AuthKey key = current_process().authkey();
  for (int i = 0; i < links_per_process; ++i) {
    RemoteLink::Options options;
    options.connect = [&](os::Deadline deadline) {
      return channel::net::connect(channel::net::parse_address(address), {.authkey = key}, deadline).socket;
    };
    links.push_back(std::make_shared<RemoteLink>(address, std::move(options)));
    objects.push_back(links.back()->create("Probe", {}, {}));
  }
  all.wait();
  std::uint64_t answered = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::unique_ptr<PendingAnswer>> pending;
    for (std::size_t i = 0; i < active_per_process; ++i)
      pending.push_back(links[i]->begin(objects[i].object(), echo, bytes_of_text(std::to_string(round)), {}));
    for (const auto& one : pending) answered += text_of(one->get(soon())) == std::to_string(round) ? 1u : 0u;
  }
  for (std::size_t i = 0; i < links.size(); ++i)
    answered +=
        text_of(links[i]->call(objects[i].object(), echo, bytes_of_text("x"), {}, soon())) == "x" ? 1u : 0u;
  all.wait();
  result.send(answered);
}

TEST(ServerFaultsOfProcesses, DoNotIncludeAThousandClients) {
  ManagerOfProbes manager;
  Barrier all(processes + 1);
  auto [in, out] = Pipe(one_way);
  std::vector<Process> clients;
  for (int i = 0; i < processes; ++i) {
    clients.emplace_back(be_many_clients, manager.address(), all, out);
    clients.back().start();
  }
  all.wait();
  EXPECT_EQ(manager.number_of_objects(), std::size_t{processes * links_per_process});
  all.wait();
  for (int i = 0; i < processes; ++i)
    EXPECT_EQ(in.recv<std::uint64_t>(patience), 100u * active_per_process + links_per_process);
  for (Process& client : clients) client.join();
  EXPECT_TRUE(eventually([&] { return manager.number_of_objects() == 0; }));
}

}  // namespace
}  // namespace procyon::manager
