#include "procyon/partial.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace procyon {
namespace {

int subtract(int from, int what) { return from - what; }
std::string join(const std::string& first, const std::string& second, int number) {
  return first + second + std::to_string(number);
}

TEST(Partial, PutsItsValuesFirst) {
  EXPECT_EQ(partial(subtract, 10)(3), 7);
  EXPECT_EQ(partial(subtract, 10, 4)(), 6);
  EXPECT_EQ(partial(join, "a", "b")(3), "ab3");
  EXPECT_EQ(partial(partial(join, "a"), "b")(3), "ab3");
  EXPECT_EQ(partial([](int a, int b) { return a * b; }, 3)(4), 12);
  EXPECT_EQ(partial(&std::string::size, std::string("abc"))(), 3U);
}

TEST(Partial, KeepsItsValuesWhenItIsCalledAgain) {
  const auto append = partial([](std::vector<int> values, int more) { return values.size() + more; },
                              std::vector<int>{1, 2, 3});
  EXPECT_EQ(append(1), 4U);
  EXPECT_EQ(append(1), 4U);
}

TEST(Partial, MovesItsValuesOutWhenItIsUsedUp) {
  auto take = partial([](std::unique_ptr<int> pointer) { return *pointer; }, std::make_unique<int>(5));
  EXPECT_EQ(std::move(take)(), 5);
}

TEST(Partial, CallsFunctionObjectsThatChangeThemselves) {
  auto count = partial([number = 0](int by) mutable { return number += by; }, 2);
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(count(), 4);
}

}  // namespace
}  // namespace procyon
