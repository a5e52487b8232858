// The queue: nothing lost but what a killed consumer held, nothing twice, nothing torn, in order.
//
// Every message of a producer's place has a number and a cell in the ledger, which goes begun -> put -> taken. The producer
// writes the first two around put(), the consumer the last after get(). When the cell is used again, a lap later, its
// message has met its fate:
//   taken       once, or the consumer would have found it taken
//   put         lost: a consumer was killed that held it. No more of these than killed consumers
//   begun       its producer was killed in put(): it was put or not. No more of these than killed producers
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "crew.hpp"
#include "procyon/queue.hpp"

namespace procyon::torture {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t lap =
    1 << 18;                          // far more than may be on the way while a consumer is off the processor
constexpr std::size_t bound = 4'000;  // messages: enough that the queue grows and shrinks

enum class Fate : std::uint64_t { none, begun, put, taken };
constexpr std::uint64_t cell_of(std::uint64_t number, Fate fate) {
  return number << 2 | static_cast<std::uint64_t>(fate);
}
constexpr Fate fate_in(std::uint64_t cell) { return static_cast<Fate>(cell & 3); }

struct Losses {
  std::uint64_t held;      // put, and never taken
  std::uint64_t in_doubt;  // begun, and never taken
};

/// What the ledger keeps of one producer's place.
struct Account {
  std::uint64_t begun;  // the number of the message that was begun last
  Losses losses;        // of cells that were used again
  std::array<std::uint64_t, lap> cells;
};

struct Ledger {
  Pulse pulse;
  std::uint64_t taken;
  std::uint64_t big;
  std::uint64_t with_handle;
  std::array<Account, most_workers> accounts;
};

struct Message {
  std::uint32_t place = 0;
  std::uint32_t checksum = 0;
  std::uint64_t number = 0;  // 0: the consumer that takes it may go
  std::vector<std::uint8_t> payload;
  std::optional<Value<std::uint64_t>> companion;
};

std::uint64_t mixed(std::uint64_t seed) {
  seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
  seed = (seed ^ seed >> 27) * 0x94d049bb133111ebu;
  return seed ^ seed >> 31;
}

std::uint32_t checksum_of(const Message& message) {
  std::uint64_t sum = mixed(message.number << 8 | message.place);
  for (const std::uint8_t byte : message.payload) sum = (sum ^ byte) * 0x100000001b3u;
  return static_cast<std::uint32_t>(sum ^ sum >> 32);
}

constexpr bool has_companion(std::uint64_t random) { return random % 16 == 3; }
std::size_t size_for(std::uint64_t random) {
  if (random % 64 == 5) return (16 << 10) + random / 64 % (16 << 10);  // in a block of its own
  if (random % 64 == 6) return random / 64 % (16 << 10);
  return random / 64 % 200;
}

Message make_message(unsigned place, std::uint64_t number) {
  const std::uint64_t random = mixed(number * most_workers + place);
  Message message{.place = place, .checksum = 0, .number = number, .payload = {}, .companion = {}};
  message.payload.resize(size_for(random));
  for (std::size_t index = 0; index < message.payload.size(); ++index)
    message.payload[index] = static_cast<std::uint8_t>(random >> index % 8 * 8 ^ index);
  if (has_companion(random)) message.companion.emplace(number);
  message.checksum = checksum_of(message);
  return message;
}

// The tide: for a while both sides work, then only the producers, then only the consumers.
enum class Tide : std::uint8_t { even, flood, ebb };
Tide tide(Pulse& pulse) {
  constexpr std::array tides{Tide::even, Tide::even, Tide::flood, Tide::ebb};
  return tides[shared(pulse.phase).load(std::memory_order_relaxed) % tides.size()];
}
void sit_out(Pulse& pulse, unsigned place, Tide idle) {
  while (tide(pulse) == idle && !pulse.stopped()) {
    pulse.beat(place);
    std::this_thread::sleep_for(1ms);
  }
}

void begin_message(Account& account, std::uint64_t number) {
  const auto cell = shared(account.cells[number % lap]);
  switch (fate_in(cell.load())) {
    case Fate::put:
      ++account.losses.held;
      break;
    case Fate::begun:
      ++account.losses.in_doubt;
      break;
    case Fate::none:
    case Fate::taken:
      break;
  }
  // In this order: a message is not begun in its cell before the counter says that its number is used.
  shared(account.begun).store(number);
  cell.store(cell_of(number, Fate::begun));
}

void put_in_some_way(Queue<Message>& queue, const Message& message) {
  switch (message.number % 4) {
    case 0:
      for (;;) {
        try {
          return queue.put(message, 1ms);
        } catch (const Full&) {
        }
      }
    default:
      return queue.put(message);
  }
}

void produce(Queue<Message> queue, const Value<Ledger>& ledger, unsigned place) {
  Ledger& book = ledger.value();
  Account& account = book.accounts[place];
  while (!book.pulse.stopped()) {
    sit_out(book.pulse, place, Tide::ebb);
    const std::uint64_t number = shared(account.begun).load() + 1;
    const Message message = make_message(place, number);
    begin_message(account, number);
    put_in_some_way(queue, message);
    std::uint64_t begun = cell_of(number, Fate::begun);
    shared(account.cells[number % lap])
        .compare_exchange_strong(begun, cell_of(number, Fate::put));  // or it is taken
    book.pulse.beat(place);
  }
}

Message get_in_some_way(Queue<Message>& queue, std::uint64_t count) {
  for (;;) {
    if (count % 4 != 0) return queue.get();
    if (auto message = queue.try_get(1ms)) return *std::move(message);
  }
}

void check(const Message& message) {
  const std::uint64_t random = mixed(message.number * most_workers + message.place);
  demand(checksum_of(message) == message.checksum, "a message arrived torn");
  demand(message.payload.size() == size_for(random), "a message arrived with another size");
  demand(message.companion.has_value() == has_companion(random), "a message arrived without its companion");
  if (message.companion)
    demand(message.companion->value() == message.number, "the companion of a message is another");
}

void consume(Queue<Message> queue, const Value<Ledger>& ledger, unsigned place) {
  Ledger& book = ledger.value();
  std::array<std::uint64_t, most_workers> last{};
  for (std::uint64_t count = 0;; ++count) {
    sit_out(book.pulse, place, Tide::flood);
    const Message message = get_in_some_way(queue, count);
    if (message.number == 0) return;
    check(message);
    demand(message.number > last[message.place], "messages of one producer arrived in another order");
    last[message.place] = message.number;
    const std::uint64_t before = shared(book.accounts[message.place].cells[message.number % lap])
                                     .exchange(cell_of(message.number, Fate::taken));
    demand(before >> 2 == message.number, "a message arrived that nobody put, or a lap late");
    demand(fate_in(before) != Fate::taken, "a message arrived twice");
    shared(book.taken).fetch_add(1, std::memory_order_relaxed);
    if (message.payload.size() > 16 << 10) shared(book.big).fetch_add(1, std::memory_order_relaxed);
    if (message.companion) shared(book.with_handle).fetch_add(1, std::memory_order_relaxed);
    book.pulse.beat(place);
  }
}

// When all have ended: what was lost in all.
Losses losses_of(const Account& account) {
  Losses all = account.losses;
  for (const std::uint64_t cell : account.cells) {
    all.held += fate_in(cell) == Fate::put ? 1 : 0;
    all.in_doubt += fate_in(cell) == Fate::begun ? 1 : 0;
  }
  return all;
}

}  // namespace

