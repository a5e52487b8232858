#include "procyon/detail/arena/owner_word.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::arena {
namespace {

using namespace std::chrono_literals;
using testing::Gate;
using testing::TestProcess;

struct Shared : Counted {
  OwnerWord word;
  std::uint64_t plain = 0;
};
constexpr ObjectType shared_type{"TestWord", 0x7001};

class OwnerWordTest : public ::testing::Test {
 protected:
  Reference reference_ = Reference::create<Shared>(shared_type);
  Shared& shared_ = reference_.get<Shared>();
  OwnerWord& word_ = shared_.word;
};

TEST_F(OwnerWordTest, IsTakenCleanlyAndFreed) {
  EXPECT_EQ(word_.lock(os::Deadline::never()), Acquired::cleanly);
  EXPECT_TRUE(word_.is_held());
  EXPECT_TRUE(word_.is_held_by_caller());
  EXPECT_TRUE(word_.unlock());
  EXPECT_FALSE(word_.is_held());
  EXPECT_FALSE(word_.is_held_by_caller());
}

TEST_F(OwnerWordTest, ReleasingAFreeOneIsToldAndChangesNothing) {
  EXPECT_FALSE(word_.unlock());
  EXPECT_EQ(word_.try_lock(), Acquired::cleanly);
  word_.unlock();
}

TEST_F(OwnerWordTest, AHeldOneIsNotTakenInTime) {
  word_.lock(os::Deadline::never());
  std::thread([&] {
    EXPECT_EQ(word_.try_lock(), Acquired::not_in_time);
    EXPECT_EQ(word_.lock(os::Deadline::after(1ms)), Acquired::not_in_time);
    EXPECT_FALSE(word_.is_held_by_caller());
  }).join();
  word_.unlock();
}

TEST_F(OwnerWordTest, AnyThreadMayFreeIt) {
  word_.lock(os::Deadline::never());
  std::thread([&] { EXPECT_TRUE(word_.unlock()); }).join();
  EXPECT_EQ(word_.try_lock(), Acquired::cleanly);
  word_.unlock();
}

TEST_F(OwnerWordTest, TheNextOwnerIsToldOfAnOwnerThatWasKilled) {
  Gate held;
  TestProcess owner([&] {
    word_.lock(os::Deadline::never());
    held.open();
    ::pause();
    return 0;
  });
  held.pass();
  EXPECT_EQ(word_.try_lock(), Acquired::not_in_time);
  owner.kill();
  EXPECT_EQ(word_.lock(os::Deadline::after(30s)), Acquired::after_owner_died);
  EXPECT_TRUE(word_.is_held_by_caller());
  word_.unlock();
}

TEST_F(OwnerWordTest, ASleeperIsToldWhenTheOwnerIsKilledMeanwhile) {
  Gate held;
  TestProcess owner([&] {
    word_.lock(os::Deadline::never());
    held.open();
    ::pause();
    return 0;
  });
  held.pass();
  std::thread killer([&] { owner.kill(); });
  EXPECT_EQ(word_.lock(os::Deadline::after(30s)), Acquired::after_owner_died);
  killer.join();
  word_.unlock();
}

TEST_F(OwnerWordTest, AnOwnerThatExitsOrExecutesAnotherProgramCountsAsDead) {
  EXPECT_EQ(
      TestProcess([&] { return word_.lock(os::Deadline::never()) == Acquired::cleanly ? 0 : 1; }).wait(), 0);
  EXPECT_EQ(word_.try_lock(), Acquired::after_owner_died);
  word_.mark_recovered();
  word_.unlock();

  Gate held;
  TestProcess executes([&] {
    word_.lock(os::Deadline::never());
    held.open();
    ::execlp("sleep", "sleep", "1000", nullptr);
    return 1;
  });
  held.pass();
  EXPECT_EQ(word_.lock(os::Deadline::after(30s)), Acquired::after_owner_died);
  word_.unlock();
}

TEST_F(OwnerWordTest, EveryoneIsToldUntilSomebodyRepairs) {
  TestProcess([&] { return word_.lock(os::Deadline::never()) == Acquired::cleanly ? 0 : 1; }).wait();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(word_.lock(os::Deadline::never()), Acquired::after_owner_died);
    EXPECT_TRUE(word_.owner_has_died_unrepaired());
    word_.unlock();
  }
  word_.lock(os::Deadline::never());
  word_.mark_recovered();
  word_.unlock();
  EXPECT_EQ(word_.lock(os::Deadline::never()), Acquired::cleanly);
  word_.unlock();
}

TEST_F(OwnerWordTest, ExcludesThreadsAndProcessesFromOneAnother) {
  constexpr std::uint64_t rounds = 20'000;
  const auto work = [&] {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      word_.lock(os::Deadline::never());
      shared_.plain = shared_.plain + 1;
      word_.unlock();
    }
  };
  TestProcess first([&] { return work(), 0; });
  TestProcess second([&] { return work(), 0; });
  work();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(shared_.plain, 3 * rounds);
}

TEST_F(OwnerWordTest, IsFreedAsIfItsOwnerHadDied) {
  word_.lock(os::Deadline::never());
  const std::uint64_t holder = self_word();
  std::thread([&] {
    EXPECT_FALSE(word_.unlock_as_dead(self_word()));
    EXPECT_TRUE(word_.is_held_by(holder));
    EXPECT_TRUE(word_.unlock_as_dead(holder));
    EXPECT_FALSE(word_.is_held());
    EXPECT_FALSE(word_.unlock_as_dead(holder));
  }).join();
  EXPECT_EQ(word_.try_lock(), Acquired::after_owner_died);
  word_.mark_recovered();
  word_.unlock();
  EXPECT_EQ(word_.try_lock(), Acquired::cleanly);
  word_.unlock();
}

TEST_F(OwnerWordTest, AKilledSleeperCostsTheOthersNothing) {
  word_.lock(os::Deadline::never());
  std::vector<std::unique_ptr<TestProcess>> sleepers;
  for (int count = 0; count < 3; ++count)
    sleepers.push_back(std::make_unique<TestProcess>([&] {
      const auto acquired = word_.lock(os::Deadline::after(60s));
      word_.unlock();
      return acquired == Acquired::not_in_time ? 1 : 0;
    }));
  sleepers[1]->kill();
  word_.unlock();
  EXPECT_EQ(sleepers[0]->wait(), 0);
  EXPECT_EQ(sleepers[2]->wait(), 0);
}

}  // namespace
}  // namespace procyon::arena
