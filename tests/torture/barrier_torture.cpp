// Barrier: as many processes as parties. A killed one breaks it, or is replaced before the others have noticed; the
// process at the first place makes it whole again.
#include <array>
#include <thread>

#include <fmt/core.h>

#include "crew.hpp"
#include "procyon/barrier.hpp"

namespace procyon::torture {

namespace {

using namespace std::chrono_literals;

struct Ledger {
  Pulse pulse;
  std::uint64_t passed;
  std::uint64_t broken;
  std::array<std::uint64_t, most_workers> arrivals;  // by the number that wait() returned
};

void work(Barrier barrier, const Value<Ledger>& ledger, unsigned place) {
  Ledger& book = ledger.value();
  while (!book.pulse.stopped()) {
    try {
      const std::size_t number = barrier.wait();
      demand(number < barrier.parties(), "a party got a number that there is not");
      shared(book.arrivals[number]).fetch_add(1);
      shared(book.passed).fetch_add(1);
    } catch (const BrokenBarrier&) {
      shared(book.broken).fetch_add(1);
      if (place == 0)
        barrier.reset();
      else
        for (int look = 0; look < 10 && barrier.broken(); ++look) std::this_thread::sleep_for(100us);
    }
    book.pulse.beat(place);
  }
}

}  // namespace

Report torture_barrier(const Options& options) {
  const unsigned places = options.producers + options.consumers;
  Barrier barrier(places);
  const Value<Ledger> ledger;
  Ledger& book = ledger.value();
  Crew crew(options, "barrier", book.pulse, places,
            [&](unsigned place) { return Process({.daemon = true}, work, barrier, ledger, place); });
  crew.run();
  shared(book.pulse.stop).store(1);
  crew.wait_for_end_of(0, places, [&] { barrier.abort(); });
  // Each passage gives each number once; who was killed behind it did not count his.
  for (unsigned number = 0; number < places; ++number)
    demand(book.arrivals[number] <= book.arrivals[0] + crew.kills() &&
               book.arrivals[0] <= book.arrivals[number] + crew.kills(),
           "numbers of arrival were given twice or not at all");
  return crew.report(fmt::format("passed {} times by one of {} parties, broken {} times for one", book.passed,
                                 places, book.broken));
}

}  // namespace procyon::torture
