#include "procyon/manager_dict.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "manager/test_loop.hpp"
#include "procyon/manager_list.hpp"

namespace procyon {
namespace {

using manager::create_object;
using manager::test::TestLink;
using manager::test::TestLoop;
using Ages = DictProxy<std::string, int>;

class Dict : public ::testing::Test {
 protected:
  TestLoop loop;
  std::shared_ptr<TestLink> client = loop.connect();
  Ages ages = create_object<Ages>(client);
};

TEST_F(Dict, GivesBackWhatWasSet) {
  ages["Ada"] = 36;
  ages.set("Grace", 85);
  EXPECT_EQ(ages["Ada"], 36);
  EXPECT_EQ(ages.at("Grace"), 85);
  EXPECT_EQ(ages.get("Ada"), std::optional(36));
  EXPECT_EQ(ages.get("Alan"), std::nullopt);
  EXPECT_EQ(ages.get("Alan", 41), 41);
  EXPECT_TRUE(ages.contains("Ada"));
  EXPECT_FALSE(ages.contains("Alan"));
  EXPECT_EQ(ages.size(), 2u);
}

TEST_F(Dict, AMissingKeyIsASentenceWithTheTypes) {
  try {
    static_cast<void>(ages.at("Ada"));
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "procyon: this dict<str,i32> of a manager has no such key");
  }
  EXPECT_THROW(ages.pop("Ada"), std::out_of_range);
  EXPECT_THROW(ages.modify("Ada", [](int&) {}), std::out_of_range);
  EXPECT_TRUE(ages.empty());
}

TEST_F(Dict, KeepsTheOrderOfFirstInsertion) {
  for (const char* name : {"z", "a", "m"}) ages[name] = 1;
  ages["z"] = 2;
  EXPECT_EQ(ages.keys().to_vector(), (std::vector<std::string>{"z", "a", "m"}));
  EXPECT_EQ(ages.values().to_vector(), (std::vector<int>{2, 1, 1}));
  EXPECT_EQ(ages.popitem(), std::optional(std::pair<std::string, int>("m", 1)));
  EXPECT_TRUE(ages.erase("z"));
  ages["z"] = 3;
  EXPECT_EQ(ages.keys().to_vector(), (std::vector<std::string>{"a", "z"}));
}

TEST_F(Dict, TakesEntriesOut) {
  ages["a"] = 1;
  EXPECT_FALSE(ages.erase("b"));
  EXPECT_EQ(ages.pop("a"), 1);
  EXPECT_EQ(ages.pop("a", 7), 7);
  EXPECT_EQ(ages.popitem(), std::nullopt);
  ages["a"] = 1;
  ages.clear();
  EXPECT_TRUE(ages.empty());
}

TEST_F(Dict, SetsAndGetsManyInOneCall) {
  ages.update(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  EXPECT_EQ(ages.get_many(std::vector<std::string>{"b", "x", "a"}),
            (std::vector<std::optional<int>>{2, std::nullopt, 1}));
  EXPECT_EQ(ages.copy(), (std::map<std::string, int>{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(ages.setdefault("a", 9), 1);
  EXPECT_EQ(ages.setdefault("c", 9), 9);
  EXPECT_EQ(ages["c"], 9);
}

TEST_F(Dict, ASnapshotDoesNotSeeLaterChangesAndComesInPieces) {
  std::map<std::string, int> many;
  for (int number = 0; number < 20'000; ++number) many[std::to_string(number)] = number;
  ages.set_many(many);
  std::map<std::string, int> seen;
  for (const auto& [name, age] : ages.items()) {
    if (seen.empty()) ages.clear();
    seen[name] = age;
  }
  EXPECT_EQ(seen, many);
  EXPECT_TRUE(ages.empty());
}

TEST_F(Dict, ASnapshotGoesWithItsRange) {
  ages["a"] = 1;
  const std::size_t before = loop.number_of_objects();
  {
    auto items = ages.items();
    EXPECT_EQ(loop.number_of_objects(), before + 1);
  }
  EXPECT_EQ(loop.number_of_objects(), before);
}

TEST_F(Dict, ModifyLosesNoChangeOfOthers) {
  constexpr int threads = 4;
  constexpr int rounds = 200;
  ages["n"] = 0;
  std::vector<std::thread> crew;
  for (int number = 0; number < threads; ++number)
    crew.emplace_back([this] {
      const Ages mine = loop.connect()->same(ages);
      for (int round = 0; round < rounds; ++round) mine["n"] += 1;
    });
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(ages["n"], threads * rounds);
}

TEST_F(Dict, ModifyReadsAgainWhatAnotherHasChanged) {
  ages["n"] = 1;
  int calls = 0;
  const int stored = ages.modify("n", [&](int& n) {
    if (calls++ == 0) ages["n"] = 10;
    ++n;
  });
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(stored, 11);
  EXPECT_EQ(ages["n"], 11);
}

TEST_F(Dict, ModifyIsNotFooledByAKeyThatWasErasedAndPutInAgain) {
  ages["n"] = 1;
  int calls = 0;
  ages.modify("n", [&](int& n) {
    if (calls++ == 0) {
      ages.erase("n");
      ages["n"] = 1;
    }
    ++n;
  });
  EXPECT_EQ(calls, 2);
}

TEST_F(Dict, ModifyBeginsWithTheInitialValueWhereThereIsNone) {
  EXPECT_EQ(ages.modify(
                "n", [](int& n) { ++n; }, 5),
            6);
  EXPECT_EQ(ages.modify(
                "n", [](int& n) { ++n; }, 5),
            7);
}

TEST_F(Dict, WhatModifyThrowsChangesNothing) {
  ages["n"] = 1;
  EXPECT_THROW(ages.modify("n",
                           [](int& n) {
                             n = 5;
                             throw std::runtime_error("no");
                           }),
               std::runtime_error);
  EXPECT_EQ(ages["n"], 1);
}

TEST_F(Dict, CompareExchangeStoresIfTheValueIsTheExpectedOne) {
  ages["n"] = 1;
  EXPECT_FALSE(ages.compare_exchange("n", 2, 3));
  EXPECT_TRUE(ages.compare_exchange("n", 1, 3));
  EXPECT_FALSE(ages.compare_exchange("x", 0, 3));
  EXPECT_EQ(ages["n"], 3);
}

TEST_F(Dict, ADictOfListsChangesTheListsThemselves) {
  using Lists = DictProxy<std::string, ListProxy<int>>;
  auto lists = create_object<Lists>(client);
  {
    auto list = create_object<ListProxy<int>>(client);
    lists.set("a", list);
  }
  const std::size_t objects = loop.number_of_objects();
  lists.at("a").push_back(1);
  lists.at("a").push_back(2);
  EXPECT_EQ(lists.at("a").copy(), (std::vector<int>{1, 2}));
  EXPECT_LE(loop.number_of_objects(), objects + 1);
  EXPECT_EQ(manager::type_of<Lists>(), "dict<str,proxy<ListProxy<i32>>>");
}

TEST_F(Dict, AnUnknownMethodIsASentenceThatNamesWhatThereIs) {
  try {
    client->call(ages.object_reference().object(), manager::method_id("spin()"), {}, {},
                 os::Deadline::never());
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("dict<str,i32> of 0 items"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("contains(key)->bool"), std::string::npos) << error.what();
  }
}

TEST_F(Dict, DamagedArgumentsAreAnErrorAndChangeNothing) {
  wire::Writer writer;
  wire::write(writer, std::string("key"));
  writer.put(std::uint32_t{7});  // objects that are not there
  writer.put(std::uint64_t{1});
  writer.put('x');
  EXPECT_THROW(client->call(ages.object_reference().object(), manager::method_id("set(key,value)"),
                            writer.bytes(), {}, os::Deadline::never()),
               wire::DecodeError);
  EXPECT_TRUE(ages.empty());
}

struct Padded {
  char letter;
  int number;
};
struct Plain {
  int x, y;
};
struct Named {
  std::string name;
  bool flag;
};
static_assert(manager::KeyType<int> && manager::KeyType<std::string> && manager::KeyType<Plain> &&
              manager::KeyType<Named> && manager::KeyType<std::pair<int, std::string>> &&
              manager::KeyType<std::vector<std::set<int>>> && manager::KeyType<std::optional<int>>);
static_assert(!manager::KeyType<double> && !manager::KeyType<Padded> &&
              !manager::KeyType<std::vector<float>> && !manager::KeyType<std::unordered_map<int, int>> &&
              !manager::KeyType<Ages> && !manager::KeyType<std::pair<int, Ages>>);

}  // namespace
}  // namespace procyon
