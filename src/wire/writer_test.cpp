#include "procyon/detail/wire/writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "procyon/detail/wire/reader.hpp"

namespace procyon::wire {
namespace {

std::vector<std::byte> pattern(std::size_t length) {
  std::vector<std::byte> bytes(length);
  for (std::size_t index = 0; index < length; ++index) bytes[index] = static_cast<std::byte>(index * 7);
  return bytes;
}

std::vector<std::byte> copy_of(const Writer& writer) {
  return std::vector<std::byte>(writer.bytes().begin(), writer.bytes().end());
}

TEST(Writer, GrowsFromItsOwnBufferToTheHeap) {
  Writer writer;
  std::vector<std::byte> expected;
  for (std::size_t length : {0, 1, 250, 5, 1, 100'000, 3}) {
    const auto bytes = pattern(length);
    writer.append(bytes.data(), bytes.size());
    expected.insert(expected.end(), bytes.begin(), bytes.end());
  }
  EXPECT_TRUE(writer.fits());
  EXPECT_EQ(copy_of(writer), expected);
}

TEST(Writer, ReusesItsMemoryAfterClear) {
  Writer writer;
  const auto bytes = pattern(10'000);
  writer.append(bytes.data(), bytes.size());
  const std::byte* before = writer.bytes().data();
  writer.clear();
  EXPECT_EQ(writer.size(), 0U);
  writer.append(bytes.data(), bytes.size());
  EXPECT_EQ(writer.bytes().data(), before);
}

TEST(Writer, IntoASpanNeverWritesBeyondItAndTellsTheSizeNeeded) {
  std::array<std::byte, 16> room;
  room.fill(std::byte{0xee});
  Writer writer(std::span<std::byte>(room.data(), 8));
  writer.put(std::uint32_t{1});
  EXPECT_TRUE(writer.fits());
  writer.put(std::uint64_t{2});
  EXPECT_FALSE(writer.fits());
  EXPECT_EQ(writer.size(), 12U);
  EXPECT_TRUE(writer.bytes().empty());
  writer.put(std::uint8_t{3});
  EXPECT_EQ(writer.size(), 13U);
  for (std::size_t index = 8; index < room.size(); ++index) EXPECT_EQ(room[index], std::byte{0xee});
}

TEST(Writer, IntoASpanOfExactlyTheRightSizeFits) {
  std::array<std::byte, 12> room;
  Writer writer(room);
  writer.put(std::uint32_t{1});
  writer.put(std::uint64_t{2});
  EXPECT_TRUE(writer.fits());
  EXPECT_EQ(writer.bytes().size(), 12U);
  EXPECT_EQ(writer.bytes().data(), room.data());
}

TEST(Writer, IntoASpanFitsAgainAfterWhatWasTooMuchIsTakenBack) {
  std::array<std::byte, 4> room;
  Writer writer(room);
  writer.put(std::uint16_t{1});
  writer.put(std::uint64_t{2});
  EXPECT_FALSE(writer.fits());
  writer.truncate(2);
  EXPECT_TRUE(writer.fits());
  writer.put(std::uint16_t{3});
  EXPECT_EQ(writer.bytes().size(), 4U);
}

TEST(Writer, PatchesALengthThatIsKnownOnlyAfterwards) {
  Writer writer;
  writer.put(std::uint32_t{0});
  writer.put(std::uint64_t{5});
  writer.patch(0, static_cast<std::uint32_t>(writer.size()));
  Reader reader(writer.bytes());
  EXPECT_EQ(reader.get<std::uint32_t>("length"), 12U);
}

TEST(Writer, MovesSmallAndLargeMessages) {
  for (std::size_t length : {10U, 10'000U}) {
    const auto bytes = pattern(length);
    Writer first;
    first.append(bytes.data(), bytes.size());
    Writer second(std::move(first));
    EXPECT_EQ(copy_of(second), bytes);
    Writer third;
    third.put(std::uint64_t{1});
    third = std::move(second);
    EXPECT_EQ(copy_of(third), bytes);
    third.append(bytes.data(), bytes.size());
    EXPECT_EQ(third.size(), 2 * length);
  }
}

TEST(Reader, ThrowsASentenceThatNamesTheTypeWhenBytesAreMissing) {
  const std::array<std::byte, 3> bytes{};
  Reader reader(bytes);
  try {
    reader.get<std::uint64_t>("Job");
    FAIL() << "read 8 bytes out of 3";
  } catch (const DecodeError& error) {
    EXPECT_NE(std::string(error.what()).find("'Job'"), std::string::npos) << error.what();
  }
}

TEST(Reader, AcceptsTheEndAndRefusesLeftOvers) {
  const std::array<std::byte, 4> bytes{};
  Reader reader(bytes);
  EXPECT_THROW(reader.expect_end("int"), DecodeError);
  reader.get<std::uint32_t>("int");
  EXPECT_NO_THROW(reader.expect_end("int"));
}

TEST(Reader, ChecksALengthAgainstWhatIsThere) {
  Writer writer;
  writer.put(std::uint64_t{3});
  writer.put(std::uint64_t{0});
  Reader reader(writer.bytes());
  EXPECT_THROW(reader.get_length(4, "vector"), DecodeError);
  Reader again(writer.bytes());
  EXPECT_EQ(again.get_length(2, "vector"), 3U);
}

}  // namespace
}  // namespace procyon::wire
