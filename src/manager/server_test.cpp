#include "manager/server.hpp"

#include <gtest/gtest.h>

#include "manager/test_server.hpp"
#include "procyon/detail/manager/values.hpp"

namespace procyon::manager {
namespace {

using namespace std::chrono_literals;
using namespace testing;

constexpr auto patience = 30s;
os::Deadline soon() { return os::Deadline::after(patience); }

TEST(Server, AnswersACall) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  EXPECT_EQ(text_of(link->call(probe.object(), echo, bytes_of_text("hello"), {}, soon())), "hello");
}

TEST(Server, GivesAnExceptionOfAMethodToItsCaller) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  EXPECT_THROW(link->call(probe.object(), fail, {}, {}, soon()), std::out_of_range);
}

TEST(Server, TellsTheCallerOfACallThatWasLost) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  EXPECT_THROW(link->call(probe.object(), lose, {}, {}, soon()), ObjectGone);
}

TEST(Server, TakesAnswersFromOtherThreads) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(number_of(link->call(probe.object(), aside, {}, {}, soon())), 42u);
}

TEST(Server, TakesNoProcessorTimeWhileNobodyAsks) {
  RunningServer server;
  const auto link = server.link();
  for (int i = 0; i < 200; ++i) link->ping(soon());
  const auto before = server.processor_time();
  std::this_thread::sleep_for(500ms);  // what is measured is no time that others can take
  EXPECT_LT(server.processor_time() - before, 50ms);
}

TEST(Server, CompletesCallsFromOtherThreadsWhetherItLooksOrSleeps) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(number_of(link->call(probe.object(), aside, {}, {}, soon())), 42u);
    std::this_thread::sleep_for(
        1ms);  // so that it sleeps; if it does not, that is tried by the rounds before
  }
}

TEST(Server, AnswersWhoWaitsLongAndWhoDoesNotOverOneConnection) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference slow = link->create("Probe", {}, {});
  const ObjectReference quick = link->create("Probe", {}, {});
  std::thread waiter([&] {
    for (int i = 0; i < 50; ++i) EXPECT_EQ(number_of(link->call(slow.object(), keep, {}, {}, soon())), 7u);
  });
  for (std::uint64_t let_gone = 0; let_gone < 50;) {
    let_gone += number_of(link->call(slow.object(), let_go, {}, {}, soon()));
    EXPECT_EQ(text_of(link->call(quick.object(), echo, bytes_of_text("x"), {}, soon())), "x");
  }
  waiter.join();
}

TEST(Server, AnswersInAnyOrder) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  const auto kept = link->begin(probe.object(), keep, {}, {});
  EXPECT_EQ(text_of(link->call(probe.object(), echo, bytes_of_text("first"), {}, soon())), "first");
  EXPECT_FALSE(kept->ready());
  EXPECT_EQ(number_of(link->call(probe.object(), let_go, {}, {}, soon())), 1u);
  EXPECT_EQ(number_of(kept->get(soon())), 7u);
}

TEST(Server, CancelsACallWhoseTimeIsOver) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  EXPECT_THROW(link->call(probe.object(), keep, {}, {}, os::Deadline::after(1ms)), TimeoutError);
  EXPECT_EQ(number_of(link->call(probe.object(), let_go, {}, {}, soon())), 0u);
}

TEST(Server, CountsTheReferencesOfItsClients) {
  RunningServer server;
  const auto link = server.link();
  const auto other = server.link();
  ObjectReference probe = link->create("Probe", {}, {});
  EXPECT_EQ(other->number_of_objects(), 1u);
  {
    const ObjectReference copy = probe;
    const Answer echoed = link->call(probe.object(), echo, {}, std::vector{probe}, soon());
    EXPECT_EQ(echoed.objects.front(), probe);
  }
  EXPECT_EQ(link->number_of_objects(), 1u);
  probe = {};
  EXPECT_EQ(link->number_of_objects(), 0u);
}

TEST(Server, GivesBackWhatAClientHeldThatIsGone) {
  RunningServer server;
  auto link = server.link();
  const auto other = server.link();
  const ObjectReference watcher = other->create("Probe", {}, {});
  const ObjectReference probe = link->create("Probe", {}, {});
  const auto kept = link->begin(probe.object(), keep, {}, {});
  EXPECT_EQ(other->number_of_objects(), 2u);
  link->close("the test ends it");
  EXPECT_THROW(kept->get(soon()), ManagerGone);
  while (number_of(other->call(watcher.object(), gone_clients, {}, {}, soon())) == 0)
    std::this_thread::yield();
  EXPECT_EQ(other->number_of_objects(), 1u);
}

