#include "pool/ledger.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "pool/worker.hpp"
#include "procyon/detail/pool/typed_job.hpp"

namespace procyon::pool {
namespace {

using arena::Reference;
using arena::Session;

constexpr std::uint32_t slots = 8;

int tripled(int item) {
  if (item == 13) throw std::invalid_argument("thirteen");
  return 3 * item;
}

/// A master's ledger without a master; the test is the workers too.
class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    pool_ = Reference::create_with_room<PoolState>(PoolState::room_for(2, slots), pool_type);
    state().slot_count = slots;
    state().worker_count = 2;
    state().construct_tables();
    ledger.emplace(session, state(), pool_.handle());
  }
  PoolState& state() { return pool_.get<PoolState>(); }

  bool give_out(std::uint32_t count = 1) {
    TaskEncoder<int (*)(int), int> encoder(function_);
    for (std::uint32_t item = 0; item < count; ++item) encoder.add(static_cast<int>(given_ + item));
    job->resize(given_ + count);
    const bool is_given = ledger->give_out({job, given_, count, std::nullopt}, encoder.task());
    if (!is_given) return false;
    job->pending += count;
    given_ += count;
    ledger->announce();
    return true;
  }
  /// One task of so many items, which need not find a slot.
  void keep(std::uint32_t count) {
    TaskEncoder<int (*)(int), int> encoder(function_);
    for (std::uint32_t item = 0; item < count; ++item) encoder.add(static_cast<int>(item));
    job->resize(count);
    job->pending += count;
    job->chunks.expect(count);
    ledger->keep({job, 0, count, std::nullopt}, std::move(encoder.task()));
    ledger->feed();
  }
  void run(std::uint32_t worker, const Claim& claim) {
    CallableCache cache;
    run_task(session, state(), pool_.handle(), worker, claim, cache);
  }
  /// Runs all that this worker finds.
  void run_all(std::uint32_t worker) {
    while (const auto claimed = claim(state(), worker)) run(worker, *claimed);
  }

  Session& session = Session::current();
  std::shared_ptr<CollectedJob<int>> job = std::make_shared<CollectedJob<int>>("map", true);
  std::optional<Ledger> ledger;

 private:
  int (*function_)(int) = &tripled;
  Reference pool_;
  std::size_t given_ = 0;
};

TEST_F(LedgerTest, TakesOverWhatIsComplete) {
  ASSERT_TRUE(give_out(2));
  ASSERT_TRUE(give_out());
  EXPECT_EQ(ledger->outstanding(), 2U);
  run_all(0);
  EXPECT_EQ(ledger->completed(), 2U);
  EXPECT_EQ(ledger->collect(), 2U);
  EXPECT_EQ(ledger->outstanding(), 0U);
  EXPECT_EQ(job->pending, 0U);
  for (int item = 0; item < 3; ++item) EXPECT_EQ(*job->outcomes()[static_cast<std::size_t>(item)], 3 * item);
}

TEST_F(LedgerTest, AnErrorAmongValuesIsThatItemsAlone) {
  ASSERT_TRUE(give_out(30));
  run_all(1);
  ledger->collect();
  for (int item = 0; item < 30; ++item) {
    const Outcome<int>& outcome = job->outcomes()[static_cast<std::size_t>(item)];
    if (item == 13) {
      EXPECT_TRUE(outcome.error().is<std::invalid_argument>());
    } else {
      EXPECT_EQ(*outcome, 3 * item);
    }
  }
}

TEST_F(LedgerTest, ATicketThatNobodyClaimsBlocksTheRingUntilItIsClaimed) {
  for (std::uint32_t task = 0; task < slots; ++task) ASSERT_TRUE(give_out());
  // Worker 0 reserves the first two, claims the first and is not seen for a long time; worker 1 does all the rest that it
  // need not take from him.
  run(0, *claim(state(), 0));
  for (std::uint32_t task = 2; task < slots; ++task) run(1, *claim(state(), 1));
  EXPECT_EQ(ledger->collect(), slots - 1);
  ASSERT_TRUE(give_out());
  EXPECT_FALSE(ledger->is_blocked());
  ASSERT_TRUE(give_out());  // it is kept for the place in the ring of the second task
  EXPECT_TRUE(ledger->is_blocked());
  EXPECT_FALSE(give_out());
  run(0, *claim(state(), 0));
  ASSERT_TRUE(give_out());
  EXPECT_FALSE(ledger->is_blocked());
  run_all(1);
  ledger->collect();
  EXPECT_EQ(ledger->outstanding(), 0U);
  EXPECT_EQ(job->pending, 0U);
}

