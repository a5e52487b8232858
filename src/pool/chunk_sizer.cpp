#include "procyon/detail/pool/chunk_sizer.hpp"

#include <algorithm>
#include <utility>

namespace procyon::pool {

namespace {

// A chunk is at most so many times larger than what was measured: the first items may be lighter than the next.
constexpr std::size_t growth = 8;

// Items seem heavier than those before by more than what they may differ by.
constexpr double much_heavier = 8;

double nanoseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()); }

// Of positive numbers; `limit` if the quotient is larger.
std::size_t quotient(double dividend, double divisor, std::size_t limit) {
  const double result = dividend / divisor;
  return result < static_cast<double>(limit) ? static_cast<std::size_t>(result) : limit;
}

}  // namespace

ChunkSizer ChunkSizer::fixed(std::size_t items) {
  ChunkSizer sizer;
  sizer.most_ = items;
  return sizer;
}

ChunkSizer ChunkSizer::adaptive(std::uint32_t workers, std::size_t most_in_store, std::size_t most_items) {
  ChunkSizer sizer;
  sizer.workers_ = workers;
  sizer.most_ = most_items;
  sizer.most_in_store_ = most_in_store;
  return sizer;
}

std::size_t ChunkSizer::next() const {
  if (!adapts()) return most_;
  if (measured_ == 0) return 1;
  const std::size_t in_time = quotient(nanoseconds(aim), item_time_, most_);
  // Half of an even share of what remains: enough is left to even out what the chunks that are out turn out to take.
  const std::size_t parts = std::size_t{2} * workers_;
  const std::size_t share = (remaining_ + parts - 1) / parts;
  return std::max<std::size_t>(std::min({in_time, measured_ * growth, share, most_}), 1);
}

bool ChunkSizer::is_doubtful(double sample, std::chrono::nanoseconds took) const {
  return item_time_ > 0 && sample > much_heavier * item_time_ && took <= longest_absence;
}

// Upwards at once, downwards by and by: chunks that are too large make workers wait, those that are too small cost a
// microsecond. Only what is much heavier than before must be said twice in a row, unless it took so long that believing too
// late would cost more than an absence: a worker that was off the processor tells of heavy items, too. What both say counts.
void ChunkSizer::learn(std::size_t items, std::chrono::nanoseconds took) {
  if (!adapts() || items == 0) return;
  double sample = std::max(nanoseconds(took), 1.0) / static_cast<double>(items);
  if (is_doubtful(sample, took)) {
    const double before = std::exchange(doubted_, sample);
    if (before == 0) return;
    sample = std::min(sample, before);
  }
  doubted_ = 0;
  measured_ = std::max(measured_, items);
  item_time_ = sample > item_time_ ? sample : (item_time_ + sample) / 2;
}

std::size_t ChunkSizer::window() const {
  const std::size_t least = std::max<std::size_t>(8, std::size_t{4} * workers_);
  if (measured_ == 0) return least;
  const std::size_t wanted =
      quotient(nanoseconds(store) * workers_, item_time_ * static_cast<double>(next()), most_in_store_);
  return std::max(wanted, least);
}

}  // namespace procyon::pool
