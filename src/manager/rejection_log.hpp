// What a server writes of those whom it turned away: enough to see an attack or a wrong key, never so much that a crowd fills
// the disk with it.
//
//   RejectionLog rejections;
//   if (const auto line = rejections.line_for(rejected, now_by_the_monotonic_clock)) log(*line);
//
// At most `most_lines` in each `period`; the first line of a later period says how many went unmentioned. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "procyon/connection_options.hpp"

namespace procyon::manager {

class RejectionLog {
 public:
  static constexpr std::uint64_t most_lines = 20;
  static constexpr std::chrono::nanoseconds period = std::chrono::minutes(1);

  /// Nothing if it is to go unmentioned. `now`: of a clock that does not go back.
  std::optional<std::string> line_for(const connection::Rejected& rejected, std::chrono::nanoseconds now) {
    if (!began_ || now - *began_ >= period) {
      began_ = now;
      lines_ = 0;
    }
    if (lines_ == most_lines) {
      ++unmentioned_;
      return std::nullopt;
    }
    ++lines_;
    std::string line = "the server of a manager turned " + rejected.peer + " away: " + rejected.reason;
    if (unmentioned_ != 0) line += " (and " + std::to_string(unmentioned_) + " others since the last line)";
    unmentioned_ = 0;
    return line;
  }

 private:
  std::optional<std::chrono::nanoseconds> began_;
  std::uint64_t lines_ = 0;
  std::uint64_t unmentioned_ = 0;
};

}  // namespace procyon::manager
