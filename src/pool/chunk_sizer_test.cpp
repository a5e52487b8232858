// How chunks follow the time of their items. No clock and no worker takes part.
#include "procyon/detail/pool/chunk_sizer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace procyon::pool {
namespace {

using namespace std::chrono_literals;

ChunkSizer for_two(std::size_t items) {
  ChunkSizer chunks = ChunkSizer::adaptive(2, 128);
  chunks.expect(items);
  return chunks;
}

/// Gives all items out, each chunk measured before the next one: the sizes of the chunks.
std::vector<std::size_t> chunks_of(ChunkSizer chunks, std::size_t items, std::chrono::nanoseconds item_time) {
  std::vector<std::size_t> sizes;
  while (items > 0) {
    const std::size_t next = std::min(chunks.next(), items);
    sizes.push_back(next);
    items -= next;
    chunks.given(next);
    chunks.learn(next, item_time * next);
  }
  return sizes;
}

TEST(ChunkSizer, AFixedNumberStaysWhatItIs) {
  ChunkSizer chunks = ChunkSizer::fixed(7);
  chunks.learn(7, 10s);
  EXPECT_EQ(chunks.next(), 7U);
  EXPECT_FALSE(chunks.adapts());
}

TEST(ChunkSizer, BeginsWithSingleItems) { EXPECT_EQ(for_two(1'000'000).next(), 1U); }

TEST(ChunkSizer, LightItemsGoByThousandsAfterSomeSteps) {
  const auto sizes = chunks_of(for_two(1'000'000), 1'000'000, 5ns);
  EXPECT_EQ((std::vector(sizes.begin(), sizes.begin() + 6)),
            (std::vector<std::size_t>{1, 8, 64, 512, 4096, 4096}));
  EXPECT_LE(sizes.size(), 1'000'000 / ChunkSizer::largest + 50);
}

TEST(ChunkSizer, AChunkIsAMillisecondOfWork) {
  ChunkSizer chunks = for_two(1'000'000);
  for (int chunk = 0; chunk < 10; ++chunk) chunks.learn(chunks.next(), 10us * chunks.next());
  EXPECT_EQ(chunks.next(), 100U);
}

TEST(ChunkSizer, HeavyItemsGoOneByOne) {
  EXPECT_EQ(chunks_of(for_two(40), 40, 5ms), std::vector<std::size_t>(40, 1));
}

TEST(ChunkSizer, OneHeavyItemIsEnoughToBeCareful) {
  ChunkSizer chunks = for_two(1'000'000);
  for (int chunk = 0; chunk < 10; ++chunk) chunks.learn(chunks.next(), 10ns * chunks.next());
  EXPECT_EQ(chunks.next(), ChunkSizer::largest);
  chunks.learn(4096, 4096ms);
  EXPECT_EQ(chunks.next(), 1U);
  for (int chunk = 0; chunk < 30; ++chunk) chunks.learn(chunks.next(), 10ns * chunks.next());
  EXPECT_EQ(chunks.next(), ChunkSizer::largest);
}

ChunkSizer after_light_items() {
  ChunkSizer chunks = for_two(1'000'000);
  for (int chunk = 0; chunk < 10; ++chunk) chunks.learn(chunks.next(), 10ns * chunks.next());
  return chunks;
}

TEST(ChunkSizer, AChunkWhoseWorkerWasOffTheProcessorChangesNothing) {
  ChunkSizer chunks = after_light_items();
  const std::size_t window = chunks.window();
  for (int round = 0; round < 10; ++round) {
    chunks.learn(4096, 40ms);
    EXPECT_EQ(chunks.next(), ChunkSizer::largest);
    EXPECT_EQ(chunks.window(), window);
    chunks.learn(4096, 10ns * 4096);
  }
}

TEST(ChunkSizer, TwoSuchChunksInARowAreBelieved) {
  ChunkSizer chunks = after_light_items();
  chunks.learn(4096, 40960us);
  chunks.learn(4096, 81920us);
  EXPECT_EQ(chunks.next(), 100U) << "what both say: 10 us an item";
  chunks.learn(100, 2000us);  // what is a little heavier is believed at once, as always
  EXPECT_EQ(chunks.next(), 50U);
}

TEST(ChunkSizer, OneThatTookLongerThanAnAbsenceIsBelievedAtOnce) {
  ChunkSizer chunks = after_light_items();
  chunks.learn(4096, ChunkSizer::longest_absence);
  EXPECT_EQ(chunks.next(), ChunkSizer::largest);
  chunks = after_light_items();
  chunks.learn(4096, ChunkSizer::longest_absence + 1us);
  EXPECT_EQ(chunks.next(), 40U);
}

// Chunks grow by what is known, and of a doubtful one nothing is.
TEST(ChunkSizer, AChunkThatIsDoubtedMakesTheNextNoLarger) {
  ChunkSizer chunks = for_two(1'000'000);
  chunks.learn(1, 100ns);
  EXPECT_EQ(chunks.next(), 8U);
  chunks.learn(8, 40ms);
  EXPECT_EQ(chunks.next(), 8U);
  chunks.learn(8, 40ms);
  EXPECT_EQ(chunks.next(), 1U);
}

TEST(ChunkSizer, TheLastChunksAreSmall) {
  const auto sizes = chunks_of(for_two(20'000), 20'000, 5ns);
  EXPECT_EQ(sizes.back(), 1U);
  std::size_t rest = 20'000;
  for (const std::size_t size : sizes) {
    EXPECT_LE(size, (rest + 3) / 4) << "more than half of an even share of what remains";
    rest -= size;
  }
}

TEST(ChunkSizer, MoreSmallChunksAreInStoreThanLargeOnes) {
  ChunkSizer chunks = for_two(1'000'000);
  EXPECT_EQ(chunks.window(), 8U);
  chunks.learn(1, 5ms);
  EXPECT_EQ(chunks.window(), 8U);
  ChunkSizer light = for_two(1'000'000);
  for (int chunk = 0; chunk < 10; ++chunk) light.learn(light.next(), 5ns * light.next());
  EXPECT_EQ(light.window(), 128U);
}

TEST(ChunkSizer, WhoeverExpectsNothingGetsSingleItems) {
  ChunkSizer chunks = ChunkSizer::adaptive(2, 128);
  chunks.learn(1, 1ns);
  EXPECT_EQ(chunks.next(), 1U);
}

}  // namespace
}  // namespace procyon::pool
