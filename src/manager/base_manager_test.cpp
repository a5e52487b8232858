#include "procyon/base_manager.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "channel/net/test_certificates.hpp"
#include "channel/net/test_paths.hpp"
#include "pool/test_support.hpp"
#include "procyon/context.hpp"
#include "procyon/pipe.hpp"
#include "procyon/pool.hpp"
#include "procyon/process.hpp"
#include "procyon/queue.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::eventually;

class Counter {
 public:
  Counter() = default;
  explicit Counter(int start) : n_(start) {}
  int inc(int by) { return n_ += by; }
  [[nodiscard]] int get() const { return n_; }
  [[nodiscard]] std::string text(const std::string& prefix) const { return prefix + std::to_string(n_); }
  void fail() const { throw std::out_of_range("the counter fails"); }
  [[nodiscard]] int read(const Proxy<Counter>& other) const { return other.call(m<&Counter::get>) + n_; }
  [[nodiscard]] Proxy<Counter> pass(const Proxy<Counter>& other) const { return other; }

  int n_ = 0;
};

/// Waits until somebody opens it, in its server.
class Gate {
 public:
  int pass() {
    entered_.set();
    open_.wait();
    return 1;
  }
  void open() { open_.set(); }
  void wait_for_somebody() { entered_.wait(); }

 private:
  Event entered_;
  Event open_;
};

void register_all(BaseManager& manager) {
  manager.register_type<Counter>(
      "Counter",
      methods<&Counter::inc, &Counter::get, &Counter::text, &Counter::fail, &Counter::read, &Counter::pass>(),
      method<"reset">([](Counter& counter) { counter.n_ = 0; }));
  manager.register_type<Counter>("CounterFrom", constructor<int>(), methods<&Counter::inc, &Counter::get>(),
                                 quick);
  manager.register_type<Gate>("Gate", methods<&Gate::pass, &Gate::open, &Gate::wait_for_somebody>(),
                              concurrent);
  manager.register_type<Gate>("SerialGate", methods<&Gate::pass, &Gate::open>());
}

struct Started : BaseManager {
  explicit Started(ManagerOptions options = {}) : BaseManager(std::move(options)) {
    register_all(*this);
    start();
  }
};

TEST(BaseManager, CallsMethodsOfItsObjects) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  EXPECT_EQ(counter.call(m<&Counter::inc>, 5), 5);
  EXPECT_EQ(counter.call<int>("inc", 2), 7);
  EXPECT_EQ(counter.call(m<&Counter::text>, "n = "), "n = 7");
  counter.call("reset");
  EXPECT_EQ(counter.call(m<&Counter::get>), 0);
  EXPECT_EQ(manager.create<Counter>("CounterFrom", 40).call(m<&Counter::inc>, 2), 42);
}

TEST(BaseManager, GivesAMethodsExceptionToItsCaller) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  EXPECT_THROW(counter.call(m<&Counter::fail>), std::out_of_range);
  EXPECT_EQ(counter.call(m<&Counter::get>), 0);
}

TEST(BaseManager, NamesTheMethodsThereAreWhenAnotherIsCalled) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  EXPECT_NE(error_of([&] { return counter.call<int>("increase", 5); }).find("inc(i32)->i32"),
            std::string::npos);
  EXPECT_NE(error_of([&] { return counter.call<int>("inc", 5.0); }).find("inc(i32)->i32"), std::string::npos);
  EXPECT_NE(error_of([&] { return manager.create("Couner").call("reset"), 0; }).find("Counter"),
            std::string::npos);
}

TEST(BaseManager, BeginsCallsWithoutWaiting) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  std::vector<ManagerResult<int>> results;
  for (int i = 0; i < 100; ++i) results.push_back(counter.begin(m<&Counter::inc>, 1));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST(BaseManager, RunsABatchInOneMessage) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  Batch batch;
  for (int i = 0; i < 100; ++i) batch.add(counter, m<&Counter::inc>, 1);
  const auto failing = batch.add(counter, m<&Counter::fail>);
  batch.run();
  EXPECT_EQ(*batch.outcome<int>(99), 100);
  EXPECT_FALSE(batch.outcome<void>(failing));
  EXPECT_THROW(batch.check(), std::out_of_range);
}

