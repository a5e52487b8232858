#include "manager/object_table.hpp"

#include <gtest/gtest.h>

namespace procyon::manager {
namespace {

class Thing final : public ServedObject {
 public:
  void call(IncomingCall call) override { call.reply(); }
  [[nodiscard]] std::vector<std::string> methods() const override { return {}; }
  [[nodiscard]] std::string text() const override { return "a thing"; }
};

constexpr ClientId giver = 7;
bool holds(ClientId, ObjectId) { return true; }
bool holds_nothing(ClientId, ObjectId) { return false; }

TEST(ObjectTable, KnowsAnObjectByOneNumberUntilItIsGone) {
  ObjectTable table;
  auto thing = std::make_shared<Thing>();
  const ObjectId number = table.number_of(thing);
  EXPECT_EQ(table.number_of(thing), number);
  EXPECT_EQ(table.find(number), thing);
  EXPECT_EQ(table.size(), 1u);
  thing.reset();
  EXPECT_EQ(table.find(number), nullptr);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_NE(table.number_of(std::make_shared<Thing>()), number);
}

TEST(ObjectTable, KeepsWhatHasAName) {
  ObjectTable table;
  table.share("thing", std::make_shared<Thing>());
  EXPECT_NE(table.shared("thing"), nullptr);
  EXPECT_EQ(table.shared("other"), nullptr);
  table.share("thing", std::make_shared<Thing>());
  EXPECT_EQ(table.size(), 1u);
}

class Leases : public ::testing::Test {
 protected:
  ObjectTable table_{std::chrono::nanoseconds(0)};  // the minute is over at once
  ServedPointer thing_ = std::make_shared<Thing>();
  const ObjectId number_ = table_.number_of(thing_);
  const std::uint64_t lease_ = table_.lease(giver, thing_);

  bool lasts() { return table_.claim(number_, lease_) != nullptr; }
};

TEST_F(Leases, KeepTheirObjectWhileItsGiverIsThereAndNobodyHasClaimedThem) {
  thing_.reset();
  table_.end_leases(holds_nothing);
  EXPECT_TRUE(lasts());
}

TEST_F(Leases, CanBeClaimedAgainWhileTheirGiverHasTheObject) {
  ASSERT_TRUE(lasts());
  table_.end_leases(holds);
  EXPECT_TRUE(lasts());
}

TEST_F(Leases, EndOnceTheyWereClaimedAndTheirGiverHasNothingLeft) {
  thing_.reset();
  ASSERT_TRUE(lasts());
  table_.end_leases(holds_nothing);
  EXPECT_FALSE(lasts());
  EXPECT_FALSE(table_.has_leases());
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(Leases, EndWithTheirGiver) {
  table_.giver_gone(giver);
  table_.end_leases(holds);
  EXPECT_FALSE(lasts());
}

TEST_F(Leases, LastTheirTimeWhateverHappens) {
  ObjectTable table;
  const std::uint64_t lease = table.lease(giver, thing_);
  table.giver_gone(giver);
  table.end_leases(holds_nothing);
  EXPECT_EQ(table.claim(number_, lease), thing_);
}

TEST_F(Leases, AreOneForAnObjectAndItsGiver) {
  EXPECT_EQ(table_.lease(giver, thing_), lease_);
  EXPECT_NE(table_.lease(giver + 1, thing_), lease_);
}

}  // namespace
}  // namespace procyon::manager
