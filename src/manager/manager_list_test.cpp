#include "procyon/manager_list.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "manager/test_loop.hpp"

namespace procyon {
namespace {

using manager::create_object;
using manager::test::TestLink;
using manager::test::TestLoop;
using Numbers = ListProxy<int>;

class List : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  Numbers numbers = create_object<Numbers>(client);
};

TEST_F(List, KeepsWhatIsAppendedInOrder) {
  numbers.push_back(1);
  numbers.append(2);
  numbers.extend(std::vector{3, 4, 5});
  EXPECT_EQ(numbers.copy(), (std::vector{1, 2, 3, 4, 5}));
  EXPECT_EQ(numbers.size(), 5u);
  EXPECT_EQ(numbers[1], 2);
  EXPECT_EQ(numbers.front(), 1);
  EXPECT_EQ(numbers.back(), 5);
  EXPECT_EQ(numbers.get_many(1, 2), (std::vector{2, 3}));
  EXPECT_EQ(numbers.get_many(4, 10), (std::vector{5}));
  EXPECT_EQ(numbers.get_many(9, 10), std::vector<int>{});
}

TEST_F(List, ChangesItems) {
  numbers.extend(std::vector{1, 2, 3});
  numbers[0] = 7;
  numbers.set(2, 9);
  numbers[1] += 10;
  numbers.insert(1, 8);
  numbers.insert(4, 5);
  EXPECT_EQ(numbers.copy(), (std::vector{7, 8, 12, 9, 5}));
  numbers.reverse();
  EXPECT_EQ(numbers.copy(), (std::vector{5, 9, 12, 8, 7}));
  numbers.sort();
  EXPECT_EQ(numbers.copy(), (std::vector{5, 7, 8, 9, 12}));
  numbers.sort(std::greater<>());
  EXPECT_EQ(numbers.front(), 12);
  numbers.assign(std::vector{1});
  EXPECT_EQ(numbers.copy(), (std::vector{1}));
}

TEST_F(List, TakesItemsOut) {
  numbers.extend(std::vector{1, 2, 3, 2, 4, 5});
  EXPECT_EQ(numbers.pop(), 5);
  EXPECT_EQ(numbers.pop(0), 1);
  EXPECT_TRUE(numbers.remove(2));
  EXPECT_FALSE(numbers.remove(99));
  EXPECT_EQ(numbers.copy(), (std::vector{3, 2, 4}));
  numbers.erase(1, 2);
  EXPECT_EQ(numbers.copy(), (std::vector{3}));
  numbers.clear();
  EXPECT_TRUE(numbers.empty());
}

TEST_F(List, FindsItems) {
  numbers.extend(std::vector{4, 5, 4});
  EXPECT_EQ(numbers.index(5), std::optional<std::size_t>(1));
  EXPECT_EQ(numbers.index(6), std::nullopt);
  EXPECT_EQ(numbers.count(4), 2u);
  EXPECT_TRUE(numbers.contains(4));
}

TEST_F(List, AnIndexThatIsNotThereIsASentence) {
  numbers.push_back(1);
  try {
    static_cast<void>(numbers.at(3));
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "procyon: this list<i32> has 1 items, so there is none at 3");
  }
  const std::ptrdiff_t last = -1;
  try {
    static_cast<void>(numbers.at(static_cast<std::size_t>(last)));
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_NE(std::string(error.what()).find("negative indices"), std::string::npos) << error.what();
  }
  EXPECT_THROW(numbers.set(1, 0), std::out_of_range);
  EXPECT_THROW(numbers.insert(2, 0), std::out_of_range);
  EXPECT_THROW(numbers.pop(1), std::out_of_range);
  EXPECT_THROW(numbers.erase(0, 2), std::out_of_range);
  EXPECT_THROW(numbers.erase(1, SIZE_MAX), std::out_of_range);
  numbers.clear();
  EXPECT_THROW(numbers.pop(), std::out_of_range);
  EXPECT_THROW(static_cast<void>(numbers.back()), std::out_of_range);
}

TEST_F(List, SortReadsAgainWhatAnotherHasChanged) {
  numbers.extend(std::vector{3, 1});
  int comparisons = 0;
  numbers.sort([&](int left, int right) {
    if (comparisons++ == 0) numbers.push_back(2);
    return left < right;
  });
  EXPECT_EQ(numbers.copy(), (std::vector{1, 2, 3}));
}

TEST_F(List, ModifyIsNotFooledByAnItemThatHasMoved) {
  numbers.extend(std::vector{1, 1});
  int calls = 0;
  numbers.modify(0, [&](int& n) {
    if (calls++ == 0) numbers.pop(0);
    n += 10;
  });
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(numbers.copy(), (std::vector{11}));
}

TEST_F(List, ModifyLosesNoChangeOfOthers) {
  numbers.push_back(0);
  std::vector<std::thread> crew;
  for (int number = 0; number < 4; ++number)
    crew.emplace_back([this] {
      const Numbers mine = loop.connect()->same(numbers);
      for (int round = 0; round < 100; ++round) mine[0] += 1;
    });
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(numbers[0], 400);
}

}  // namespace
}  // namespace procyon
