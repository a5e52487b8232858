#include "manager/aside_waits.hpp"

#include <utility>

#include "manager/waiting_calls.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::manager {

/// What the thread aside knows.
struct AsideWaits::Flight {
  Loop& loop;
  AsideWaits& waits;
  std::shared_ptr<ServedObject>
      owner;  // keeps `waits`; goes to the loop with the result, to be dropped there
  std::shared_ptr<const AsideWait> wait;
  os::Deadline deadline;
  std::atomic<bool> in_vain{false};
};

AsideWaits::~AsideWaits() {
  for (Entry& entry : entries_) cancel_timer(entry);
}

void AsideWaits::cancel_timer(Entry& entry) {
  if (const Loop::TimerId timer = std::exchange(entry.timer, 0); timer != 0) loop_.cancel_timer(timer);
}

void AsideWaits::add(IncomingCall call, os::Deadline deadline, AsideWait wait) {
  const Caller caller = call.caller();
  const std::uint64_t number = call.number();
  entries_.push_back({.call = std::move(call),
                      .client = caller.client,
                      .number = number,
                      .deadline = deadline,
                      .wait = std::make_shared<const AsideWait>(std::move(wait))});
  const Place place = std::prev(entries_.end());
  if (flight_ == nullptr) return advance();
  if (deadline.is_never()) return;
  place->timer = loop_.at(deadline, [this, place] {
    place->timer = 0;
    Entry late = std::move(*place);
    entries_.erase(place);
    late.wait->too_late(*late.call);
  });
}

// Serves from the front what need not wait; has the first one that must be waited for.
void AsideWaits::advance() {
  while (!entries_.empty()) {
    Entry& first = entries_.front();
    cancel_timer(first);
    try {
      if (!first.wait->try_now(*first.call)) {
        if (!first.deadline.expired() && !loop_.is_ending()) return take_off();
        first.wait->too_late(*first.call);
      }
    } catch (...) {
      first.call->fail(std::current_exception());
    }
    entries_.pop_front();
  }
}

void AsideWaits::take_off() {
  const Entry& first = entries_.front();
  flight_ = std::shared_ptr<Flight>(
      new Flight{loop_, *this, owner_.shared_from_this(), first.wait, first.deadline});
  loop_.run_aside([flight = flight_] { wait_aside(flight); });
}

void AsideWaits::wait_aside(const std::shared_ptr<Flight>& flight) {
  bool had = false;
  std::exception_ptr error;
  try {
    do had = flight->wait->wait(flight->deadline.slice(os::wait_slice));
    while (!had && !flight->deadline.expired() && !flight->in_vain.load(std::memory_order_relaxed) &&
           !flight->loop.is_ending());
  } catch (...) {
    error = std::current_exception();
  }
  flight->loop.post(
      [owner = std::move(flight->owner), &waits = flight->waits, had, error] { waits.land(had, error); });
}

void AsideWaits::land(bool had, const std::exception_ptr& error) {
  flight_.reset();
  Entry& first = entries_.front();
  const AsideWait& wait = *first.wait;
  bool ended = true;
  try {
    if (error) {
      if (first.call) first.call->fail(error);
    } else if (had && first.fate == Fate::client_is_gone) {
      if (wait.undo) wait.undo();
    } else if (had && wait.finish) {
      wait.finish(*first.call);
    } else if (first.fate == Fate::cancelled) {
      complete_as_cancelled(*first.call);
    } else if (had || !first.deadline.expired()) {
      ended = first.fate == Fate::client_is_gone;
    } else if (first.call) {
      wait.too_late(*first.call);
    }
  } catch (...) {
    if (first.call) first.call->fail(std::current_exception());
  }
  if (ended) entries_.pop_front();
  advance();
}

void AsideWaits::cancel(ClientId client, std::uint64_t number) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->client != client || entry->number != number || !entry->call) continue;
    if (flight_ != nullptr && entry == entries_.begin()) {
      entry->fate = Fate::cancelled;
      flight_->in_vain.store(true, std::memory_order_relaxed);
    } else {
      cancel_timer(*entry);
      complete_as_cancelled(*entry->call);
      entries_.erase(entry);
    }
    return;
  }
}

void AsideWaits::client_gone(ClientId client) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto here = entry++;
    if (here->client != client) continue;
    if (flight_ != nullptr && here == entries_.begin()) {
      here->call.reset();
      here->fate = Fate::client_is_gone;
      flight_->in_vain.store(true, std::memory_order_relaxed);
    } else {
      cancel_timer(*here);
      entries_.erase(here);
    }
  }
}

}  // namespace procyon::manager
