#include "pool/task_ring.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace procyon::pool {
namespace {

constexpr std::uint32_t slots = 8;

/// A pool's state in ordinary memory: the ring needs no more.
class TaskRing : public ::testing::Test {
 protected:
  SlotState state_of(std::uint32_t slot) { return SlotState::from_bits(state.slot(slot).state); }
  void free(std::uint32_t slot) {
    state.slot(slot).state = SlotState{}.bits();
    publisher.forget(slot);
  }
  bool publish(std::uint32_t slot) {
    const bool is_published = publisher.publish(slot);
    publisher.announce();
    return is_published;
  }
  std::vector<std::uint32_t> completed(Completions& completions) {
    std::vector<std::uint32_t> taken;
    completions.take_all([&](std::uint32_t, std::uint32_t slot) { taken.push_back(slot); });
    return taken;
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> memory_ =
      std::vector<Line>((sizeof(PoolState) + PoolState::room_for(2, slots)) / sizeof(Line) + 1);

 protected:
  PoolState& state = [this]() -> PoolState& {
    auto* const pool = new (memory_.data()) PoolState;
    pool->slot_count = slots;
    pool->worker_count = 2;
    pool->construct_tables();
    return *pool;
  }();
  Publisher publisher{state};
};

TEST_F(TaskRing, AStateIsOneWord) {
  const SlotState some{Phase::taken, 1'023, 0xffff'ffff'ffff};
  const SlotState back = SlotState::from_bits(some.bits());
  EXPECT_EQ(back.phase, some.phase);
  EXPECT_EQ(back.worker, some.worker);
  EXPECT_EQ(back.ticket, some.ticket);
  const Progress progress{0x7fff'ffff, true, 0xffff'ffff};
  EXPECT_EQ(Progress::from_bits(progress.bits()).begun, progress.begun);
  EXPECT_EQ(Progress::from_bits(progress.bits()).finished, progress.finished);
  EXPECT_TRUE(Progress::from_bits(progress.bits()).condemned);
  EXPECT_FALSE(Progress{}.is_running());
}

TEST_F(TaskRing, AnEmptyOneHasNothingToClaim) {
  EXPECT_FALSE(may_have_task(state));
  EXPECT_FALSE(claim(state, 0));
}

TEST_F(TaskRing, TasksAreClaimedInTheOrderTheyWereGivenOut) {
  for (const std::uint32_t slot : {5U, 2U, 7U}) ASSERT_TRUE(publish(slot));
  EXPECT_TRUE(may_have_task(state));
  for (const std::uint32_t slot : {5U, 2U, 7U}) {
    const auto claimed = claim(state, 1);
    ASSERT_TRUE(claimed);
    EXPECT_EQ(claimed->slot, slot);
    EXPECT_EQ(state_of(slot).phase, Phase::taken);
    EXPECT_EQ(state_of(slot).worker, 1U);
    EXPECT_EQ(state_of(slot).ticket, claimed->ticket);
  }
  EXPECT_FALSE(may_have_task(state));
  EXPECT_FALSE(claim(state, 1));
}

TEST_F(TaskRing, ACompletedTaskIsTold) {
  Completions completions(state);
  ASSERT_TRUE(publish(3));
  const auto claimed = claim(state, 0);
  EXPECT_EQ(completions.waiting(), 0U);
  complete(state, 0, *claimed);
  EXPECT_EQ(state_of(3).phase, Phase::done);
  EXPECT_EQ(state_of(3).worker, 0U);
  EXPECT_EQ(completions.waiting(), 1U);
  EXPECT_EQ(completed(completions), std::vector<std::uint32_t>{3});
  EXPECT_EQ(completions.waiting(), 0U);
}

TEST_F(TaskRing, CompletedTasksAreToldInTheirOrderManyTimes) {
  Completions completions(state);
  for (std::uint32_t round = 0; round < 100; ++round) {
    for (std::uint32_t slot = 0; slot < slots; ++slot) ASSERT_TRUE(publish((slot + round) % slots));
    for (std::uint32_t slot = 0; slot < slots; ++slot) complete(state, 1, *claim(state, 1));
    std::vector<std::uint32_t> expected;
    for (std::uint32_t slot = 0; slot < slots; ++slot) expected.push_back((slot + round) % slots);
    ASSERT_EQ(completed(completions), expected);
    for (std::uint32_t slot = 0; slot < slots; ++slot) free(slot);
  }
}

TEST_F(TaskRing, WhatADeadWorkerNamedIsSkipped) {
  Completions completions(state);
  for (const std::uint32_t slot : {1U, 2U}) ASSERT_TRUE(publish(slot));
  for (const std::uint32_t worker : {0U, 1U}) complete(state, worker, *claim(state, worker));
  completions.skip(0);
  EXPECT_EQ(completed(completions), std::vector<std::uint32_t>{2});
}

TEST_F(TaskRing, ABacklogIsReservedByPieces) {
  for (std::uint32_t slot = 0; slot < slots; ++slot) ASSERT_TRUE(publish(slot));
  EXPECT_EQ(claim(state, 0)->slot, 0U);
  EXPECT_EQ(Reservation::from_bits(state.worker(0).reserved).count, 1U);
  EXPECT_EQ(claim(state, 1)->slot, 2U);
  EXPECT_EQ(claim(state, 0)->slot, 1U);
  EXPECT_EQ(Reservation::from_bits(state.worker(0).reserved).count, 0U);
}

TEST_F(TaskRing, WhatABusyOrDeadWorkerReservedIsClaimedByOthers) {
  for (std::uint32_t slot = 0; slot < slots; ++slot) ASSERT_TRUE(publish(slot));
  EXPECT_EQ(claim(state, 0)->slot, 0U);  // and has reserved the next, and is never seen again
  for (const std::uint32_t slot : {2U, 3U, 4U, 5U, 6U, 7U}) EXPECT_EQ(claim(state, 1)->slot, slot);
  EXPECT_TRUE(may_have_task(state));
  EXPECT_EQ(claim(state, 1)->slot, 1U);
  EXPECT_FALSE(may_have_task(state));
  EXPECT_FALSE(claim(state, 1));
  EXPECT_FALSE(claim(state, 0));
}

TEST_F(TaskRing, ASleepingMasterIsWokenWhenAsManyAreCompleteAsItWants) {
  for (std::uint32_t slot = 0; slot < 3; ++slot) ASSERT_TRUE(publish(slot));
  state.wake_after = 2;
  state.master_sleepers = 1;
  complete(state, 0, *claim(state, 0));
  EXPECT_EQ(state.master_sleepers, 1U) << "left alone";
  complete(state, 0, *claim(state, 0));
  EXPECT_EQ(state.master_sleepers, 0U) << "woken; as nobody slept in truth, the word says so";
}

TEST_F(TaskRing, GoesRoundManyTimes) {
  for (int round = 0; round < 1'000; ++round) {
    for (std::uint32_t slot = 0; slot < slots; ++slot) ASSERT_TRUE(publish(slot));
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      const auto claimed = claim(state, 0);
      ASSERT_TRUE(claimed);
      ASSERT_EQ(claimed->slot, slot);
      free(slot);
    }
    ASSERT_FALSE(claim(state, 0));
  }
}

TEST_F(TaskRing, ATaskThatNobodyClaimsKeepsItsEntry) {
  for (std::uint32_t slot = 0; slot < slots; ++slot) ASSERT_TRUE(publish(slot));
  // One slot comes back by another way than a claim; its next ticket would lie where the first still waits.
  free(3);
  EXPECT_FALSE(publish(3));
  EXPECT_EQ(claim(state, 0)->slot, 0U);
  EXPECT_TRUE(publish(3));
  for (const std::uint32_t slot : {1U, 2U, 4U, 5U, 6U, 7U, 3U}) EXPECT_EQ(claim(state, 0)->slot, slot);
  EXPECT_FALSE(claim(state, 0));
}

TEST_F(TaskRing, PassesOverTasksThatWereClaimedByWhoDiedOrWereCancelled) {
  for (std::uint32_t slot = 0; slot < 4; ++slot) ASSERT_TRUE(publish(slot));
  // Claimed, and the cursor was not moved.
  state.slot(0).state = SlotState{Phase::taken, 1, state_of(0).ticket}.bits();
  free(1);  // cancelled
  ASSERT_TRUE(publish(1));
  for (const std::uint32_t slot : {2U, 3U, 1U}) EXPECT_EQ(claim(state, 0)->slot, slot);
  EXPECT_FALSE(claim(state, 0));
}

TEST_F(TaskRing, EachTaskIsClaimedByOneWorker) {
  constexpr std::uint64_t tasks = 20'000;
  std::atomic<std::uint64_t> claimed_tasks{0};
  std::atomic<std::uint64_t> ticket_sum{0};
  std::vector<std::thread> threads;
  for (std::uint32_t worker = 0; worker < state.worker_count; ++worker)
    threads.emplace_back([&, worker] {
      while (claimed_tasks.load() < tasks) {
        const auto claimed = claim(state, worker);
        if (!claimed) {
          std::this_thread::yield();
          continue;
        }
        ticket_sum += claimed->ticket;
        ++claimed_tasks;
        complete(state, worker, *claimed);
      }
    });
  std::uint64_t published = 0;
  while (published < tasks) {
    for (std::uint32_t slot = 0; slot < slots && published < tasks; ++slot) {
      const Phase phase = state_of(slot).phase;
      if (phase != Phase::free && phase != Phase::done) continue;
      if (publish(slot)) ++published;
    }
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(claimed_tasks, tasks);
  EXPECT_EQ(ticket_sum, tasks * (tasks + 1) / 2);
}

}  // namespace
}  // namespace procyon::pool
