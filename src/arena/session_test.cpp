#include "procyon/detail/arena/session.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {
namespace {

using testing::TestProcess;

class SessionTest : public ::testing::Test {
 protected:
  void TearDown() override {
    session_.recover_everybody();
    session_.verify();
  }
  Session& session_ = recovered(Session::current());
  ParticipantId self_ = session_.self();
  std::size_t used_before_ = session_.used_bytes();

 private:
  static Session& recovered(Session& session) {
    session.recover_everybody();
    return session;
  }
};

TEST_F(SessionTest, BlocksOfEverySizeAreUsableAndAligned) {
  std::vector<Handle> blocks;
  for (std::size_t bytes = 1; bytes <= 8u << 20; bytes = bytes * 3 / 2 + 1) {
    blocks.push_back(session_.allocate(bytes));
    EXPECT_GE(session_.size(blocks.back()), bytes);
    EXPECT_EQ(blocks.back().offset() % 64, 0u);
    std::memset(session_.bytes(blocks.back()), static_cast<int>(blocks.size()), bytes);
  }
  for (std::size_t index = 0; index < blocks.size(); ++index)
    EXPECT_EQ(static_cast<std::size_t>(*session_.bytes(blocks[index])), index + 1);
  for (const Handle block : blocks) session_.release(block);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(SessionTest, ABlockThatIsGoneIsRecognised) {
  const Handle block = session_.allocate(100);
  session_.release(block);
  EXPECT_EQ(session_.bytes(block), nullptr);
  session_.release(block);
  const Handle next = session_.allocate(100);
  EXPECT_NE(next, block);
  session_.release(next);
}

TEST_F(SessionTest, MoreThanThereIsIsAnErrorThatSaysHowMuchThereIs) {
  try {
    session_.allocate(session_.reserved_bytes() * 2);
    FAIL() << "no exception";
  } catch (const SessionError& error) {
    EXPECT_NE(std::string(error.what()).find("MiB"), std::string::npos);
  }
}

TEST_F(SessionTest, LargeBlocksAreReusedRatherThanAppended) {
  const Handle first = session_.allocate(1 << 20);
  const std::uint64_t place = first.offset();
  session_.release(first);
  for (int round = 0; round < 100; ++round) {
    const Handle block = session_.allocate(1 << 20);
    EXPECT_LE(block.offset(), place);
    session_.release(block);
  }
}

TEST_F(SessionTest, MuchFreedMemoryGoesBackToTheSystem) {
  std::vector<Handle> blocks;
  for (int count = 0; count < 20; ++count) {
    blocks.push_back(session_.allocate(16 << 20));
    std::memset(session_.bytes(blocks.back()), 1, 4096);
  }
  for (const Handle block : blocks) session_.release(block);
  EXPECT_EQ(session_.used_bytes(), used_before_);
  const Handle again = session_.allocate(16 << 20);
  std::memset(session_.bytes(again), 2, 16 << 20);
  session_.release(again);
}

TEST_F(SessionTest, EachProcessIsAParticipantOfItsOwn) {
  EXPECT_TRUE(session_.alive(self_));
  TestProcess child([&] {
    const ParticipantId mine = session_.self();
    return mine != self_ && session_.alive(mine) && session_.alive(self_) ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(SessionTest, NobodyAndStrangersAreNotAlive) {
  EXPECT_FALSE(session_.alive(ParticipantId::none()));
  EXPECT_FALSE(session_.alive(ParticipantId(self_.slot(), self_.incarnation() + 1)));
  EXPECT_FALSE(session_.alive(ParticipantId(4000, 1)));
}

// What it left is in its pipe: the child's id, and one block it owns.
struct Report {
  std::uint32_t id;
  std::uint64_t block;
};

class DyingChild {
 public:
  explicit DyingChild(Session& session, std::size_t bytes = 5000)
      : process_([&] {
          const Report report{session.self().bits(), session.allocate(bytes).bits()};
          if (::write(pipe_[1], &report, sizeof report) != sizeof report) return 1;
          ::pause();
          return 0;
        }) {
    if (::read(pipe_[0], &report_, sizeof report_) != sizeof report_) ::abort();
  }
  ~DyingChild() {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  [[nodiscard]] ParticipantId id() const { return ParticipantId::from_bits(report_.id); }
  [[nodiscard]] Handle block() const { return Handle::from_bits(report_.block); }
  TestProcess& process() { return process_; }

 private:
  static int make_pipe(int (&ends)[2]) { return ::pipe(ends); }
  int pipe_[2]{};
  int made_ = make_pipe(pipe_);
  TestProcess process_;
  Report report_{};
};

TEST_F(SessionTest, AKilledParticipantIsKnownAtOnceAndItsBlocksComeBack) {
  DyingChild child(session_);
  EXPECT_TRUE(session_.alive(child.id()));
  session_.recover(child.id());  // the living are left alone
  EXPECT_NE(session_.bytes(child.block()), nullptr);
  child.process().kill();
  EXPECT_FALSE(session_.alive(child.id()));
  session_.recover(child.id());
  session_.recover(child.id());
  EXPECT_EQ(session_.bytes(child.block()), nullptr);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(SessionTest, ABlockTakenOverOutlivesItsFirstOwner) {
  DyingChild child(session_);
  EXPECT_TRUE(session_.take_over(child.block(), child.id()));
  child.process().kill();
  session_.recover(child.id());
  ASSERT_NE(session_.bytes(child.block()), nullptr);
  session_.release(child.block());
}

TEST_F(SessionTest, ABlockThatWentBackCannotBeTakenOver) {
  DyingChild child(session_);
  child.process().kill();
  session_.recover(child.id());
  EXPECT_FALSE(session_.take_over(child.block(), child.id()));
}

TEST_F(SessionTest, LeavingGivesEverythingBack) {
  TestProcess child([&] {
    session_.self();
    session_.allocate(5000);
    session_.leave();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(SessionTest, AThousandProcessesComeAndGo) {
  for (int round = 0; round < 1000; ++round) {
    TestProcess child([&] {
      session_.self();
      if (round % 2 == 0) session_.leave();
      return 0;
    });
    ASSERT_EQ(child.wait(), 0);
  }
}

TEST_F(SessionTest, ManyProcessesAndThreadsAllocateAtOnce) {
  const auto work = [&] {
    for (int round = 0; round < 300; ++round) {
      const Handle small = session_.allocate(static_cast<std::size_t>(round));
      const Handle large = session_.allocate(70'000);
      std::memset(session_.bytes(large), round, 70'000);
      session_.release(small);
      session_.release(large);
    }
  };
  TestProcess first([&] { return work(), 0; });
  TestProcess second([&] { return work(), 0; });
  std::thread third(work);
  work();
  third.join();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(session_.used_bytes(), used_before_);
}

TEST_F(SessionTest, AProcessThatHasOneCannotAdoptAnother) {
  EXPECT_THROW(Session::adopt(os::Descriptor(), os::Descriptor()), SessionError);
}

}  // namespace
}  // namespace procyon::arena
