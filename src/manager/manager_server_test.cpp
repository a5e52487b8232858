// A server that this process serves itself.
#include "procyon/manager_server.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "procyon/base_manager.hpp"
#include "procyon/errors.hpp"
#include "procyon/manager.hpp"

namespace procyon {
namespace {

struct Counter {
  int inc(int by) { return n += by; }
  int n = 0;
};

BaseManager make_manager(std::string address = {}) {
  BaseManager manager({.address = std::move(address), .authkey = AuthKey("of the test")});
  manager.register_type<Counter>("Counter", methods<&Counter::inc>());
  return manager;
}

int count_at(const std::string& address) {
  BaseManager client = make_manager(address);
  client.connect();
  return client.create<Counter>("Counter").call(m<&Counter::inc>, 5);
}

template <class Function>
std::string sentence_of(Function function) {
  try {
    function();
    return {};
  } catch (const std::logic_error& error) {
    return error.what();
  }
}

TEST(ManagerServer, HasItsAddressBeforeItServes) {
  BaseManager manager = make_manager("tcp://127.0.0.1:0");
  ManagerServer server = manager.get_server();
  EXPECT_FALSE(server.address().ends_with(":0")) << server.address();
  EXPECT_EQ(server.address(), manager.address());
  auto early = std::async(std::launch::async, count_at, server.address());  // waits until it is served
  std::jthread serving([&] { server.serve_forever(); });
  EXPECT_EQ(early.get(), 5);
  EXPECT_EQ(count_at(server.address()), 5);
  server.stop();
}

TEST(ManagerServer, EndsByShutdownOfItsManagerAndOfAClient) {
  for (const bool by_client : {false, true}) {
    BaseManager manager = make_manager("tcp://127.0.0.1:0");
    ManagerServer server = manager.get_server();
    std::jthread serving([&] { server.serve_forever(); });
    ASSERT_EQ(count_at(server.address()), 5);
    if (by_client) {
      BaseManager client = make_manager(server.address());
      client.connect();
      client.shutdown();
    } else {
      manager.shutdown();
    }
    serving.join();
    EXPECT_THROW(static_cast<void>(count_at(server.address())), ManagerGone);
  }
}

TEST(ManagerServer, EndsAtAStopToken) {
  BaseManager manager = make_manager();
  ManagerServer server = manager.get_server();
  std::jthread serving([&](const std::stop_token& stop) { server.serve_forever(stop); });
  EXPECT_EQ(count_at(server.address()), 5);
  serving.request_stop();
  serving.join();
  EXPECT_THROW(manager.create<Counter>("Counter"), ManagerGone);
}

TEST(ManagerServer, ThatWasStoppedBeforeItServesReturnsAtOnce) {
  BaseManager manager = make_manager();
  ManagerServer server = manager.get_server();
  server.stop();
  server.serve_forever();
  EXPECT_THROW(static_cast<void>(count_at(server.address())), ManagerGone);
}

TEST(ManagerServer, ThatIsNeverServedGivesItsAddressFree) {
  BaseManager manager = make_manager("tcp://127.0.0.1:0");
  std::string address;
  {
    const ManagerServer server = manager.get_server();
    address = server.address();
  }
  EXPECT_THROW(static_cast<void>(count_at(address)), ManagerGone);
  EXPECT_THROW(manager.create<Counter>("Counter"), ManagerGone);
}

TEST(ManagerServer, OutlivesItsManager) {
  auto manager = std::make_unique<BaseManager>(make_manager());
  ManagerServer server = manager->get_server();
  manager.reset();
  std::jthread serving([&] { server.serve_forever(); });
  EXPECT_EQ(count_at(server.address()), 5);
  server.stop();
}

TEST(ManagerServer, SaysWhatItWasUsedWronglyFor) {
  BaseManager manager = make_manager();
  ManagerServer server = manager.get_server();
  EXPECT_NE(sentence_of([&] {
              static_cast<void>(manager.get_server());
            }).find("has a server in this process already"),
            std::string::npos);
  EXPECT_NE(sentence_of([&] { manager.start(); }).find("has a server in this process already"),
            std::string::npos);
  EXPECT_NE(sentence_of([&] { manager.create<Counter>("Counter"); }).find("does not serve yet"),
            std::string::npos);
  server.stop();
  server.serve_forever();
  EXPECT_NE(sentence_of([&] { server.serve_forever(); }).find("has been served already"), std::string::npos);
  const ManagerServer moved = std::move(server);
  EXPECT_NE(sentence_of([&] { server.stop(); }).find("has been moved from"), std::string::npos);
}

TEST(SentProxy, OfAnotherTypeIsASentenceWithBoth) {
  Manager manager;
  wire::Writer writer;
  wire::write(writer, manager.list<int>());
  wire::Reader reader(writer.bytes());
  try {
    static_cast<void>(wire::read<DictProxy<std::string, int>>(reader));
    FAIL();
  } catch (const wire::DecodeError& error) {
    EXPECT_STREQ(error.what(), "a proxy of a list<i32> was sent where one of a dict<str,i32> is asked for");
  }
}

TEST(ManagerServer, WhoseAddressIsTakenLetsTheManagerTryAgain) {
  BaseManager first = make_manager("tcp://127.0.0.1:0");
  const ManagerServer server = first.get_server();
  BaseManager second = make_manager(server.address());
  EXPECT_THROW(static_cast<void>(second.get_server()), std::system_error);
  EXPECT_THROW(static_cast<void>(second.get_server()), std::system_error);  // not "has a server already"
}

}  // namespace
}  // namespace procyon
