#include "procyon/shareable_list.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "process/test_support.hpp"
#include "procyon/queue.hpp"
#include "procyon/shared_memory_scope.hpp"

namespace procyon {
namespace {

using testing::check;

std::vector<std::byte> bytes(std::string_view text) {
  const auto all = std::as_bytes(std::span(text));
  return {all.begin(), all.end()};
}

ShareableValue text(std::size_t length, std::size_t nuls) {
  return std::string(length, 'x') + std::string(nuls, '\0');
}

class ShareableListTest : public ::testing::Test {
 protected:
  SharedMemoryScope scope_;
};

TEST_F(ShareableListTest, HoldsValuesOfEachKind) {
  const std::vector<ShareableValue> values{
      1, -5, 2.5, true, false, "text", bytes("b\xff"), none, "größer", std::string(), bytes("")};
  const ShareableList list = scope_.ShareableList(values);
  EXPECT_EQ(list.size(), values.size());
  EXPECT_EQ(list.values(), values);
  EXPECT_EQ(ShareableList::attach(list.name()).values(), values);
  EXPECT_EQ(list.format(), "qqdxxxxxxx?xxxxxxx?8s8sxxxxxx?x16s8s8s");
}

TEST_F(ShareableListTest, MayBeEmpty) {
  const ShareableList list = scope_.ShareableList({});
  EXPECT_TRUE(list.empty());
  EXPECT_TRUE(ShareableList::attach(list.name()).empty());
  EXPECT_THROW(static_cast<void>(list[0]), std::out_of_range);
}

TEST_F(ShareableListTest, AnItemTakesAnyValueThatHasRoom) {
  ShareableList list = scope_.ShareableList({1, "0123456789"});
  const ShareableList other = ShareableList::attach(list.name());
  EXPECT_EQ(list.capacity(0), 8u);
  EXPECT_EQ(list.capacity(1), 16u);
  for (const ShareableValue& value : std::vector<ShareableValue>{
           "12345678", bytes("x"), none, true, std::numeric_limits<std::int64_t>::min(), -0.5, ""}) {
    for (const std::size_t index : {0u, 1u}) {
      list.set(index, value);
      EXPECT_EQ(other[index], value);
    }
  }
  list.set(1, std::string(16, 'y'));
  EXPECT_EQ(other[1], ShareableValue(std::string(16, 'y')));
  EXPECT_EQ(other[0], ShareableValue(""));
}

TEST_F(ShareableListTest, ATextThatIsTooLongIsRefused) {
  ShareableList list = scope_.ShareableList({"0123456"});
  try {
    list.set(0, "012345678");
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_NE(std::string(error.what()).find("has room for 8 bytes, not for 9"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(list[0], ShareableValue("0123456"));
  EXPECT_THROW(list.set(1, 1), std::out_of_range);
}

TEST_F(ShareableListTest, KeepsTheNulsThatATextEndsWith) {
  ShareableList list =
      scope_.ShareableList({text(1, 2), bytes(std::string_view("a\0\0", 3)), text(0, 8), "a"});
  EXPECT_EQ(list[0], text(1, 2));
  EXPECT_EQ(list[1], ShareableValue(bytes(std::string_view("a\0\0", 3))));
  EXPECT_EQ(list[2], text(0, 8));
  list.set(0, text(3, 0));
  EXPECT_EQ(list[0], text(3, 0));
  list.set(2, text(0, 13));
  EXPECT_EQ(ShareableList::attach(list.name())[2], text(0, 13));
}

TEST_F(ShareableListTest, KeepsAsManyNulsAsItsFormatHasPlaceFor) {
  struct Case {
    std::size_t length;
    std::size_t nuls;
  };
  for (const auto& [length, most] :
       {Case{1'000, 215}, {9'700, 215}, {50'000, 35}, {500'000, 5}, {5'000'000, 0}}) {
    for (std::size_t nuls = 0; nuls <= most; ++nuls) {
      if (length > 1000 && nuls % 7 != 0 && nuls != most) continue;
      EXPECT_EQ(scope_.ShareableList({text(length, nuls)})[0], text(length, nuls));
    }
    EXPECT_THROW(static_cast<void>(scope_.ShareableList({text(length, most + 1)})), std::length_error);
  }
  EXPECT_THROW(static_cast<void>(scope_.ShareableList({text(10'000'000, 0)})), std::length_error);
}

TEST_F(ShareableListTest, CountsAndFinds) {
  const ShareableList list = scope_.ShareableList({1, "a", 1, 1.0, true, none});
  EXPECT_EQ(list.count(1), 2u);
  EXPECT_EQ(list.index("a"), 1u);
  EXPECT_EQ(list.index(none), 5u);
  EXPECT_EQ(list.index("b"), list.size());
}

/// A shared memory with these bytes.
std::string memory_of(SharedMemoryScope& scope, const std::vector<std::int64_t>& words,
                      std::size_t more = 0) {
  const SharedMemory memory = scope.SharedMemory(words.size() * 8 + more);
  std::memcpy(memory.buf().data(), words.data(), words.size() * 8);
  return memory.name();
}

TEST_F(ShareableListTest, WhatIsNoListIsRefused) {
  const std::vector<std::vector<std::int64_t>> others{
      {0},                   // truncated
      {1, 0, 8},             // no room for the item
      {-1, 0},               // a negative length
      {1LL << 61, 0},        // whose sizes overflow
      {1000, 0, 8, 16, 24},  // more items than bytes
      {1, 8, 16, 0, 0, 0},   // begins behind its place
      {2, 0, 8, 8, 0, 0, 0, 0, 0, 0},
      {2, 0, 1 << 20, 16, 0, 0, 0, 0, 0, 0},
      {2, 0, 8, -8, 0, 0, 0, 0, 0, 0},
      {1, 0, std::numeric_limits<std::int64_t>::max(), 0, 0, 0, 0}};
  for (const auto& words : others)
    EXPECT_THROW(static_cast<void>(ShareableList::attach(memory_of(scope_, words))), std::runtime_error)
        << words[0] << " " << words.size();
}

TEST_F(ShareableListTest, WhatAForeignWriterSpoilsIsAnErrorAndHurtsNoOther) {
  ShareableList list = scope_.ShareableList({1, "text", 2});
  const ShareableList before = ShareableList::attach(list.name());
  const auto memory = list.shm().buf();
  const std::size_t formats = 8 * (3 + 2) + 24;
  const auto write = [&](std::size_t place, std::string_view what) {
    std::memcpy(memory.data() + place, what.data(), what.size());
  };
  for (const std::string_view format : {"9s\0\0\0\0\0\0", "99999999", "-1s\0\0\0\0", "s\0\0\0\0\0\0\0",
                                        "8s\x01\0\0\0\0\0", "\0\0\0\0\0\0\0\0"}) {
    write(formats + 8, {format.data(), 8});
    EXPECT_THROW(static_cast<void>(list[1]), std::runtime_error);
  }
  write(formats + 8, {"8s     \r", 8});  // more NULs than there is room
  EXPECT_EQ(list[1], ShareableValue(std::string("text\0\0\0\0", 8)));
  write(8 * 3 + formats, "\x09");
  EXPECT_THROW(static_cast<void>(list[0]), std::runtime_error);
  EXPECT_EQ(list[2], ShareableValue(2));
  list.set(1, "new");
  EXPECT_EQ(list[1], ShareableValue("new"));
  write(0, "\xff\xff\xff\xff");  // the layout was read before
  write(8, "\xff\xff\xff\xff");
  EXPECT_EQ(before[2], ShareableValue(2));
}

class ShareableListAcross : public testing::UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, ShareableListAcross, testing::all_start_methods,
                         testing::name_of_start_method);

TEST_P(ShareableListAcross, CrossesByItsName) {
  SharedMemoryScope scope;
  const ShareableList list = scope.ShareableList({1, "text"});
  Queue<ShareableList> queue;
  queue.put(list);
  auto p = context().Process(
      [](ShareableList mine, Queue<ShareableList> q) {
        mine.set(0, none);
        q.get(std::chrono::seconds(60)).set(1, "other");
      },
      list, queue);
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_EQ(list.values(), (std::vector<ShareableValue>{none, "other"}));
}

}  // namespace
}  // namespace procyon
