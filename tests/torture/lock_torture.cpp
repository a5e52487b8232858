// Lock, RLock and Value: one at a time inside; who dies inside is told to the next.
#include <array>

#include <fmt/core.h>

#include <mutex>

#include "crew.hpp"
#include "procyon/lock.hpp"

namespace procyon::torture {

namespace {

using namespace std::chrono_literals;

/// What a lock protects. Whole: nobody inside, and both numbers equal.
struct Protected {
  std::uint64_t inside;
  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t repaired;
};

struct Ledger {
  Pulse pulse;
  std::array<Protected, 3> data;
  std::array<std::uint64_t, most_workers> entered;  // counted outside of the locks, by each place
};

struct Locks {
  Lock lock;
  RLock rlock;
  Value<std::uint64_t> value;  // its lock protects the third
};

void change(Protected& data) {
  demand(shared(data.inside).exchange(1) == 0, "two were inside, or a death was not told");
  demand(data.first == data.second, "what a lock protects was half changed, and nobody said so");
  shared(data.first).store(data.first + 1);
  shared(data.second).store(data.second + 1);
  demand(shared(data.inside).exchange(0) == 1, "another came in");
}

void repair(Protected& data, OwnerDied& died) {
  shared(data.inside).store(0);
  shared(data.second).store(data.first);
  shared(data.repaired).store(data.repaired + 1);
  died.recover();
}

// One entry through one of the locks, in one of the ways; false if it was not to be had in time.
bool enter(Locks& locks, Ledger& book, std::uint64_t kind, std::uint64_t way) {
  const auto through = [&](auto& lock, Protected& data) {
    if (way % 4 == 1) {
      if (!lock.acquire(1ms)) return false;
    } else if (way % 4 == 2) {
      if (!lock.try_lock()) return false;
    } else {
      lock.acquire();
    }
    change(data);
    lock.release();
    return true;
  };
  if (kind == 0) return through(locks.lock, book.data[0]);
  if (kind == 1 && way % 4 != 3) return through(locks.rlock, book.data[1]);
  if (kind == 1) {
    const std::scoped_lock outer(locks.rlock);
    return through(locks.rlock, book.data[1]);
  }
  locks.value.with([&](std::uint64_t& entries) {
    ++entries;
    change(book.data[2]);
  });
  return true;
}

void work(Locks locks, const Value<Ledger>& ledger, unsigned place) {
  Ledger& book = ledger.value();
  for (std::uint64_t round = place; !book.pulse.stopped(); ++round) {
    const std::uint64_t kind = round % 3;
    try {
      if (enter(locks, book, kind, round / 3)) ++book.entered[place];
    } catch (OwnerDied& died) {
      repair(book.data[kind], died);
    }
    book.pulse.beat(place);
  }
}

}  // namespace

Report torture_lock(const Options& options) {
  const Locks locks;
  const Value<Ledger> ledger;
  Ledger& book = ledger.value();
  const unsigned places = options.producers + options.consumers;
  Crew crew(options, "lock", book.pulse, places,
            [&](unsigned place) { return Process({.daemon = true}, work, locks, ledger, place); });
  crew.run();
  shared(book.pulse.stop).store(1);
  crew.wait_for_end_of(0, places);

  std::uint64_t changes = 0;
  std::uint64_t repaired = 0;
  for (const Protected& data : book.data) {
    changes += data.first;
    repaired += data.repaired;
  }
  std::uint64_t entered = 0;
  for (const std::uint64_t each : book.entered) entered += each;
  demand(repaired <= crew.kills(), "more deaths were told than there were");
  demand(entered <= changes + repaired && changes <= entered + crew.kills(), "changes were lost");
  return crew.report(fmt::format("{} times inside, {} deaths inside told and repaired", changes, repaired));
}

}  // namespace procyon::torture
