// How many items of a call go to a worker together.
//
// Either a number that the user gave, or one that follows the time of the items as workers measure it: a chunk grows
// until its work takes about a millisecond, so that what a task costs to hand over does not count, and no longer, so that
// heavy items do not wait in one worker's chunk while others idle; towards the end of the input chunks shrink, so that
// all workers end at about the same time. Why these numbers: docs/design/009-adaptive-chunks.md.
//
// Everything under the engine's mutex, but for what is set up before the first item is submitted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace procyon::pool {

class ChunkSizer {
 public:
  /// The work of a chunk.
  static constexpr std::chrono::microseconds aim{1000};
  /// The work that lies in store for each worker, lest it runs dry while the master is off the processor.
  static constexpr std::chrono::microseconds store{8000};
  /// Items of a chunk: what they and their results need stays small.
  static constexpr std::size_t largest = 4096;
  /// A chunk that took no longer may have seemed heavy because its worker was off the processor.
  static constexpr std::chrono::milliseconds longest_absence{100};
  /// For inputs whose end is not known.
  static constexpr std::size_t endless = SIZE_MAX / 2;

  ChunkSizer() = default;
  /// Always `items`.
  static ChunkSizer fixed(std::size_t items);
  /// For that many workers; a chunk has at most `most_items`, and no more than `most_in_store` are given out at a time.
  static ChunkSizer adaptive(std::uint32_t workers, std::size_t most_in_store,
                             std::size_t most_items = largest);

  [[nodiscard]] bool adapts() const { return workers_ != 0; }
  /// So many more items will be given out.
  void expect(std::size_t items) { remaining_ += items; }
  /// The items of the next chunk; at least 1.
  [[nodiscard]] std::size_t next() const;
  /// A chunk was given out.
  void given(std::size_t items) { remaining_ -= items < remaining_ ? items : remaining_; }
  /// The items of a chunk took that long in their worker.
  void learn(std::size_t items, std::chrono::nanoseconds took);
  /// How many chunks may be out at a time. Only if it adapts.
  [[nodiscard]] std::size_t window() const;

 private:
  [[nodiscard]] bool is_doubtful(double sample, std::chrono::nanoseconds took) const;

  std::uint32_t workers_ = 0;
  std::size_t most_ = 1;  // items of a chunk; if it does not adapt, of each
  std::size_t most_in_store_ = 0;
  std::size_t remaining_ = 0;
  std::size_t measured_ = 0;  // items of the largest chunk whose time is known
  double item_time_ = 0;      // nanoseconds
  double doubted_ = 0;        // the last measurement of it, if that was not believed
};

}  // namespace procyon::pool
