#include "manager/rejection_log.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace procyon::manager {
namespace {

using namespace std::chrono_literals;

const connection::Rejected somebody{"tcp://10.0.0.9:4711", "it does not have the key"};

TEST(RejectionLog, NamesThePeerAndTheReason) {
  RejectionLog log;
  EXPECT_EQ(log.line_for(somebody, 0ns),
            "the server of a manager turned tcp://10.0.0.9:4711 away: it does not have the key");
}

TEST(RejectionLog, ACrowdGetsSoManyLinesAndThenACount) {
  RejectionLog log;
  std::uint64_t lines = 0;
  for (int i = 0; i < 5000; ++i) lines += log.line_for(somebody, 5s + i * 1ms).has_value() ? 1 : 0;
  EXPECT_EQ(lines, RejectionLog::most_lines);
  const auto later = log.line_for(somebody, 5s + RejectionLog::period);
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->ends_with("(and " + std::to_string(5000 - RejectionLog::most_lines) +
                               " others since the last line)"))
      << *later;
  EXPECT_EQ(log.line_for(somebody, 6s + RejectionLog::period),
            log.line_for(somebody, 7s + RejectionLog::period));
}

}  // namespace
}  // namespace procyon::manager
