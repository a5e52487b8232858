// Calls of clients that cannot reach the session's memory, which wait for an object there: a Lock, an Event, a Queue.
//
// The loop may not wait, so it looks; if it would have to wait, one thread aside waits for the first in line, and goes when
// nobody is left. One for each object that has such clients, not one for each client.
//
//   waits_.add(std::move(call), deadline, {
//       .try_now = [this](IncomingCall& call) { ... },              // loop: completes the call, unless it must wait
//       .wait = [this](os::Deadline slice) { return event_.wait(..); },  // aside
//       .too_late = [](IncomingCall& call) { call.reply(false); }});     // loop
//
// First come, first served: try_now() is asked for the first in line only. A call ends once: while it is the one waited for
// its time is kept aside, before that by a timer of the loop. Ours is the loop thread, but for `wait`.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>

#include "manager/served_object.hpp"

namespace procyon::manager {

struct AsideWait {
  /// On the loop. Completes the call and returns true, or must wait: false.
  std::function<bool(IncomingCall&)> try_now;
  /// Aside, again and again for a slice of time: true once it need not wait any more. What it throws ends the call.
  std::function<bool(os::Deadline)> wait;
  /// On the loop, after `wait` was true, if that took something for the call. Null: try_now is asked again.
  std::function<void(IncomingCall&)> finish = {};
  /// On the loop, instead of `finish`, when the caller is gone: gives back what was taken.
  std::function<void()> undo = {};
  /// On the loop, when the time is over.
  std::function<void(IncomingCall&)> too_late;
};

class AsideWaits {
 public:
  /// Both outlive it: it is a member of `owner`.
  AsideWaits(Loop& loop, ServedObject& owner) : loop_(loop), owner_(owner) {}
  AsideWaits(const AsideWaits&) = delete;
  AsideWaits& operator=(const AsideWaits&) = delete;
  ~AsideWaits();

  void add(IncomingCall call, os::Deadline deadline, AsideWait wait);
  void cancel(ClientId client, std::uint64_t number);
  void client_gone(ClientId client);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  enum class Fate : std::uint8_t { waits, cancelled, client_is_gone };
  struct Entry {
    std::optional<IncomingCall> call;  // none: its client is gone
    ClientId client;
    std::uint64_t number;
    os::Deadline deadline;
    std::shared_ptr<const AsideWait> wait;
    Loop::TimerId timer = 0;
    Fate fate = Fate::waits;
  };
  using Place = std::list<Entry>::iterator;
  struct Flight;

  void advance();
  void take_off();
  void land(bool had, const std::exception_ptr& error);
  void cancel_timer(Entry& entry);
  static void wait_aside(const std::shared_ptr<Flight>& flight);

  Loop& loop_;
  ServedObject& owner_;
  std::list<Entry> entries_;
  std::shared_ptr<Flight> flight_;  // for the first entry, while a thread waits for it
};

}  // namespace procyon::manager
