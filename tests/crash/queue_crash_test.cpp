// A process is killed at every instruction of putting into a queue and taking from one, in every state of the queue, and
// of repairing a queue after another death. Survivors go on: what was put is there once and in order, what the dead
// one was about to put is there whole or not at all, a message is lost only with who took it, and nothing leaks.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arena/format.hpp"
#include "channel/queue_format.hpp"
#include "crash_points.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/event.hpp"
#include "procyon/queue.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;
using arena::Handle;
using arena::Session;
using channel::Mark;
using channel::QueueState;
using channel::Segment;

template <class T>
using Messages = std::vector<T>;

std::string shown(const std::string& message) {
  return message.substr(0, 12) + (message.size() > 12 ? "... of " + std::to_string(message.size()) : "");
}
std::string shown(const Event& message) {
  return "event " + std::to_string(message.reference().handle().bits());
}

template <class T>
std::string shown(const Messages<T>& messages) {
  std::string text = std::to_string(messages.size()) + ":";
  for (const T& message : messages) text += " " + shown(message);
  return text;
}

bool same(const std::string& a, const std::string& b) { return a == b; }
bool same(const Event& a, const Event& b) { return a.reference().handle() == b.reference().handle(); }
template <class T>
bool same(const Messages<T>& a, const Messages<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return same(x, y); });
}

template <class T>
Messages<T> operator+(Messages<T> messages, const T& last) {
  messages.push_back(last);
  return messages;
}

template <class T>
Messages<T> without_first(const Messages<T>& messages, int count = 1) {
  return Messages<T>(messages.begin() + count, messages.end());
}

/// What survivors do first: the repair comes about in each of them.
enum class First : std::uint8_t { recover, put, get };
constexpr std::array all_orders{First::recover, First::put, First::get};
const char* shown(First first) {
  return first == First::recover ? "recovered first" : first == First::put ? "put first" : "got first";
}

/// Each scenario runs once for each order, and its stores are few.
Options few_points(std::size_t most) {
  Options options = Options::from_environment();
  if (options.budget) options.budget = std::min(*options.budget, most);
  return options;
}

template <class T>
struct QueueOperation {
  std::string name;
  std::size_t maxsize = 0;
  std::function<void(Queue<T>&)> arrange = [](Queue<T>&) {};  // in the survivor, before `before` is put
  Messages<T> before;                                         // in the queue when the victim comes
  std::function<void(Queue<T>&)> last_act;  // somebody dies in it just before the victim comes
  std::function<void(Queue<T>&)> before_window = [](Queue<T>&) {};  // in the victim
  std::function<void(Queue<T>&)> window;
  std::vector<Messages<T>> allowed;  // afterwards; the last if it was not killed
  T another;                         // what survivors put and take
  std::function<void(Queue<T>&)> before_check = [](Queue<T>&) {};
  Options options = few_points(150);
};

template <class T>
class QueueRun {
 public:
  QueueRun(const QueueOperation<T>& what, First first) : what_(what), first_(first) {}

  Scenario scenario() {
    return {.name = what_.name + ", " + shown(first_),
            .prepare = [this] { prepare(); },
            .victim =
                [this] {
                  Session::current().self();
                  what_.before_window(*queue_);
                  begin_window();
                  what_.window(*queue_);
                  end_window();
                },
            .check = [this](const KillPoint& point) { check(point); }};
  }

 private:
  void prepare() {
    queue_.reset();
    make_session_like_new();
    used_ = used_bytes();
    queue_.emplace(what_.maxsize);
    what_.arrange(*queue_);
    for (const T& message : what_.before) queue_->put(message);
    if (what_.last_act) let_somebody_die([&] { what_.last_act(*queue_); });
  }

