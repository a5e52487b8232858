#include "sync/biased_word.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::sync {
namespace {

using namespace std::chrono_literals;
using arena::Acquired;
using arena::testing::Gate;
using arena::testing::TestProcess;

struct Shared : arena::Counted {
  BiasedWord word;
  std::uint64_t plain = 0;
};
constexpr arena::ObjectType shared_type{"TestBiasedWord", 0x7002};

class BiasedWordTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!BiasedWord::accept_fences()) GTEST_SKIP() << "no membarrier(2) here, so nothing is biased";
  }
  Acquired take() { return word_.lock(os::Deadline::after(30s)); }
  void take_until_biased(std::uint32_t most = 100'000) {
    while (!word_.is_biased() && most-- != 0) {
      ASSERT_EQ(take(), Acquired::cleanly);
      word_.unlock();
    }
    ASSERT_TRUE(word_.is_biased());
  }

  arena::Reference reference_ = arena::Reference::create<Shared>(shared_type);
  Shared& shared_ = reference_.get<Shared>();
  BiasedWord& word_ = shared_.word;
};

TEST_F(BiasedWordTest, IsBiasedToWhoTakesItOftenInARow) {
  for (std::uint32_t i = 0; i < BiasedWord::first_patience; ++i) {
    EXPECT_FALSE(word_.is_biased());
    EXPECT_EQ(take(), Acquired::cleanly);
    EXPECT_TRUE(word_.is_held());
    EXPECT_TRUE(word_.is_held_by_caller());
    word_.unlock();
    EXPECT_FALSE(word_.is_held());
  }
  EXPECT_EQ(take(), Acquired::cleanly);
  word_.unlock();
  EXPECT_TRUE(word_.is_biased());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(take(), Acquired::cleanly);
    EXPECT_TRUE(word_.is_held_by_caller());
    EXPECT_EQ(word_.owner(), arena::Session::current().self());
    word_.unlock();
    EXPECT_FALSE(word_.is_held());
  }
}

TEST_F(BiasedWordTest, AnotherThreadRevokesTheBias) {
  take_until_biased();
  std::thread([&] {
    EXPECT_EQ(take(), Acquired::cleanly);
    EXPECT_FALSE(word_.is_biased());
    word_.unlock();
  }).join();
  EXPECT_EQ(take(), Acquired::cleanly);
  EXPECT_FALSE(word_.is_biased());
  word_.unlock();
}

TEST_F(BiasedWordTest, IsNotTakenWhileItsBiasedOwnerIsIn) {
  take_until_biased();
  EXPECT_EQ(take(), Acquired::cleanly);
  TestProcess other([&] {
    if (word_.try_lock() != Acquired::not_in_time) return 1;
    return word_.lock(os::Deadline::after(1ms)) == Acquired::not_in_time ? 0 : 2;
  });
  EXPECT_EQ(other.wait(), 0);
  word_.unlock();
  EXPECT_EQ(take(), Acquired::cleanly);  // the bias was being revoked
  word_.unlock();
}

TEST_F(BiasedWordTest, ARevokerThatSleepsIsWokenByTheOwner) {
  take_until_biased();
  EXPECT_EQ(take(), Acquired::cleanly);
  std::thread other([&] {
    EXPECT_EQ(take(), Acquired::cleanly);
    word_.unlock();
  });
  word_.unlock();
  other.join();
}

TEST_F(BiasedWordTest, TheNextIsToldOfABiasedOwnerThatWasKilledInside) {
  Gate held;
  TestProcess owner([&] {
    BiasedWord::accept_fences();
    while (!word_.is_biased()) take(), word_.unlock();
    take();
    held.open();
    ::pause();
    return 0;
  });
  held.pass();
  EXPECT_EQ(word_.try_lock(), Acquired::not_in_time);
  owner.kill();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(take(), Acquired::after_owner_died);
    EXPECT_TRUE(word_.owner_has_died_unrepaired());
    word_.unlock();
  }
  take();
  word_.mark_recovered();
  word_.unlock();
  EXPECT_EQ(take(), Acquired::cleanly);
  word_.unlock();
}

TEST_F(BiasedWordTest, OneThatWasKilledOutsideLeavesNothingToTell) {
  Gate left;
  TestProcess owner([&] {
    BiasedWord::accept_fences();
    while (!word_.is_biased()) take(), word_.unlock();
    left.open();
    ::pause();
    return 0;
  });
  left.pass();
  owner.kill();
  EXPECT_TRUE(word_.is_biased());
  EXPECT_EQ(take(), Acquired::cleanly);
  word_.unlock();
}

TEST_F(BiasedWordTest, AForkedChildOfTheOwnerIsAnother) {
  take_until_biased();
  TestProcess child([&] {
    if (take() != Acquired::cleanly || word_.is_biased()) return 1;
    word_.unlock();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(BiasedWordTest, TheDeadMakeRoomForFurtherOwners) {
  for (int i = 0; i < 4; ++i) {
    TestProcess owner([&] {
      BiasedWord::accept_fences();
      for (int takes = 0; takes < 1'000'000 && !word_.is_biased(); ++takes) take(), word_.unlock();
      return word_.is_biased() ? 0 : 1;
    });
    EXPECT_EQ(owner.wait(), 0);
    EXPECT_EQ(take(), Acquired::cleanly);
    word_.unlock();
  }
}

TEST_F(BiasedWordTest, AThirdLivingOwnerIsNotBiased) {
  take_until_biased();
  std::thread([&] {
    take();  // the first one's bias goes
    word_.unlock();
    take_until_biased();
  }).join();
  std::thread([&] {
    for (int i = 0; i < 100'000; ++i) {
      take();
      EXPECT_FALSE(word_.is_biased());
      word_.unlock();
    }
  }).join();
}

// Each works alone for a while and then comes between the others, so that biases come, go and are revoked amidst.
TEST_F(BiasedWordTest, ExcludesThreadsAndProcessesFromOneAnother) {
  constexpr std::uint64_t rounds = 300;
  constexpr std::uint64_t in_a_row = 200;
  const auto work = [&] {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (std::uint64_t i = 0; i < in_a_row; ++i) {
        take();
        shared_.plain = shared_.plain + 1;
        word_.unlock();
      }
      std::this_thread::yield();
    }
  };
  TestProcess first([&] { return work(), 0; });
  TestProcess second([&] {
    std::thread thread(work);
    work();
    thread.join();
    return 0;
  });
  work();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(shared_.plain, 4 * rounds * in_a_row);
}

// The first owner stays biased, and another word is new each time: the first revocation is what is looked at.
TEST_F(BiasedWordTest, ARevocationMeetsItsOwnerAtAnyStep) {
  for (int i = 0; i < 300; ++i) {
    const arena::Reference reference = arena::Reference::create<Shared>(shared_type);
    Shared& fresh = reference.get<Shared>();
    std::atomic<bool> stop{false};
    std::uint64_t counted = 0;
    std::thread owner([&] {
      while (!stop.load(std::memory_order_relaxed) || counted < 200) {
        fresh.word.lock(os::Deadline::never());
        fresh.plain = fresh.plain + 1;
        fresh.word.unlock();
        ++counted;
      }
    });
    while (!fresh.word.is_biased()) std::this_thread::yield();
    for (int own = 0; own < 5; ++own) {
      EXPECT_EQ(fresh.word.lock(os::Deadline::never()), Acquired::cleanly);
      fresh.plain = fresh.plain + 1;
      fresh.word.unlock();
    }
    stop = true;
    owner.join();
    ASSERT_EQ(fresh.plain, counted + 5);
  }
}

}  // namespace
}  // namespace procyon::sync