Report torture_queue(const Options& options) {
  Queue<Message> queue(bound);
  const auto empty = std::make_unique<Ledger>();  // too large for the stack
  const Value<Ledger> ledger(*empty);
  Ledger& book = ledger.value();
  std::uint64_t killed_producers = 0;
  std::uint64_t killed_consumers = 0;
  const unsigned places = options.producers + options.consumers;
  Crew crew(
      options, "queue", book.pulse, places,
      [&](unsigned place) {
        return place < options.producers ? Process({.daemon = true}, produce, queue, ledger, place)
                                         : Process({.daemon = true}, consume, queue, ledger, place);
      },
      [&](unsigned place) { ++(place < options.producers ? killed_producers : killed_consumers); });
  crew.run();
  shared(book.pulse.stop).store(1);
  crew.wait_for_end_of(0, options.producers);
  for (unsigned consumer = 0; consumer < options.consumers; ++consumer) queue.put(Message{});
  crew.wait_for_end_of(options.producers, places);

  demand(queue.empty(), "the queue is not empty after all was taken");
  Losses lost{};
  std::uint64_t begun = 0;
  for (unsigned producer = 0; producer < options.producers; ++producer) {
    const Losses here = losses_of(book.accounts[producer]);
    lost.held += here.held;
    lost.in_doubt += here.in_doubt;
    begun += book.accounts[producer].begun;
  }
  demand(lost.held <= killed_consumers, "more messages were lost than consumers were killed");
  demand(lost.in_doubt <= killed_producers, "more messages were left half put than producers were killed");
  // A producer may be killed between counting a number and marking its cell, whose former fate then stands for it.
  demand(begun <= book.taken + lost.held + lost.in_doubt + killed_producers + killed_consumers &&
             book.taken + lost.held + lost.in_doubt <= begun,
         "messages are unaccounted for");
  return crew.report(
      fmt::format("{} messages begun, {} taken ({} in blocks of their own, {} with a handle), {} lost with "
                  "their consumer ({} "
                  "killed), {} not put by their killed producer ({} killed)",
                  begun, book.taken, book.big, book.with_handle, lost.held, killed_consumers, lost.in_doubt,
                  killed_producers));
}

}  // namespace procyon::torture
