// Condition: a buffer of two places, guarded by two conditions on one lock, each change notifying one waiter.
#include <fmt/core.h>

#include <mutex>

#include "crew.hpp"
#include "procyon/condition.hpp"

namespace procyon::torture {

namespace {

constexpr std::uint64_t room = 2;

struct Ledger {
  Pulse pulse;
  std::uint64_t put;  // the truths: each changes by one store
  std::uint64_t taken;
  std::uint64_t filled;  // their difference, a copy
  std::uint64_t repaired;
};

struct Monitor {
  Lock lock;
  Condition not_full{lock};
  Condition not_empty{lock};
};

void change(Ledger& book, std::uint64_t& truth, std::uint64_t filled) {
  demand(book.filled == book.put - book.taken && book.filled <= room,
         "the buffer is half changed, and nobody said so");
  shared(truth).store(truth + 1);
  shared(book.filled).store(filled);
}

void repair(Monitor& monitor, Ledger& book, OwnerDied& died) {
  shared(book.filled).store(book.put - book.taken);
  shared(book.repaired).store(book.repaired + 1);
  // The dead one may have been about to.
  monitor.not_full.notify_all();
  monitor.not_empty.notify_all();
  died.recover();
}

void step(Monitor& monitor, Ledger& book, bool puts) {
  Condition& awaited = puts ? monitor.not_full : monitor.not_empty;
  const std::scoped_lock guard(awaited);
  awaited.wait_for([&] { return book.pulse.stopped() || (puts ? book.filled < room : book.filled > 0); });
  if (book.pulse.stopped()) return;
  if (puts)
    change(book, book.put, book.filled + 1);
  else
    change(book, book.taken, book.filled - 1);
  (puts ? monitor.not_empty : monitor.not_full).notify();
}

void work(Monitor monitor, const Value<Ledger>& ledger, unsigned place) {
  Ledger& book = ledger.value();
  while (!book.pulse.stopped()) {
    try {
      step(monitor, book, place % 2 == 0);
    } catch (OwnerDied& died) {
      repair(monitor, book, died);
    }
    book.pulse.beat(place);
  }
}

}  // namespace

Report torture_condition(const Options& options) {
  Monitor monitor;
  const Value<Ledger> ledger;
  Ledger& book = ledger.value();
  const unsigned places = options.producers + options.consumers;
  Crew crew(options, "condition", book.pulse, places,
            [&](unsigned place) { return Process({.daemon = true}, work, monitor, ledger, place); });
  crew.run();
  shared(book.pulse.stop).store(1);
  crew.wait_for_end_of(0, places, [&] {
    try {
      const std::scoped_lock guard(monitor.lock);
      monitor.not_full.notify_all();
      monitor.not_empty.notify_all();
    } catch (OwnerDied& died) {
      repair(monitor, book, died);
    }
  });
  demand(book.repaired <= crew.kills(), "more deaths were told than there were");
  return crew.report(fmt::format("{} put, {} taken, {} deaths inside told and repaired", book.put, book.taken,
                                 book.repaired));
}

}  // namespace procyon::torture