TEST(Server, NamesWhatThereIsWhenSomethingElseIsAskedFor) {
  RunningServer server;
  const auto link = server.link();
  try {
    link->create("Prob", {}, {});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("Probe"), std::string::npos) << error.what();
  }
  EXPECT_THROW(link->find("nothing"), std::invalid_argument);
  EXPECT_THROW(link->call(4711, echo, {}, {}, soon()), ObjectGone);
}

TEST(Server, FindsWhatWasSharedByAName) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  link->share("probe", probe);
  EXPECT_EQ(server.link()->find("probe").object(), probe.object());
}

TEST(Server, LetsAnotherClientClaimALease) {
  RunningServer server;
  const auto link = server.link();
  const auto other = server.link();
  ObjectReference probe = link->create("Probe", {}, {});
  const ObjectId id = probe.object();
  const std::uint64_t lease = link->lease(id);
  EXPECT_EQ(link->lease(id), lease);
  probe = {};
  const ObjectReference claimed = other->claim(id, lease);
  EXPECT_EQ(text_of(other->call(claimed.object(), echo, bytes_of_text("x"), {}, soon())), "x");
  EXPECT_THROW(other->claim(id, lease + 1), ObjectGone);
  EXPECT_THROW(other->claim(id + 1, lease), ObjectGone);
}

TEST(Server, RunsManyCallsInOneMessage) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  std::vector<BatchCall> calls;
  for (int i = 0; i < 100; ++i) calls.push_back({probe, echo, bytes_of_text(std::to_string(i)), {}});
  calls.push_back({probe, fail, {}, {}});
  calls.push_back({probe, aside, {}, {}});
  const auto outcomes = link->call_many(calls, soon());
  ASSERT_EQ(outcomes.size(), 102u);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(text_of(outcomes[i].answer), std::to_string(i));
  EXPECT_TRUE(outcomes[100].error);
  EXPECT_EQ(number_of(outcomes[101].answer), 42u);
}

TEST(Server, CarriesMessagesOfManyMegabytesBothWays) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  std::vector<std::byte> large(20 << 20);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::byte>(i * 7 >> 3);
  EXPECT_EQ(link->call(probe.object(), echo, large, {}, soon()).bytes, large);
  EXPECT_EQ(text_of(link->call(probe.object(), echo, bytes_of_text("after"), {}, soon())), "after");
}

TEST(Server, EndsEverybodysWaitWithItself) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  std::thread waiter([&] { EXPECT_THROW(link->call(probe.object(), keep, {}, {}, soon()), ManagerGone); });
  const auto kept = link->begin(probe.object(), keep, {}, {});
  link->ping(soon());
  server.stop();
  waiter.join();
  EXPECT_THROW(kept->get(soon()), ManagerGone);
  EXPECT_THROW(link->ping(soon()), ManagerGone);
}

TEST(Server, ServesManyThreadsThroughOneConnection) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string text = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_EQ(
            text_of(link->call(probe.object(), i % 3 == 0 ? echo : echo, bytes_of_text(text), {}, soon())),
            text);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Server, CallsItsOwnObjectsFromThreadsAside) {
  RunningServer server;
  const auto own = server->loopback();
  const ObjectReference probe = own->create("Probe", {}, {});
  EXPECT_EQ(text_of(own->call(probe.object(), echo, bytes_of_text("x"), {}, soon())), "x");
  EXPECT_THROW(own->call(probe.object(), keep, {}, {}, os::Deadline::after(1ms)), TimeoutError);
}

TEST(Server, PipelinesMoreThanTheSocketHolds) {
  RunningServer server;
  const auto link = server.link();
  const ObjectReference probe = link->create("Probe", {}, {});
  const std::vector<std::byte> large(100'000);
  std::vector<std::unique_ptr<PendingAnswer>> pending;
  for (int i = 0; i < 100; ++i) pending.push_back(link->begin(probe.object(), echo, large, {}));
  for (const auto& one : pending) EXPECT_EQ(one->get(soon()).bytes.size(), large.size());
}

}  // namespace
}  // namespace procyon::manager