TEST_F(LedgerTest, WhatADeadWorkerReservedIsDoneByOthersAndWhatItClaimedIsGivenOutAgain) {
  for (std::uint32_t task = 0; task < slots; ++task) ASSERT_TRUE(give_out());
  ASSERT_TRUE(claim(state(), 0));  // and it dies before it begins
  EXPECT_TRUE(ledger->settle_lost(0, [](const TaskDescription&, std::uint32_t, bool) {
    ADD_FAILURE() << "nothing had begun";
    return std::exception_ptr();
  }));
  ledger->announce();
  run_all(1);
  EXPECT_EQ(ledger->collect(), slots);
  EXPECT_EQ(job->pending, 0U);
}

TEST_F(LedgerTest, AKeptTaskIsCutAsItsItemsAreMeasured) {
  job->chunks = ChunkSizer::adaptive(2, slots / 2);
  keep(100);
  std::size_t tasks = 0;
  while (job->pending != 0) {
    EXPECT_LE(Ledger::tasks_of(*job), slots);
    EXPECT_GT(Ledger::tasks_of(*job), 0U);
    run_all(tasks % 2);
    tasks += ledger->collect();
  }
  EXPECT_GE(tasks, slots) << "at first items go one by one";
  EXPECT_EQ(ledger->outstanding(), 0U);
  for (int item = 0; item < 100; ++item) {
    const Outcome<int>& outcome = job->outcomes()[static_cast<std::size_t>(item)];
    if (item != 13) {
      EXPECT_EQ(*outcome, 3 * item);
    } else {
      EXPECT_TRUE(outcome.error().is<std::invalid_argument>());
    }
  }
}

TEST_F(LedgerTest, WhatIsLeftOfAKeptTaskEndsWithItsJob) {
  job->chunks = ChunkSizer::adaptive(2, slots / 2);
  keep(100);
  run_all(0);
  ledger->collect();
  std::vector<std::uint32_t> condemned;
  EXPECT_TRUE(ledger->end_job(*job, std::make_exception_ptr(std::runtime_error("over")), condemned));
  EXPECT_EQ(ledger->outstanding(), 0U);
  EXPECT_EQ(job->pending, 0U);
  EXPECT_EQ(*job->outcomes()[0], 0);
  EXPECT_EQ(job->outcomes()[99].error().what(), "over");
}

TEST_F(LedgerTest, KnowsTheBytesOfTheInputsThatAreOut) {
  ASSERT_TRUE(give_out(3));
  ASSERT_TRUE(give_out(2));
  EXPECT_EQ(job->input_bytes(), 5 * sizeof(int));
  run(0, *claim(state(), 0));
  EXPECT_EQ(job->input_bytes(), 5 * sizeof(int));
  ledger->collect();
  EXPECT_EQ(job->input_bytes(), 2 * sizeof(int));
  ledger->fail_all(std::make_exception_ptr(std::runtime_error("over")));
  EXPECT_EQ(job->input_bytes(), 0U);
}

TEST_F(LedgerTest, EveryItemFailsWhenThereIsNobodyLeft) {
  ASSERT_TRUE(give_out(3));
  ASSERT_TRUE(give_out());
  ledger->fail_all(std::make_exception_ptr(std::runtime_error("over")));
  EXPECT_EQ(ledger->outstanding(), 0U);
  EXPECT_EQ(job->pending, 0U);
  for (const Outcome<int>& outcome : job->outcomes()) EXPECT_EQ(outcome.error().what(), "over");
}

}  // namespace
}  // namespace procyon::pool
