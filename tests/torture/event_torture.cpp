// Event: clients ask, and wait without end for their event; servers look for who has asked, and set it.
#include <fmt/core.h>

#include <array>

#include "crew.hpp"
#include "procyon/event.hpp"

namespace procyon::torture {

namespace {

struct Ledger {
  Pulse pulse;
  std::array<std::uint64_t, most_workers> asked;
  std::array<std::uint64_t, most_workers> answered;
};

using Events = std::array<Event, most_workers / 2>;

// What is done twice because somebody was killed in between does no harm.
void ask(Events& events, Ledger& book, unsigned place) {
  Event& answer = events[place / 2];
  answer.clear();
  shared(book.asked[place]).fetch_add(1);
  answer.wait();
}

void serve(Events& events, Ledger& book, unsigned clients) {
  for (unsigned client = 0; client < clients; client += 2) {
    const std::uint64_t asked = shared(book.asked[client]).load();
    if (shared(book.answered[client]).load() == asked) continue;
    events[client / 2].set();
    shared(book.answered[client]).store(asked);
  }
}

void work(Events events, const Value<Ledger>& ledger, unsigned place, unsigned places) {
  Ledger& book = ledger.value();
  while (!book.pulse.stopped()) {
    if (place % 2 == 0)
      ask(events, book, place);
    else
      serve(events, book, places);
    book.pulse.beat(place);
  }
}

}  // namespace

Report torture_event(const Options& options) {
  Events events;
  const Value<Ledger> ledger;
  Ledger& book = ledger.value();
  const unsigned places = options.producers + options.consumers;
  Crew crew(options, "event", book.pulse, places,
            [&](unsigned place) { return Process({.daemon = true}, work, events, ledger, place, places); });
  crew.run();
  shared(book.pulse.stop).store(1);
  crew.wait_for_end_of(0, places, [&] {
    for (Event& event : events) event.set();
  });
  std::uint64_t asked = 0;
  for (const std::uint64_t each : book.asked) asked += each;
  return crew.report(fmt::format("{} waits", asked));
}

}  // namespace procyon::torture
