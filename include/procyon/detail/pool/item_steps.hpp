// The steps from one item of a task to the next, in the worker; what a loop over typed items needs (task_body.hpp).
//
// A step is a store to the slot's progress word, or a compare-and-swap where the master may condemn the running item.
// Protocol: src/pool/pool_format.hpp. One thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::pool {

struct TaskSlot;
class ResultWriter;

class ItemSteps {
 public:
  /// `items` are the encoded items, all of them.
  ItemSteps(TaskSlot& slot, ResultWriter& results, std::span<const std::byte> items,
            wire::Attachments* attachments);

  [[nodiscard]] bool all_done() const { return next_ == end_; }

  /// The item next() begins: from now on a death costs it.
  void begin() {
    if (guarded_) return begin_guarded();
    progress_->store(running(next_), std::memory_order_release);
  }
  /// Its result was written: it counts.
  void finish() {
    if (guarded_) return finish_guarded();
    progress_->store(finished(next_), std::memory_order_release);
    ++next_;
  }

  /// The bytes of item next(), if all have this size. Throws DecodeError.
  template <std::size_t size>
  std::span<const std::byte> arguments() const {
    const std::size_t start = size * next_;
    if (start + size > items_.size()) throw_damaged();
    return items_.subspan(start, size);
  }
  /// The same if each has its own.
  std::span<const std::byte> arguments_of_any_size();
  [[nodiscard]] wire::Attachments* attachments() const { return attachments_; }

  /// To be called after each call of the user's, before anything is written: a task may fork, and the child come back here.
  /// The task and all that follows is its parent's; the child ends.
  void require_same_process() const {
    if (arena::identity.load(std::memory_order_relaxed)->participant.load(std::memory_order_relaxed) != me_)
      leave();
  }

  /// Where bare values of this size go for all items from next() on; null if there is no memory for that.
  std::byte* open_values(std::size_t size);

  /// An empty writer for the outcome of item next().
  wire::Writer& outcome();
  /// Appends what was written there.
  void append_outcome();

  /// The item next() ends with an error, which is encoded as an outcome; it need not have begun.
  void fail(std::span<const std::byte> error_outcome);

 private:
  static constexpr std::uint64_t running(std::uint32_t item) { return std::uint64_t{item + 1} << 33 | item; }
  static constexpr std::uint64_t finished(std::uint32_t item) {
    return std::uint64_t{item + 1} << 33 | (item + 1);
  }
  static constexpr std::uint64_t waiting(std::uint32_t item) { return std::uint64_t{item} << 33 | item; }
  void begin_guarded();
  void finish_guarded();
  void end_if_asked();
  void append(std::span<const std::byte> outcome);
  void close_values();
  [[noreturn]] static void leave();
  [[noreturn]] static void throw_damaged();

  TaskSlot& slot_;
  ResultWriter& results_;
  std::atomic<std::uint64_t>* progress_;
  std::span<const std::byte> items_;
  wire::Attachments* attachments_;
  std::uint32_t next_;
  std::uint32_t end_;
  bool guarded_;  // the master may condemn it
  bool values_are_open_ = false;
  std::uint32_t first_value_ = 0;
  std::uint32_t found_ = 0;   // items before it were stepped over, if sizes vary
  std::size_t position_ = 0;  // of item `found_`
  std::uint32_t me_;
  channel::Parcel parcel_;
  wire::Writer outcome_;
};

/// How the steps come to a TaskBody: as the one argument of its call.
struct ItemStepsHandle {
  ItemSteps* steps;
};

}  // namespace procyon::pool
