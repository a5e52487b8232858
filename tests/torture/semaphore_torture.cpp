// Semaphore: never more permits out than there are, and those of the dead come back.
#include <array>

#include <fmt/core.h>

#include "crew.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/semaphore.hpp"

namespace procyon::torture {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t permits = 3;

struct Ledger {
  Pulse pulse;
  std::array<std::uint64_t, most_workers>
      holding;  // | participant 32 | count 32 | while a place holds a permit
  std::uint64_t taken;
};

bool holder_lives(std::uint64_t mark) {
  return mark != 0 && arena::Session::current().alive(
                          arena::ParticipantId::from_bits(static_cast<std::uint32_t>(mark >> 32)));
}

// Marks that stood still while their holders were found alive were there at one time, all of them.
void count_holders(Ledger& book) {
  std::array<std::uint64_t, most_workers> seen{};
  for (std::size_t place = 0; place < seen.size(); ++place) seen[place] = shared(book.holding[place]).load();
  std::size_t holders = 0;
  for (const std::uint64_t mark : seen) holders += holder_lives(mark) ? 1 : 0;
  for (std::size_t place = 0; place < seen.size(); ++place)
    if (shared(book.holding[place]).load() != seen[place]) return;
  demand(holders <= permits, "more permits were out than there are");
}

void work(Semaphore semaphore, const Value<Ledger>& ledger, unsigned place) {
  Ledger& book = ledger.value();
  const std::uint64_t self = std::uint64_t{arena::Session::current().self().bits()} << 32;
  for (std::uint32_t round = 1; !book.pulse.stopped(); ++round) {
    std::optional<Semaphore::Permit> permit;
    if (round % 4 != 0)
      permit.emplace(semaphore.permit());
    else if (!(permit = semaphore.permit(1ms)))
      continue;
    shared(book.holding[place]).store(self | round);
    count_holders(book);
    shared(book.holding[place]).store(0);
    shared(book.taken).fetch_add(1, std::memory_order_relaxed);
    book.pulse.beat(place);
  }
}

}  // namespace

Report torture_semaphore(const Options& options) {
  const Semaphore semaphore(permits);
  const Value<Ledger> ledger;
  Ledger& book = ledger.value();
  const unsigned places = options.producers + options.consumers;
  Crew crew(options, "semaphore", book.pulse, places,
            [&](unsigned place) { return Process({.daemon = true}, work, semaphore, ledger, place); });
  crew.run();
  shared(book.pulse.stop).store(1);
  crew.wait_for_end_of(0, places);
  demand(semaphore.get_value() == permits, "permits were lost");
  return crew.report(fmt::format("{} permits taken, all {} back", book.taken, permits));
}

}  // namespace procyon::torture
