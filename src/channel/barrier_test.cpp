#include "procyon/barrier.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/sync/state_lock.hpp"
#include "procyon/partial.hpp"
#include "procyon/value.hpp"
#include "sync/barrier_format.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

void count(Value<int> calls) { ++calls.value(); }
void fail() { throw std::runtime_error("the action failed"); }

void until_waiting(const Barrier& barrier, std::size_t number) {
  while (barrier.n_waiting() != number) std::this_thread::yield();
}

std::string sentence_of_broken(Barrier& barrier) {
  try {
    barrier.wait(60s);
  } catch (const BrokenBarrier& error) {
    return error.what();
  }
  return "";
}

// Waits and returns 0 if that was refused as broken.
int expect_broken(Barrier& barrier) { return sentence_of_broken(barrier).empty() ? 1 : 0; }

// A process that stops inside the barrier's lock.
std::unique_ptr<TestProcess> stopped_holder(const Barrier& barrier) {
  auto process = std::make_unique<TestProcess>([&] {
    const sync::StateLock lock(barrier.reference().get<sync::BarrierState>().lock, [] {});
    ::raise(SIGSTOP);
    return 0;
  });
  process->wait_until_stopped();
  return process;
}

TEST(Barrier, AStoppedHolderOfItsLockDelaysOthersNoLongerThanTheirDeadline) {
  Barrier barrier(2);
  const auto stopped = stopped_holder(barrier);
  EXPECT_THROW(barrier.wait(1ms), BrokenBarrier);
  EXPECT_TRUE(barrier.broken());
  stopped->go_on();
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
}

TEST(Barrier, WhoWaitsGivesUpInTimeThoughAHolderOfItsLockIsStopped) {
  Barrier barrier(2);
  TestProcess party([&] {
    try {
      barrier.wait(2s);
    } catch (const BrokenBarrier&) {
      return 0;
    }
    return 1;
  });
  until_waiting(barrier, 1);
  const auto stopped = stopped_holder(barrier);
  EXPECT_EQ(party.wait(), 0);
  EXPECT_TRUE(barrier.broken());
}

TEST(Barrier, LetsAllGoOnWhenTheLastHasCome) {
  constexpr int rounds = 200;
  Barrier barrier(3);
  Value<int> behind(0);
  const auto work = [&] {
    for (int round = 0; round < rounds; ++round) {
      behind.with([](int& number) { ++number; });
      barrier.wait(60s);
      if (behind.value() < 3 * (round + 1)) return 1;
      barrier.wait(60s);
    }
    return 0;
  };
  TestProcess first(work);
  TestProcess second(work);
  EXPECT_EQ(work(), 0);
  EXPECT_EQ(first.wait() + second.wait(), 0);
  EXPECT_EQ(barrier.n_waiting(), 0u);
}

TEST(Barrier, GivesEachArrivalItsOwnNumber) {
  Barrier barrier(4);
  std::array<std::size_t, 4> numbers{};
  std::vector<std::thread> threads;
  for (std::size_t& number : numbers) threads.emplace_back([&] { number = barrier.wait(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::size_t>(numbers.begin(), numbers.end()), (std::set<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(barrier.parties(), 4u);
}

TEST(Barrier, OfOneWaitsForNobody) {
  Barrier barrier(1);
  EXPECT_EQ(barrier.wait(), 0u);
  EXPECT_EQ(barrier.wait(0s), 0u);
}

TEST(Barrier, RefusesANumberOfPartiesThatItCannotHave) {
  EXPECT_THROW(Barrier(0), std::invalid_argument);
  EXPECT_THROW(Barrier(65537), std::invalid_argument);
}

TEST(Barrier, TheLastCallsTheAction) {
  const Value<int> calls(0);
  Barrier barrier(2, partial(count, calls));
  TestProcess other([&] {
    barrier.wait();
    return calls.value() == 1 ? 0 : 1;
  });
  barrier.wait();
  EXPECT_EQ(calls.value(), 1);
  EXPECT_EQ(other.wait(), 0);
}

TEST(Barrier, AnActionThatThrowsBreaksIt) {
  Barrier barrier(2, fail);
  TestProcess other([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  EXPECT_THROW(barrier.wait(), std::runtime_error);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(barrier.broken());
}

TEST(Barrier, ATimeOutBreaksItForAll) {
  Barrier barrier(3);
  TestProcess other([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  EXPECT_THROW(barrier.wait(1ms), BrokenBarrier);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(
      sentence_of_broken(barrier),
      "procyon: the barrier is broken: a party timed out, ended while it waited, or called abort(), or the "
      "action failed; reset() makes it usable again");
}

TEST(Barrier, HasATimeOutOfItsOwn) {
  Barrier barrier(
      2, [] {}, 1ms);
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
}

TEST(Barrier, AbortIsToldToThoseWhoWaitAndThoseWhoCome) {
  Barrier barrier(3);
  EXPECT_EQ(barrier.parties(), 3u);
  TestProcess waiter([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  EXPECT_EQ(barrier.n_waiting(), 1u);
  barrier.abort();
  EXPECT_EQ(waiter.wait(), 0);
  EXPECT_THROW(barrier.wait(60s), BrokenBarrier);
}

TEST(Barrier, ItsPartiesThatDieInTheActionBreakIt) {
  Barrier barrier(2, [] { ::raise(SIGKILL); });
  TestProcess other([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  TestProcess last([&] { return static_cast<int>(barrier.wait(60s)); });
  EXPECT_EQ(last.wait(), -SIGKILL);
  EXPECT_EQ(other.wait(), 0);
}

TEST(Barrier, IsUsableAgainAfterReset) {
  Barrier barrier(2);
  TestProcess waiter([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  barrier.reset();
  EXPECT_EQ(waiter.wait(), 0) << "who waited is told";
  barrier.abort();
  EXPECT_TRUE(barrier.broken());
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  TestProcess other([&] { return barrier.wait(60s) < 2 ? 0 : 1; });
  barrier.wait(60s);
  EXPECT_EQ(other.wait(), 0);
}

TEST(Barrier, APartyThatIsKilledWhileItWaitsBreaksIt) {
  Barrier barrier(3);
  TestProcess victim([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  TestProcess other([&] { return expect_broken(barrier); });
  until_waiting(barrier, 2);
  victim.kill();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(barrier.broken());
}

TEST(Barrier, TheLastToComeFindsAPartyThatWasKilled) {
  Barrier barrier(2);
  TestProcess victim([&] { return expect_broken(barrier); });
  until_waiting(barrier, 1);
  victim.kill();
  EXPECT_THROW(barrier.wait(60s), BrokenBarrier);
}

}  // namespace
}  // namespace procyon