  void check(const KillPoint& point) {
    what_.before_check(*queue_);
    if (first_ == First::recover) Session::current().recover_everybody();
    const bool puts_first = first_ == First::put && !queue_->full();
    if (puts_first) queue_->put(what_.another, 20s);

    Messages<T> got = first_ == First::get ? take_until_empty() : take_as_many_as_told();
    if (puts_first) {
      ASSERT_FALSE(got.empty());
      EXPECT_TRUE(same(got.back(), what_.another)) << shown(got);
      got.pop_back();
    }
    expect_allowed(got, point);
    got.clear();
    fill_what_is_free();
    expect_usable();
    expect_session_is_whole(used_ + bytes_of_empty_queue());
    queue_.reset();
    expect_session_is_whole(used_);
  }

  Messages<T> take_as_many_as_told() {
    Messages<T> got;
    const std::size_t size = queue_->qsize();
    for (std::size_t count = 0; count < size; ++count) got.push_back(queue_->get(20s));
    EXPECT_FALSE(queue_->try_get().has_value()) << "more than qsize() said";
    EXPECT_TRUE(queue_->empty());
    return got;
  }

  // Without asking how many there are, which would repair the producers' side too.
  Messages<T> take_until_empty() {
    Messages<T> got;
    while (std::optional<T> message = queue_->try_get()) got.push_back(*std::move(message));
    return got;
  }

  void expect_allowed(const Messages<T>& got, const KillPoint& point) const {
    if (!point.killed()) {
      EXPECT_TRUE(same(got, what_.allowed.back())) << shown(got);
    } else {
      EXPECT_TRUE(std::ranges::any_of(what_.allowed, [&](const auto& messages) {
        return same(got, messages);
      })) << shown(got);
    }
  }

  // Whoever reads freed memory reads this.
  static void fill_what_is_free() {
    Session& session = Session::current();
    std::vector<Handle> blocks;
    while (session.header().warm_units.load() != 0) {
      blocks.push_back(session.allocate(arena::unit_size));
      std::memset(session.bytes(blocks.back()), 0x5a, arena::unit_size);
    }
    for (const Handle block : blocks) session.release(block);
  }

  void expect_usable() {
    for (int round = 0; round < 3; ++round) {
      queue_->put(what_.another, 20s);
      EXPECT_EQ(queue_->qsize(), 1U);
      EXPECT_TRUE(same(queue_->get(20s), what_.another));
    }
    EXPECT_TRUE(queue_->empty());
  }

  // Its object, and the segment that is first and last at once.
  std::size_t bytes_of_empty_queue() {
    const Session& session = Session::current();
    const QueueState& state = queue_->reference().template get<QueueState>();
    EXPECT_EQ(state.first_segment.load(), state.last_segment.load());
    return session.size(queue_->reference().handle()) +
           session.size(Handle::from_bits(state.last_segment.load()));
  }

  const QueueOperation<T>& what_;
  First first_;
  std::optional<Queue<T>> queue_;
  std::size_t used_ = 0;
};

template <class T>
void expect_queue_survives(const QueueOperation<T>& what) {
  for (const First first : all_orders) {
    QueueRun<T> run(what, first);
    expect_survives_every_kill(run.scenario(), what.options);
  }
}

using Text = std::string;
using Texts = Messages<Text>;
using Operation = QueueOperation<Text>;

const Text added = "added";
const Text another = "another";
const Texts some{"first", "second", "third"};

void put_added(Queue<Text>& queue) { queue.put(added); }
void get_one(Queue<Text>& queue) { static_cast<void>(queue.get()); }

QueueState& state_of(const Queue<Text>& queue) { return queue.reference().get<QueueState>(); }

/// Puts and takes until a record of the size of `message`'s does not fit before the end of the ring.
void move_to_end_of_ring(Queue<Text>& queue, const Text& message) {
  Segment& segment = state_of(queue).inside;
  for (;;) {
    const std::uint32_t before = Mark::from_bits(segment.tail.load()).position;
    queue.put(message);
    EXPECT_EQ(queue.get(), message);
    const std::uint32_t after = Mark::from_bits(segment.tail.load()).position;
    const std::size_t to_end = segment.ring_bytes - after * channel::granule % segment.ring_bytes;
    if (to_end < (after - before) * channel::granule) return;
  }
}

