#include "procyon/manager_set.hpp"

#include <gtest/gtest.h>

#include "manager/test_loop.hpp"
#include "procyon/manager_namespace.hpp"

namespace procyon {
namespace {

using manager::create_object;
using manager::test::TestLink;
using manager::test::TestLoop;
using Names = SetProxy<std::string>;
using Strings = std::vector<std::string>;

class Set : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  Names names = create_object<Names>(client);
};

TEST_F(Set, TellsWhetherAnElementIsNew) {
  EXPECT_TRUE(names.add("a"));
  EXPECT_FALSE(names.add("a"));
  EXPECT_TRUE(names.contains("a"));
  EXPECT_FALSE(names.contains("b"));
  EXPECT_TRUE(names.erase("a"));
  EXPECT_FALSE(names.discard("a"));
  EXPECT_FALSE(names.remove("a"));
  EXPECT_TRUE(names.empty());
}

TEST_F(Set, ChangesWithManyElementsAtOnce) {
  EXPECT_EQ(names.update(Strings{"a", "b", "b", "c"}), 3u);
  EXPECT_EQ(names.difference_update(Strings{"a", "x"}), 1u);
  EXPECT_EQ(names.copy(), (std::set<std::string>{"b", "c"}));
  names.symmetric_difference_update(Strings{"c", "d", "d"});
  EXPECT_EQ(names.copy(), (std::set<std::string>{"b", "d"}));
  names.intersection_update(Strings{"d", "e"});
  EXPECT_EQ(names.copy(), (std::set<std::string>{"d"}));
  EXPECT_EQ(names.count_contained(Strings{"d", "e"}), 1u);
}

TEST_F(Set, GivesElementsInTheOrderOfComing) {
  names.update(Strings{"z", "a", "m"});
  EXPECT_EQ(names.elements().to_vector(), (Strings{"z", "a", "m"}));
  EXPECT_EQ(names.pop(), std::optional<std::string>("z"));
  names.clear();
  EXPECT_EQ(names.pop(), std::nullopt);
  EXPECT_EQ(names.size(), 0u);
}

class Namespace : public ::testing::Test {
 protected:
  TestLoop loop;
  NamespaceProxy space = create_object<NamespaceProxy>(loop.connect());
};

TEST_F(Namespace, HoldsValuesOfAnyTypes) {
  space.set("x", 3);
  space.set("name", "Ada");
  space.set("list", std::vector<int>{1, 2});
  EXPECT_EQ(space.get<int>("x"), 3);
  EXPECT_EQ(space.get<std::string>("name"), "Ada");
  EXPECT_EQ(space.get<std::vector<int>>("list"), (std::vector{1, 2}));
  EXPECT_EQ(space.names(), (Strings{"list", "name", "x"}));
  EXPECT_TRUE(space.has("x"));
  EXPECT_TRUE(space.erase("x"));
  EXPECT_FALSE(space.erase("x"));
  EXPECT_FALSE(space.has("x"));
  space.set("name", 5);
  EXPECT_EQ(space.get<int>("name"), 5);
}

TEST_F(Namespace, AWrongTypeIsASentenceWithBoth) {
  space.set("x", 3);
  try {
    static_cast<void>(space.get<std::string>("x"));
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "procyon: \"x\" of this Namespace is a i32, not a str: get() it as what it was set as");
  }
  EXPECT_THROW(static_cast<void>(space.get<int>("y")), std::out_of_range);
}

TEST_F(Namespace, ModifyReadsAgainWhatAnotherHasChanged) {
  space.set("n", 1);
  int calls = 0;
  EXPECT_EQ(space.modify<int>("n",
                              [&](int& n) {
                                if (calls++ == 0) space.set("n", 10);
                                ++n;
                              }),
            11);
}

}  // namespace
}  // namespace procyon
