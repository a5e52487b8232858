// wait(): until any of several things is ready.
//
//   auto ready = mp::wait({parent, q, p.sentinel(), result}, 1s);       // empty after the time-out
//   if (ready.contains(q)) use(q.get_nowait());
//   for (std::size_t index : ready) ...                                 // which ones, as they were given, from 0
//
//   std::vector<mp::Connection> readers = ...;
//   for (std::size_t index : mp::wait(readers)) use(readers[index].recv<Job>());
//
// What can be waited for, and when it is ready:
//   Connection                    there is something to receive, or the end of file
//   Queue                         there is a message
//   Process, its sentinel()       it has ended
//   AsyncResult                   its task has ended
//   Event                         it is set
//   a descriptor (an int)         poll(2) says that it can be read, or is at its end or broken
// Others may be faster: what is ready was so when wait() looked, so take what there is without waiting (try_get()).
//
// Nothing is taken, and nothing changes. A death keeps nobody waiting: each wait looks anew ten times a second. The call
// returns at once if anything is ready or there is nothing to wait for; a negative time-out is none. Any thread may wait.
// With objects only it is one futex, with descriptors among them one poll(2). Not for thousands of things that are waited
// for again and again: use epoll with their fileno().
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <ranges>
#include <span>
#include <vector>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/sync/waitable.hpp"

namespace procyon {

/// Something to wait for; made from it by itself. Throws std::logic_error if it cannot be waited for (closed, not
/// started).
class WaitItem {
 public:
  // NOLINTBEGIN(google-explicit-constructor): so that wait({a, b}) reads as it does
  WaitItem(int descriptor) : target_(sync::wait_target_of(descriptor)) {}
  template <class T>
  requires requires(const T& object) {
    { object.wait_target() } -> std::same_as<sync::WaitTarget>;
  }
  WaitItem(const T& object) : target_(object.wait_target()) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const sync::WaitTarget& target() const { return target_; }

 private:
  sync::WaitTarget target_;
};

class Ready;
namespace detail {
Ready wait_until(std::span<const WaitItem> items, os::Deadline deadline);
}

/// What wait() found ready: indices in the order in which things were given.
class Ready {
 public:
  [[nodiscard]] bool empty() const { return indices_.empty(); }
  [[nodiscard]] std::size_t size() const { return indices_.size(); }
  explicit operator bool() const { return !empty(); }
  [[nodiscard]] auto begin() const { return indices_.begin(); }
  [[nodiscard]] auto end() const { return indices_.end(); }
  [[nodiscard]] std::size_t operator[](std::size_t position) const { return indices_[position]; }
  /// Whether this one, or a copy of it, is among them.
  [[nodiscard]] bool contains(const WaitItem& item) const;

 private:
  friend Ready detail::wait_until(std::span<const WaitItem> items, os::Deadline deadline);

  std::vector<std::size_t> indices_;
  std::vector<sync::WaitTarget::Identity> identities_;
};

/// Waits until any of them is ready.
[[nodiscard]] inline Ready wait(std::initializer_list<WaitItem> items) {
  return detail::wait_until({items.begin(), items.size()}, os::Deadline::never());
}
/// The same for at most `timeout`; empty if it passed.
template <class Rep, class Period>
[[nodiscard]] Ready wait(std::initializer_list<WaitItem> items, std::chrono::duration<Rep, Period> timeout) {
  return detail::wait_until({items.begin(), items.size()}, os::Deadline::after(timeout));
}

template <class Range>
concept WaitableRange = std::ranges::input_range<const Range> &&
    std::convertible_to<std::ranges::range_reference_t<const Range>, WaitItem>;

/// The same for a container of things of one kind, or of WaitItems.
template <WaitableRange Range>
[[nodiscard]] Ready wait(const Range& range) {
  const std::vector<WaitItem> items(std::ranges::begin(range), std::ranges::end(range));
  return detail::wait_until(items, os::Deadline::never());
}
template <WaitableRange Range, class Rep, class Period>
[[nodiscard]] Ready wait(const Range& range, std::chrono::duration<Rep, Period> timeout) {
  const std::vector<WaitItem> items(std::ranges::begin(range), std::ranges::end(range));
  return detail::wait_until(items, os::Deadline::after(timeout));
}

}  // namespace procyon