/// As many messages of `size` as the last segment has room for, the first of which made it.
Texts messages_that_fill(std::size_t ring_bytes, std::size_t size) {
  Texts messages;
  for (std::size_t bytes = 0; bytes + size + 24 <= ring_bytes; bytes += size + 24)
    messages.emplace_back(size, static_cast<char>('a' + messages.size()));
  return messages;
}

/// Its locks become the caller's own (sync/biased_word.hpp). Leaves the one message that lies in it, if one does.
void bias_locks(Queue<Text>& queue) {
  sync::BiasedWord::accept_fences();
  for (std::uint32_t i = 0; i < 2 * sync::BiasedWord::first_patience; ++i) {
    const Text message = queue.try_get().value_or(Text());
    queue.put(message);
    if (message.empty()) get_one(queue);
  }
}

// Putting -------------------------------------------------------------------------------------------------------

TEST(QueueCrash, PutIntoAnEmptyOne) {
  expect_queue_survives<Text>(
      {.name = "queue.put, empty", .window = put_added, .allowed = {{}, {added}}, .another = another});
}

TEST(QueueCrash, PutWithABiasedLock) {
  expect_queue_survives<Text>({.name = "queue.put, biased",
                               .before_window = bias_locks,
                               .window = put_added,
                               .allowed = {{}, {added}},
                               .another = another});
}

TEST(QueueCrash, PutAndRevokeABias) {
  expect_queue_survives<Text>({.name = "queue.put, biased to another",
                               .arrange = bias_locks,
                               .window = put_added,
                               .allowed = {{}, {added}},
                               .another = another});
}

TEST(QueueCrash, GetWithABiasedLock) {
  expect_queue_survives<Text>({.name = "queue.get, biased",
                               .before = {added},
                               .before_window = bias_locks,
                               .window = get_one,
                               .allowed = {{added}, {}},
                               .another = another});
}

TEST(QueueCrash, GetAndRevokeABias) {
  expect_queue_survives<Text>({.name = "queue.get, biased to another",
                               .arrange = bias_locks,
                               .before = {added},
                               .window = get_one,
                               .allowed = {{added}, {}},
                               .another = another});
}

TEST(QueueCrash, PutBehindOthers) {
  expect_queue_survives<Text>({.name = "queue.put, behind others",
                               .before = some,
                               .window = put_added,
                               .allowed = {some, some + added},
                               .another = another});
}

TEST(QueueCrash, PutTheLastThatABoundedOneTakes) {
  expect_queue_survives<Text>({.name = "queue.put, bounded",
                               .maxsize = 4,
                               .before = some,
                               .window = put_added,
                               .allowed = {some, some + added},
                               .another = another});
}

TEST(QueueCrash, PutWaitsForRoom) {
  expect_queue_survives<Text>({.name = "queue.put, full",
                               .maxsize = 3,
                               .before = some,
                               .window = put_added,
                               .allowed = {some},
                               .another = another,
                               .options = waiting_window()});
}

TEST(QueueCrash, PutOverTheEndOfTheRing) {
  expect_queue_survives<Text>(
      {.name = "queue.put, wraps",
       .arrange = [](Queue<Text>& queue) { move_to_end_of_ring(queue, Text(100, 'x')); },
       .window = [](Queue<Text>& queue) { queue.put(Text(100, 'y')); },
       .allowed = {{}, {Text(100, 'y')}},
       .another = another});
}