TEST(BaseManager, RunsCallsOfOneObjectOneAfterAnotherAndHoldsUpNobodyElse) {
  Started manager;
  const auto gate = manager.create<Gate>("SerialGate");
  const auto other = manager.create<Counter>("Counter");
  auto first = gate.begin(m<&Gate::pass>);
  auto second = gate.begin(m<&Gate::open>);
  EXPECT_EQ(other.call(m<&Counter::inc>, 1), 1);
  EXPECT_FALSE(first.ready());
  EXPECT_FALSE(second.ready());
  EXPECT_THROW(static_cast<void>(gate.call_for(1ms, m<&Gate::open>)), TimeoutError);
}

TEST(BaseManager, RunsCallsOfAConcurrentObjectAtOnce) {
  Started manager;
  const auto gate = manager.create<Gate>("Gate");
  auto passing = gate.begin(m<&Gate::pass>);
  gate.call(m<&Gate::wait_for_somebody>);
  gate.call(m<&Gate::open>);
  EXPECT_EQ(passing.get(), 1);
}

TEST(BaseManager, LetsObjectsUseProxiesOfOthers) {
  Started manager;
  const auto one = manager.create<Counter>("CounterFrom", 1);
  const auto counter = manager.create<Counter>("Counter");
  counter.call(m<&Counter::inc>, 2);
  EXPECT_EQ(counter.call(m<&Counter::read>, Proxy<Counter>(one)), 3);
  const Proxy<Counter> same = counter.call(m<&Counter::pass>, one);
  EXPECT_EQ(same, one);
  EXPECT_TRUE(eventually([&] { return manager.number_of_objects() == 2; }));
}

TEST(BaseManager, SharesObjectsByName) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  manager.share("the counter", counter);
  BaseManager client({.address = manager.address()});
  client.connect();
  EXPECT_EQ(client.find<Counter>("the counter").call(m<&Counter::inc>, 3), 3);
  EXPECT_EQ(counter.call(m<&Counter::get>), 3);
  EXPECT_NE(error_of([&] { return client.find("counter"); }).find("the counter"), std::string::npos);
}

TEST(BaseManager, ServesOverTcp) {
  Started manager({.address = "tcp://127.0.0.1:0", .authkey = AuthKey("secret")});
  BaseManager client({.address = manager.address(), .authkey = AuthKey("secret")});
  client.connect();
  EXPECT_EQ(client.create<Counter>("Counter").call(m<&Counter::inc>, 3), 3);
}

TEST(BaseManager, LetsNobodyInWithoutTheKey) {
  Started manager({.authkey = AuthKey("secret")});
  BaseManager client({.address = manager.address(), .authkey = AuthKey("guessed")});
  EXPECT_THROW(client.connect(), AuthenticationError);
  EXPECT_EQ(manager.create<Counter>("Counter").call(m<&Counter::inc>, 3), 3);
}

