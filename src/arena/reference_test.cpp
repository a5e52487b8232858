#include "procyon/detail/arena/reference.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {
namespace {

using testing::Gate;
using testing::TestProcess;

struct Cell : Counted {
  std::atomic<std::uint64_t> number{0};
  Handle other;
};
constexpr ObjectType cell_type{"TestCell", 0x7002};
constexpr ObjectType other_type{"TestOther", 0x7003};

class ReferenceTest : public ::testing::Test {
 protected:
  void TearDown() override {
    session_.recover_everybody();
    session_.verify();
  }
  Session& session_ = recovered(Session::current());
  std::size_t used_before_ = session_.used_bytes();

 private:
  static Session& recovered(Session& session) {
    session.recover_everybody();
    return session;
  }
};

TEST_F(ReferenceTest, TheObjectGoesWithItsLastReference) {
  Handle handle;
  {
    const Reference cell = Reference::create<Cell>(cell_type);
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): counting is the subject
    const Reference copy = cell;
    handle = cell.handle();
    EXPECT_GT(session_.used_bytes(), used_before_);
    EXPECT_EQ(Reference::open(handle, cell_type).address(), copy.address());
  }
  EXPECT_EQ(session_.used_bytes(), used_before_);
  EXPECT_THROW(Reference::open(handle, cell_type), ObjectGone);
}

TEST_F(ReferenceTest, OpeningAsAnotherTypeIsRefused) {
  const Reference cell = Reference::create<Cell>(cell_type);
  EXPECT_THROW(Reference::open(cell.handle(), other_type), std::logic_error);
}

TEST_F(ReferenceTest, AHandleOfNothingIsGone) {
  EXPECT_THROW(Reference::open(Handle(), cell_type), ObjectGone);
  EXPECT_THROW(Reference::open(Handle::from_bits(0x1234567890abcdefu), cell_type), ObjectGone);
}

TEST_F(ReferenceTest, AForkedChildSharesTheObjectAndItsEndDropsOnlyItsOwnPin) {
  const Reference cell = Reference::create<Cell>(cell_type);
  TestProcess child([&] {
    Session::current().self();
    cell.get<Cell>().number.store(42);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(cell.get<Cell>().number.load(), 42u);
  EXPECT_NO_THROW(Reference::open(cell.handle(), cell_type));
}

TEST_F(ReferenceTest, AForkedChildThatDestroysWhatItInheritedHarmsNobody) {
  auto cell = std::make_unique<Reference>(Reference::create<Cell>(cell_type));
  const Handle handle = cell->handle();
  TestProcess child([&] {
    cell.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_NO_THROW(Reference::open(handle, cell_type));
}

TEST_F(ReferenceTest, ATravellingReferenceKeepsItsObjectUntilItIsTaken) {
  const Handle carrier = session_.allocate(64);
  Handle handle;
  TravellingPin::Number pin = 0;
  {
    const Reference cell = Reference::create<Cell>(cell_type);
    cell.get<Cell>().number = 7;
    handle = cell.handle();
    pin = TravellingPin::pack(cell);
    TravellingPin::hand_to(&pin, 1, carrier);
  }
  {
    const Reference copy = TravellingPin::copy(pin, handle);
    EXPECT_EQ(copy.get<Cell>().number, 7u);
  }
  {
    const Reference taken = TravellingPin::take(pin, handle);
    EXPECT_EQ(taken.get<Cell>().number, 7u);
    EXPECT_THROW(TravellingPin::copy(pin + 1, handle), ObjectGone);
  }
  EXPECT_THROW(TravellingPin::take(pin, handle), ObjectGone);
  session_.release(carrier);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(ReferenceTest, FreeingTheCarrierDropsWhatNobodyTook) {
  const Handle carrier = session_.allocate(64);
  Handle handle;
  {
    const Reference cell = Reference::create<Cell>(cell_type);
    handle = cell.handle();
    const auto pin = TravellingPin::pack(cell);
    TravellingPin::hand_to(&pin, 1, carrier);
  }
  session_.release(carrier);
  EXPECT_THROW(Reference::open(handle, cell_type), ObjectGone);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(ReferenceTest, TheReferencesOfAKilledProcessAreDropped) {
  Gate ready;
  const Reference mailbox = Reference::create<Cell>(cell_type);
  TestProcess owner([&] {
    const Reference cell = Reference::create<Cell>(cell_type);
    mailbox.get<Cell>().other = cell.handle();
    mailbox.get<Cell>().number = session_.self().bits();
    ready.open();
    ::pause();
    return 0;
  });
  ready.pass();
  const Handle handle = mailbox.get<Cell>().other;
  EXPECT_NO_THROW(Reference::open(handle, cell_type));
  owner.kill();
  session_.recover(ParticipantId::from_bits(static_cast<std::uint32_t>(mailbox.get<Cell>().number.load())));
  EXPECT_THROW(Reference::open(handle, cell_type), ObjectGone);
}

TEST_F(ReferenceTest, AnObjectTakesWhatItHoldsWithIt) {
  Handle block;
  {
    const Reference cell = Reference::create<Cell>(cell_type);
    block = session_.allocate(100'000);
    session_.hand_to(block, cell.handle());
    EXPECT_TRUE(session_.is_held_by(block, cell.handle()));
    EXPECT_NE(session_.bytes(block), nullptr);
  }
  EXPECT_EQ(session_.bytes(block), nullptr);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(ReferenceTest, ThousandsOfObjectsComeAndGoWithoutGrowth) {
  for (int round = 0; round < 5; ++round) {
    std::vector<Reference> cells;
    std::set<std::uint64_t> names;
    for (int count = 0; count < 3000; ++count) {
      cells.push_back(Reference::create<Cell>(cell_type));
      names.insert(cells.back().handle().bits());
    }
    EXPECT_EQ(names.size(), cells.size());
    session_.verify();
  }
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

}  // namespace
}  // namespace procyon::arena