TEST(QueueCrash, PutALargeMessage) {
  const Text large(20'000, 'l');
  expect_queue_survives<Text>({.name = "queue.put, large",
                               .before = some,
                               .window = [&](Queue<Text>& queue) { queue.put(large); },
                               .allowed = {some, some + large},
                               .another = large});
}

TEST(QueueCrash, PutGrowsTheQueue) {
  const Texts before = messages_that_fill(channel::first_ring_bytes, 480);
  const Text large(480, 'z');
  expect_queue_survives<Text>({.name = "queue.put, grows",
                               .before = before,
                               .window = [&](Queue<Text>& queue) { queue.put(large); },
                               .allowed = {before, before + large},
                               .another = another});
}

TEST(QueueCrash, PutGrowsAGrownQueue) {
  const Texts before = messages_that_fill(channel::smallest_grown_ring, 16'000);
  const Text last(1'500, 'z');  // long enough not to fit, short enough to copy
  expect_queue_survives<Text>({.name = "queue.put, grows again",
                               .before = before,
                               .window = [&](Queue<Text>& queue) { queue.put(last); },
                               .allowed = {before, before + last},
                               .another = another});
}

TEST(QueueCrash, PutWakesAConsumer) {
  const auto start = [&](Queue<Text>& queue) {
    start_helper([&] { return queue.get(20s) == added ? 0 : 1; });
    ASSERT_TRUE(comes_true([&] { return state_of(queue).get_sleepers.load() != 0; }));
  };
  // The consumer gets what was put, if need be by the survivor.
  const auto look = [&](Queue<Text>& queue) {
    const Mark tail = Mark::from_bits(state_of(queue).inside.tail.load());
    if (tail.sequence == 0) queue.put(added);
    EXPECT_EQ(end_of_helper(), 0);
  };
  expect_queue_survives<Text>({.name = "queue.put, wakes a consumer",
                               .arrange = start,
                               .window = put_added,
                               .allowed = {{}},
                               .another = another,
                               .before_check = look,
                               .options = few_points(30)});
}

// Taking --------------------------------------------------------------------------------------------------------

TEST(QueueCrash, GetTheOnlyOne) {
  expect_queue_survives<Text>({.name = "queue.get, the only one",
                               .before = {"only"},
                               .window = get_one,
                               .allowed = {{"only"}, {}},
                               .another = another});
}

TEST(QueueCrash, GetTheFirstOfSome) {
  expect_queue_survives<Text>({.name = "queue.get, first of some",
                               .before = some,
                               .window = get_one,
                               .allowed = {some, without_first(some)},
                               .another = another});
}

TEST(QueueCrash, GetFromAFullOne) {
  expect_queue_survives<Text>({.name = "queue.get, full",
                               .maxsize = 3,
                               .before = some,
                               .window = get_one,
                               .allowed = {some, without_first(some)},
                               .another = another});
}

TEST(QueueCrash, GetWaitsForAMessage) {
  expect_queue_survives<Text>({.name = "queue.get, empty",
                               .window = get_one,
                               .allowed = {{}},
                               .another = another,
                               .options = waiting_window()});
}

TEST(QueueCrash, GetOverTheEndOfTheRing) {
  expect_queue_survives<Text>(
      {.name = "queue.get, wraps",
       .arrange = [](Queue<Text>& queue) { move_to_end_of_ring(queue, Text(100, 'x')); },
       .before = {Text(100, 'y'), "second"},
       .window = get_one,
       .allowed = {{Text(100, 'y'), "second"}, {"second"}},
       .another = another});
}

TEST(QueueCrash, GetALargeMessage) {
  const Text large(20'000, 'l');
  expect_queue_survives<Text>({.name = "queue.get, large",
                               .before = {large, "second"},
                               .window = get_one,
                               .allowed = {{large, "second"}, {"second"}},
                               .another = large});
}

TEST(QueueCrash, GetMovesOnToTheNextSegment) {
  const Texts filling = messages_that_fill(channel::first_ring_bytes, 480);
  const Texts left{Text(480, 'y'), Text(480, 'z')};
  expect_queue_survives<Text>({.name = "queue.get, moves on",
                               .arrange =
                                   [&](Queue<Text>& queue) {
                                     for (const Text& message : filling) queue.put(message);
                                     for (const Text& message : left) queue.put(message);
                                     for (const Text& message : filling) EXPECT_EQ(queue.get(), message);
                                   },
                               .window = get_one,
                               .allowed = {left, without_first(left)},
                               .another = another});
}

TEST(QueueCrash, GetMovesOnAndFreesASegment) {
  const Texts filling = messages_that_fill(channel::smallest_grown_ring, 16'000);
  const Texts left{Text(1'500, 'y'), Text(100, 'z')};
  expect_queue_survives<Text>({.name = "queue.get, frees a segment",
                               .arrange =
                                   [&](Queue<Text>& queue) {
                                     for (const Text& message : filling) queue.put(message);
                                     for (const Text& message : left) queue.put(message);
                                     for (const Text& message : filling) EXPECT_EQ(queue.get(), message);
                                   },
                               .window = get_one,
                               .allowed = {left, without_first(left)},
                               .another = another});
}

TEST(QueueCrash, GetWakesAProducer) {
  const auto start = [&](Queue<Text>& queue) {
    for (const Text& message : some) queue.put(message);
    start_helper([&] { return queue.put(added, 20s), 0; });
    ASSERT_TRUE(comes_true([&] { return state_of(queue).put_sleepers.load() != 0; }));
  };
  // The producer puts as soon as one was taken, if need be by the survivor.
  const auto look = [&](Queue<Text>& queue) {
    const Mark head = Mark::from_bits(state_of(queue).inside.head.load());
    if (head.sequence == 0) {
      EXPECT_EQ(queue.get(20s), some[0]);
    }
    EXPECT_EQ(end_of_helper(), 0);
  };
  expect_queue_survives<Text>({.name = "queue.get, wakes a producer",
                               .maxsize = 3,
                               .arrange = start,
                               .window = get_one,
                               .allowed = {without_first(some) + added},
                               .another = another,
                               .before_check = look,
                               .options = few_points(30)});
}

// References on their way ---------------------------------------------------------------------------------------

TEST(QueueCrash, PutAReference) {
  std::optional<Event> event(std::in_place);
  const Event other;
  expect_queue_survives<Event>({.name = "queue.put, reference",
                                .before = {other},
                                .window = [&](Queue<Event>& queue) { queue.put(*event); },
                                .allowed = {{other}, {other, *event}},
                                .another = other});
}

TEST(QueueCrash, GetAReference) {
  const Event event;
  const Event other;
  expect_queue_survives<Event>({.name = "queue.get, reference",
                                .before = {event, other},
                                .window = [](Queue<Event>& queue) { static_cast<void>(queue.get()); },
                                .allowed = {{event, other}, {other}},
                                .another = other});
}

// After another death -------------------------------------------------------------------------------------------

/// Somebody dies at a crash point in `last_act`; then the victim, who has to repair the queue, at every instruction
/// and at every crash point.
void expect_repair_survives(Operation what, const char* point) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "this build has no crash points (PROCYON_CRASH_POINTS)";
  what.name += std::string(" after a death at ") + point;
  what.last_act = [point, act = what.last_act](Queue<Text>& queue) {
    os::arm_crash_point(point);
    act(queue);
    ADD_FAILURE() << point << " was not passed";
    ::_exit(1);
  };
  what.options = few_points(60);
  for (const First first : all_orders) {
    QueueRun<Text> run(what, first);
    expect_survives_every_kill(run.scenario(), what.options);
    expect_survives_every_crash_point(run.scenario());
  }
}

struct DeathPoint {
  const char* name;
  bool committed;
};

TEST(QueueCrash, PutAfterAProducerDied) {
  const Text large(20'000, 'd');
  for (const auto& [point, committed] :
       {DeathPoint{"queue.put.block_pending", false}, DeathPoint{"queue.put.block_held", false},
        DeathPoint{"queue.put.committed", true}, DeathPoint{"queue.put.counted", true}}) {
    const Texts present = committed ? some + large : some;
    expect_repair_survives({.name = "queue.put",
                            .before = some,
                            .last_act = [&](Queue<Text>& queue) { queue.put(large); },
                            .window = put_added,
                            .allowed = {present, present + added},
                            .another = another},
                           point);
  }
}

TEST(QueueCrash, PutAfterAProducerDiedInGrowing) {
  const Texts before = messages_that_fill(channel::smallest_grown_ring, 16'000);
  for (const char* point : {"queue.grow.segment_pending", "queue.grow.segment_held", "queue.grow.linked"}) {
    expect_repair_survives({.name = "queue.put",
                            .before = before,
                            .last_act = [&](Queue<Text>& queue) { queue.put(Text(1'500, 'd')); },
                            .window = put_added,
                            .allowed = {before, before + added},
                            .another = another},
                           point);
  }
}

TEST(QueueCrash, GetAfterAProducerDied) {
  const Text large(20'000, 'd');
  for (const auto& [point, committed] :
       {DeathPoint{"queue.put.block_held", false}, DeathPoint{"queue.put.committed", true}}) {
    const Texts present = committed ? some + large : some;
    expect_repair_survives({.name = "queue.get",
                            .before = some,
                            .last_act = [&](Queue<Text>& queue) { queue.put(large); },
                            .window = get_one,
                            .allowed = {present, without_first(present)},
                            .another = another},
                           point);
  }
}

TEST(QueueCrash, GetMovesOnAfterAProducerDiedInGrowing) {
  // The victim frees the segment that the dead producer's half-done work still speaks of.
  const Texts filling = messages_that_fill(channel::smallest_grown_ring, 16'000);
  expect_repair_survives({.name = "queue.try_get",
                          .before = filling,
                          .last_act = [&](Queue<Text>& queue) { queue.put(Text(1'500, 'd')); },
                          .before_window =
                              [&](Queue<Text>& queue) {
                                for (const Text& message : filling) {
                                  if (queue.get() != message) ::_exit(1);
                                }
                              },
                          .window = [](Queue<Text>& queue) { static_cast<void>(queue.try_get()); },
                          .allowed = {{}},
                          .another = another},
                         "queue.grow.linked");
}

TEST(QueueCrash, GetAfterAConsumerDied) {
  const Text large(20'000, 'd');
  const Texts before{large, "second", "third"};
  for (const auto& [point, committed] :
       {DeathPoint{"queue.get.block_claimed", false}, DeathPoint{"queue.get.block_committed", true},
        DeathPoint{"queue.get.block_taken", true}, DeathPoint{"queue.get.committed", true},
        DeathPoint{"queue.get.counted", true}}) {
    const Texts present = committed ? without_first(before) : before;
    expect_repair_survives({.name = "queue.get",
                            .before = before,
                            .last_act = get_one,
                            .window = get_one,
                            .allowed = {present, without_first(present)},
                            .another = another},
                           point);
  }
}

TEST(QueueCrash, GetAfterAConsumerDiedInMovingOn) {
  const Texts filling = messages_that_fill(channel::smallest_grown_ring, 16'000);
  const Texts left{Text(1'500, 'y'), Text(100, 'z')};
  for (const char* point : {"queue.get.segment_retired", "queue.get.moved_on"}) {
    expect_repair_survives({.name = "queue.get",
                            .arrange =
                                [&](Queue<Text>& queue) {
                                  for (const Text& message : filling) queue.put(message);
                                  for (const Text& message : left) queue.put(message);
                                  for (const Text& message : filling) EXPECT_EQ(queue.get(), message);
                                },
                            .last_act = get_one,
                            .window = get_one,
                            .allowed = {left, without_first(left)},
                            .another = another},
                           point);
  }
}

TEST(QueueCrash, PutIntoAFullOneAfterAConsumerDied) {
  // Room is there, but nobody has counted it.
  expect_repair_survives({.name = "queue.put, bounded",
                          .maxsize = 3,
                          .before = some,
                          .last_act = get_one,
                          .window = put_added,
                          .allowed = {without_first(some), without_first(some) + added},
                          .another = another},
                         "queue.get.committed");
}

}  // namespace
}  // namespace procyon::crash