TEST(BaseManager, ServesThroughTls) {
  const channel::net::TestDirectory directory;
  {
    const channel::net::TestAuthority authority(directory.path(), "authority");
    const auto certificate = authority.sign("server");
    Started manager({.address = "tcp://127.0.0.1:0",
                     .tls = {.certificate = certificate.certificate, .key = certificate.key}});
    EXPECT_EQ(manager.create<Counter>("Counter").call(m<&Counter::inc>, 3), 3);
    BaseManager client({.address = manager.address(), .tls = {.authorities = authority.path()}});
    client.connect();
    EXPECT_EQ(client.create<Counter>("Counter").call(m<&Counter::text>, std::string(100'000, 'x')).size(),
              100'001u);
    BaseManager trusting_others(
        {.address = manager.address(), .tls = {.authorities = connection::system_authorities}});
    EXPECT_THROW(trusting_others.connect(), AuthenticationError);
  }
}

TEST(BaseManager, ConnectsAnewWhereThatWasAskedFor) {
  auto first = std::make_unique<Started>();
  const std::string address = first->address();
  BaseManager lasting({.address = address, .reconnect = true});
  lasting.connect();
  const auto old = lasting.create<Counter>("Counter");
  ::kill(*first->pid(), SIGKILL);
  first->join();
  EXPECT_THROW(old.call(m<&Counter::get>), ManagerGone);
  first.reset();
  // The name of an abstract address is free as soon as its owner is gone; both managers of this process share a link to it.
  Started second({.address = address});
  EXPECT_EQ(lasting.create<Counter>("Counter").call(m<&Counter::inc>, 2), 2);
  EXPECT_THROW(old.call(m<&Counter::get>), ObjectGone);
}

TEST(BaseManager, SaysWhatIsWrongWithItsUse) {
  BaseManager fresh;
  EXPECT_NE(error_of([&] { return fresh.create("Counter"); }).find("start()"), std::string::npos);
  EXPECT_NE(error_of([&] { return fresh.connect(), 0; }).find("address"), std::string::npos);
  EXPECT_NE(error_of([&] { return fresh.shutdown(), 0; }).find("neither started"), std::string::npos);
  BaseManager nowhere({.address = "unix:@procyon-nobody-is-here"});
  EXPECT_NE(error_of([&] { return nowhere.connect(), 0; }).find("no manager"), std::string::npos);
  Started manager;
  EXPECT_NE(error_of([&] { return manager.start(), 0; }).find("already"), std::string::npos);
  EXPECT_NE(error_of([&] { return register_all(manager), 0; }).find("before start()"), std::string::npos);
  manager.shutdown();
  manager.shutdown();
  EXPECT_NE(error_of([&] { return manager.create("Counter"); }).find("shut down"), std::string::npos);
  BaseManager second({.address = "tcp://127.0.0.1:70000"});
  EXPECT_THROW(second.start(), std::invalid_argument);
}

TEST(BaseManager, TellsEverybodyThatItsServerWasKilled) {
  Started manager({.name = "Doomed"});
  const auto gate = manager.create<Gate>("Gate");
  auto passing = gate.begin(m<&Gate::pass>);
  gate.call(m<&Gate::wait_for_somebody>);
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i)
    waiters.emplace_back([&] { EXPECT_THROW(static_cast<void>(gate.call(m<&Gate::pass>)), ManagerGone); });
  ::kill(*manager.pid(), SIGKILL);
  for (std::thread& waiter : waiters) waiter.join();
  const std::string error = error_of([&] { return passing.get(); });
  EXPECT_NE(error.find("Doomed"), std::string::npos) << error;
  EXPECT_NE(error.find("SIGKILL"), std::string::npos) << error;
  EXPECT_THROW(static_cast<void>(manager.create("Counter")), ManagerGone);
}

TEST(BaseManager, EndsAServerWhoseMethodsDoNotEnd) {
  Started manager({.shutdown_timeout = 100ms});
  const auto gate = manager.create<Gate>("Gate");
  auto passing = gate.begin(m<&Gate::pass>);
  gate.call(m<&Gate::wait_for_somebody>);
  const pid_t server = *manager.pid();
  manager.shutdown();
  EXPECT_FALSE(testing::is_running(server));
  EXPECT_THROW(passing.get(), ManagerGone);
}

TEST(BaseManager, ThrowsWhatItsInitializerThrew) {
  BaseManager manager({.initializer = [] { throw std::domain_error("not today"); }});
  EXPECT_THROW(manager.start(), std::domain_error);
  BaseManager crashing({.initializer = [] { ::_exit(3); }});
  EXPECT_NE(error_of([&] { return crashing.start(), 0; }).find("exit code 3"), std::string::npos);
}

TEST(BaseManager, ServesInThisProcess) {
  BaseManager manager;
  register_all(manager);
  std::thread thread([&] { manager.serve_forever(); });
  ASSERT_TRUE(eventually([&] { return error_of([&] { return manager.number_of_objects(); }).empty(); }));
  const auto counter = manager.create<Counter>("Counter");
  EXPECT_EQ(counter.call(m<&Counter::inc>, 3), 3);
  manager.share("counter", counter);
  BaseManager client({.address = manager.address()});
  client.connect();
  EXPECT_EQ(client.number_of_objects(), 1u);
  manager.shutdown();
  thread.join();
  EXPECT_NE(error_of([&] { return counter.call(m<&Counter::get>); }).find("ManagerGone"), std::string::npos);
}

int increment(const Proxy<Counter>& counter, int by) { return counter.call(m<&Counter::inc>, by); }

class Proxies : public testing::UnderEachStartMethod {};

TEST_P(Proxies, AreArgumentsOfProcesses) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  auto child = context().Process(increment, counter, 4);
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(counter.call(m<&Counter::get>), 4);
}

TEST_P(Proxies, AreArgumentsAndResultsOfTasks) {
  Started manager;
  Pool pool({.processes = 2, .start_method = GetParam()});
  const auto counter = manager.create<Counter>("Counter");
  const std::vector<int> ones(20, 1);
  for (const int each : ones) static_cast<void>(pool.apply(increment, counter, each));
  EXPECT_EQ(counter.call(m<&Counter::get>), 20);
  const auto same = pool.apply([](Proxy<Counter> one) { return one; }, counter);
  EXPECT_EQ(same, counter);
}

TEST_P(Proxies, GoThroughQueuesAndOutliveTheirSender) {
  Started manager;
  Queue<Proxy<Counter>> queue;
  {
    const auto counter = manager.create<Counter>("CounterFrom", 10);
    queue.put(counter);
  }
  auto child = context().Process(
      [](Queue<Proxy<Counter>> from) {
        const auto counter = from.get();
        counter.call(m<&Counter::inc>, 5);
        from.put(counter);
      },
      queue);
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(queue.get().call(m<&Counter::get>), 15);
}

TEST_P(Proxies, BringTheKeyOfTheirManagerAlong) {
  Started manager({.authkey = AuthKey("known to nobody else")});
  const auto counter = manager.create<Counter>("Counter");
  Pool pool({.processes = 1, .start_method = GetParam()});
  EXPECT_EQ(pool.apply(increment, counter, 4), 4);
  Queue<Proxy<Counter>> queue;
  queue.put(counter);
  auto child =
      context().Process([](Queue<Proxy<Counter>> from) { from.get().call(m<&Counter::inc>, 5); }, queue);
  child.start();
  child.join();
  EXPECT_EQ(counter.call(m<&Counter::get>), 9);
}
INSTANTIATE_TEST_SUITE_P(StartMethods, Proxies, testing::all_start_methods, testing::name_of_start_method);

TEST(Proxies, WorkInAProcessThatTheUserForked) {
  Started manager;
  const auto counter = manager.create<Counter>("Counter");
  const pid_t child = ::fork();
  if (child == 0) {
    const int value = counter.call(m<&Counter::inc>, 4);
    ::_exit(value);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 4);
  EXPECT_EQ(counter.call(m<&Counter::inc>, 1), 5);
}

TEST(Proxies, OfAKilledClientAreGivenBack) {
  Started manager;
  Event held;
  Process child(
      [](std::string address, Event ready) {
        BaseManager client({.address = std::move(address)});
        client.connect();
        std::vector<Proxy<Counter>> counters;
        for (int i = 0; i < 10; ++i) counters.push_back(client.create<Counter>("Counter"));
        ready.set();
        Event().wait();
      },
      manager.address(), held);
  child.start();
  ASSERT_TRUE(held.wait(testing::patience));
  EXPECT_EQ(manager.number_of_objects(), 10u);
  child.kill();
  child.join();
  EXPECT_TRUE(eventually([&] { return manager.number_of_objects() == 0; }));
}

TEST(BaseManager, EndsWithAProcessThatIsKilled) {
  auto [in, out] = Pipe(one_way);
  Process owner(
      [](Connection parent) {
        Started manager;
        parent.send(*manager.pid());
        Event().wait();
      },
      out);
  owner.start();
  const pid_t server = in.recv<int>(testing::patience);
  EXPECT_TRUE(testing::is_running(server));
  owner.kill();
  owner.join();
  EXPECT_TRUE(eventually([&] { return !testing::is_running(server); }));
}

}  // namespace
}  // namespace procyon
