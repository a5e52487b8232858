// Calls that wait for something, first come first served: each ends once, by being taken or by its time-out.
//
//   WaitingCalls waiting(loop);
//   waiting.add(std::move(call), deadline, data, [](auto waiter) { waiter.call.reply(false); });
//   if (auto next = waiting.take_first()) next->call.reply(true);
//
// On the loop thread only, so what is taken cannot time out and what timed out cannot be taken. The timers of
// those who wait go with this object.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <utility>

#include "manager/served_object.hpp"

namespace procyon::manager {

template <class Data>
class WaitingCalls {
 public:
  struct Waiter {
    IncomingCall call;
    Data data;
  };
  using TooLate = std::function<void(Waiter)>;

  explicit WaitingCalls(Loop& loop) : loop_(loop) {}
  WaitingCalls(const WaitingCalls&) = delete;
  WaitingCalls& operator=(const WaitingCalls&) = delete;
  ~WaitingCalls() {
    for (const Entry& entry : entries_) cancel_timer(entry);
  }

  /// `too_late` gets the call when the deadline passes before it was taken.
  void add(IncomingCall call, os::Deadline deadline, Data data, TooLate too_late) {
    entries_.push_back({{std::move(call), std::move(data)}, 0});
    const auto entry = std::prev(entries_.end());
    if (!deadline.is_never())
      entry->timer = loop_.at(deadline, [this, entry, too_late = std::move(too_late)] {
        entry->timer = 0;
        // The handler may drop the last reference to this object: nothing of it is touched afterwards.
        const TooLate handler = too_late;
        handler(take(entry));
      });
  }

  [[nodiscard]] std::optional<Waiter> take_first() {
    if (entries_.empty()) return std::nullopt;
    return take(entries_.begin());
  }
  /// A call that its caller gives up.
  [[nodiscard]] std::optional<Waiter> take(ClientId client, std::uint64_t number) {
    return take_if(client, number, [](const Data&) { return true; });
  }
  template <class Condition>
  [[nodiscard]] std::optional<Waiter> take_if(ClientId client, std::uint64_t number, Condition condition) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
      if (entry->waiter.call.caller().client == client && entry->waiter.call.number() == number &&
          condition(entry->waiter.data))
        return take(entry);
    return std::nullopt;
  }
  /// Drops the calls of a client that is gone. Returns how many.
  std::size_t drop(ClientId client) {
    std::size_t dropped = 0;
    for (auto entry = entries_.begin(); entry != entries_.end();)
      if (const auto here = entry++; here->waiter.call.caller().client == client) {
        static_cast<void>(take(here));
        ++dropped;
      }
    return dropped;
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Waiter waiter;
    Loop::TimerId timer;
  };
  using Place = typename std::list<Entry>::iterator;

  void cancel_timer(const Entry& entry) {
    if (entry.timer != 0) loop_.cancel_timer(entry.timer);
  }
  Waiter take(Place entry) {
    cancel_timer(*entry);
    Waiter waiter = std::move(entry->waiter);
    entries_.erase(entry);
    return waiter;
  }

  Loop& loop_;
  std::list<Entry> entries_;
};

/// How a client says how long it will wait: nanoseconds, negative for ever.
inline os::Deadline deadline_of(std::int64_t nanoseconds) {
  return nanoseconds < 0 ? os::Deadline::never() : os::Deadline::after(std::chrono::nanoseconds(nanoseconds));
}

/// Ends a call that its caller gave up.
void complete_as_cancelled(IncomingCall& call);

}  // namespace procyon::manager
