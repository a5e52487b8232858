// A worker is killed at every instruction of claiming a task, running its items, growing its results and completing it;
// a master at every instruction of giving out a task and of collecting results. Survivors settle what the dead one held:
// each item ends exactly once, at most the begun one is lost, the others run elsewhere, and nothing leaks. The same for
// tasks that are cancelled, asked to stop or run again.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "pool/ledger.hpp"
#include "pool/pool_format.hpp"
#include "pool/task_ring.hpp"
#include "pool/worker.hpp"
#include "procyon/detail/pool/typed_job.hpp"
#include "procyon/event.hpp"
#include "procyon/queue.hpp"
#include "session_state.hpp"
#include "shared_page.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using arena::Reference;
using arena::Session;
using pool::CallableCache;
using pool::Claim;
using pool::CollectedJob;
using pool::Ledger;
using pool::Phase;
using pool::PoolState;
using pool::SlotState;
using pool::TaskEncoder;

constexpr std::uint32_t workers = 2;
constexpr std::uint32_t slots = 8;
constexpr std::uint32_t victim_index = 0;
constexpr std::uint32_t survivor_index = 1;
constexpr std::size_t most_items = 16;

/// How often the body of each item was entered, by anybody.
std::array<std::atomic<int>, most_items>& runs() {
  static const SharedPage<std::array<std::atomic<int>, most_items>> page;
  return *page;
}
void count_run(int item) { runs()[static_cast<std::size_t>(item)].fetch_add(1); }

// The tasks.
int tripled(int item) {
  count_run(item);
  return 3 * item;
}
std::vector<char> long_text(int item) {
  count_run(item);
  return std::vector<char>(300, static_cast<char>(item));
}
Event new_event(int item) {
  count_run(item);
  Event event;
  event.set();
  return event;
}
int item_with_event(const Event& event, int item) {
  count_run(item);
  return event.is_set() ? 3 * item : 0;
}

int tripled_unless_stopped(const std::stop_token&, int item) { return tripled(item); }

bool is_expected(int result, int item) { return result == 3 * item; }
bool is_expected(const std::vector<char>& result, int item) {
  return result == std::vector<char>(300, static_cast<char>(item));
}
bool is_expected(const Event& result, int) { return result.is_set(); }

struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A pool with a master's ledger, and nobody else: the test is master and surviving worker, the victim whatever it says.
template <class R>
class PoolRun {
 public:
  void prepare() {
    ledger_.reset();
    job_.reset();
    reference_ = Reference();
    make_session_like_new();
    used_ = used_bytes();
    for (auto& count : runs()) count = 0;
    reference_ = Reference::create_with_room<PoolState>(PoolState::room_for(workers, slots), pool::pool_type);
    PoolState& state = this->state();
    state.slot_count = slots;
    state.worker_count = workers;
    state.master = session().self().bits();
    state.construct_tables();
    ledger_.emplace(session(), state, reference_.handle());
    job_ = std::make_shared<CollectedJob<R>>("map", true);
    given_ = 0;
    runs_allowed_ = 1;
  }
  void set_rules(const pool::JobRules& rules) {
    job_->rules = rules;
    runs_allowed_ = 1 + static_cast<int>(rules.retries);
  }
  /// The chunks of what is given out next are measured, and kept tasks are cut.
  void adapt_chunks() { job_->chunks = pool::ChunkSizer::adaptive(workers, slots / 2); }
  /// As the master does it. Returns the workers that it would end.
  std::vector<std::uint32_t> cancel() {
    std::vector<std::uint32_t> condemned;
    ledger_->end_job(*job_, std::make_exception_ptr(Lost("cancelled")), condemned);
    return condemned;
  }

  /// As the master does it: `count` further items in one task.
  template <class F, class... Fixed>
  bool give_out(F function, std::uint32_t count, std::optional<std::chrono::nanoseconds> timeout,
                const Fixed&... fixed) {
    TaskEncoder<F, Fixed..., int> encoder(function);
    for (std::uint32_t item = 0; item < count; ++item) encoder.add(fixed..., static_cast<int>(given_ + item));
    job_->resize(given_ + count);
    job_->pending += count;
    const bool is_given = ledger_->give_out({job_, given_, count, timeout}, encoder.task());
    given_ += count;
    return is_given;
  }

  /// The same where there need not be a slot.
  template <class F>
  void keep(F function, std::uint32_t count) {
    TaskEncoder<F, int> encoder(function);
    for (std::uint32_t item = 0; item < count; ++item) encoder.add(static_cast<int>(given_ + item));
    job_->resize(given_ + count);
    job_->pending += count;
    job_->chunks.expect(count);
    ledger_->keep({job_, given_, count, std::nullopt}, std::move(encoder.task()));
    given_ += count;
    ledger_->feed();
  }

  std::optional<Claim> claim_as(std::uint32_t worker) { return pool::claim(state(), worker); }
  void run_as(std::uint32_t worker, const Claim& claim, CallableCache& cache) {
    pool::run_task(session(), state(), reference_.handle(), worker, claim, cache);
  }
  void announce() { ledger_->announce(); }
  void collect() { ledger_->collect(); }
  void drop_results() { job_.reset(); }

  /// What the master does when the victim's end was noticed, and what happens then. Returns the lost items.
  std::vector<std::size_t> settle_and_run_the_rest() {
    session().recover_everybody();
    ledger_->settle_lost(victim_index,
                         [](const pool::TaskDescription& task, std::uint32_t item, bool condemned) {
                           EXPECT_FALSE(condemned);  // what the master has ended is not spoken of again
                           return std::make_exception_ptr(Lost(std::to_string(task.first_item + item)));
                         });
    CallableCache cache;
    // What was kept is given out as others end.
    do {
      while (const auto claim = claim_as(survivor_index)) run_as(survivor_index, *claim, cache);
      EXPECT_FALSE(pool::may_have_task(state()));
    } while (ledger_->collect() != 0);
    EXPECT_EQ(job_->pending, 0U);
    EXPECT_EQ(ledger_->outstanding(), 0U);
    for (std::uint32_t index = 0; index < slots; ++index)
      EXPECT_EQ(SlotState::from_bits(state().slot(index).state).phase, Phase::free) << "slot " << index;
    return lost_items();
  }

  /// Nothing is held any more when the pool goes.
  void expect_no_leak() {
    ledger_.reset();
    job_.reset();
    reference_ = Reference();
    expect_session_is_whole(used_);
  }

  /// The memory of a pool without tasks.
  [[nodiscard]] std::size_t used_now() {
    session().recover_everybody();
    return used_bytes();
  }

  PoolState& state() { return reference_.get<PoolState>(); }

 private:
  static Session& session() { return Session::current(); }

  std::vector<std::size_t> lost_items() {
    std::vector<std::size_t> lost;
    for (std::size_t item = 0; item < given_; ++item) {
      const Outcome<R>& outcome = job_->outcomes()[item];
      const int count = runs()[item];
      if (outcome) {
        EXPECT_TRUE(is_expected(*outcome, static_cast<int>(item))) << "item " << item;
        EXPECT_GE(count, 1) << "item " << item;
        EXPECT_LE(count, runs_allowed_) << "item " << item;
        continue;
      }
      EXPECT_NE(outcome.error().exception(), nullptr) << "item " << item << " has no outcome";
      if (outcome.error().exception() == nullptr) continue;
      EXPECT_TRUE(outcome.error().template is<Lost>()) << outcome.error();
      if (outcome.error().what() != "cancelled") {
        EXPECT_EQ(outcome.error().what(), std::to_string(item));
      }
      EXPECT_LE(count, runs_allowed_) << "item " << item;
      lost.push_back(item);
    }
    return lost;
  }

  Reference reference_;
  std::optional<Ledger> ledger_;
  std::shared_ptr<CollectedJob<R>> job_;
  std::size_t given_ = 0;
  std::size_t used_ = 0;
  int runs_allowed_ = 1;
};

/// The victim of the scenarios in which a worker dies with a task.
template <class R>
void claim_and_be_killed_in_the_task(PoolRun<R>& run) {
  Session::current().self();
  CallableCache cache;
  const auto claim = run.claim_as(victim_index);
  begin_window();
  run.run_as(victim_index, *claim, cache);
  end_window();
}

std::size_t memory_of_an_event() {
  const std::size_t before = used_bytes();
  const Event event;
  return used_bytes() - before;
}

/// A worker is killed while it runs a task of `items` items, which it has claimed; another task waits.
template <class R>
struct TaskScenario {
  std::string name;
  std::function<void(PoolRun<R>&)> give_out;
  std::size_t memory_of_idle_pool = 0;
  PoolRun<R> run{};

  void expect_survives() {
    const Scenario scenario{.name = name,
                            .prepare =
                                [this] {
                                  run.prepare();
                                  memory_of_idle_pool = run.used_now();
                                  give_out(run);
                                },
                            .victim = [this] { claim_and_be_killed_in_the_task(run); },
                            .check = [this](const KillPoint& point) { check(point); }};
    expect_survives_every_kill(scenario);
  }

  void check(const KillPoint& point) {
    const std::vector<std::size_t> lost = run.settle_and_run_the_rest();
    EXPECT_LE(lost.size(), point.killed() ? 1U : 0U);
    run.drop_results();
    // An uncounted result whose shared objects were already handed over keeps them until the pool goes.
    const std::size_t kept = std::is_same_v<R, Event> && !lost.empty() ? memory_of_an_event() : 0;
    EXPECT_GE(run.used_now(), memory_of_idle_pool);
    EXPECT_LE(run.used_now(), memory_of_idle_pool + kept)
        << "the blocks of tasks and results are not free again";
    run.expect_no_leak();
  }
};

TEST(PoolCrash, AClaimedTaskIsNeverLostBeforeItBegins) {
  PoolRun<int> run;
  const Scenario scenario{.name = "pool.claim",
                          .prepare =
                              [&] {
                                run.prepare();
                                for (int task = 0; task < 3; ++task) run.give_out(&tripled, 2, std::nullopt);
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                begin_window();
                                const auto first = run.claim_as(victim_index);
                                const auto second = run.claim_as(victim_index);
                                end_window();
                                static_cast<void>(first);
                                static_cast<void>(second);
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_TRUE(run.settle_and_run_the_rest().empty());
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, ReservedTasksAreRunByOthers) {
  PoolRun<int> run;
  const Scenario scenario{.name = "pool.reserve",
                          .prepare =
                              [&] {
                                run.prepare();
                                for (std::uint32_t task = 0; task < slots; ++task)
                                  run.give_out(&tripled, 1, std::nullopt);
                                run.announce();
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                begin_window();
                                const auto first = run.claim_as(victim_index);
                                const auto reserved = run.claim_as(victim_index);
                                const auto third = run.claim_as(victim_index);
                                end_window();
                                static_cast<void>(first);
                                static_cast<void>(reserved);
                                static_cast<void>(third);
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_TRUE(run.settle_and_run_the_rest().empty());
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, ATaskOfSeveralItemsLosesTheBegunOne) {
  TaskScenario<int>{"pool.run",
                    [](PoolRun<int>& run) {
                      run.give_out(&tripled, 3, std::nullopt);
                      run.give_out(&tripled, 1, std::nullopt);
                    }}
      .expect_survives();
}

TEST(PoolCrash, AMeasuredTaskLosesTheBegunItem) {
  TaskScenario<int>{"pool.run measured",
                    [](PoolRun<int>& run) {
                      run.adapt_chunks();
                      run.give_out(&tripled, 3, std::nullopt);
                    }}
      .expect_survives();
}

TEST(PoolCrash, OfAKeptTaskThatIsCutTheRestIsNotLost) {
  TaskScenario<int>{"pool.run cut",
                    [](PoolRun<int>& run) {
                      run.adapt_chunks();
                      run.keep(&tripled, 12);
                    }}
      .expect_survives();
}

TEST(PoolCrash, ATimedTaskLosesTheBegunItem) {
  TaskScenario<int>{"pool.run with a deadline",
                    [](PoolRun<int>& run) { run.give_out(&tripled, 3, std::chrono::hours(1)); }}
      .expect_survives();
}

TEST(PoolCrash, ResultsThatMoveToLargerBlocksLeakNone) {
  // The first result fits into the slot, the second needs a block, the fourth a larger one.
  TaskScenario<std::vector<char>>{
      "pool.run with growing results",
      [](PoolRun<std::vector<char>>& run) { run.give_out(&long_text, 5, std::nullopt); }}
      .expect_survives();
}

TEST(PoolCrash, ItemsWithSharedObjectsFindThemAgain) {
  Event event;
  event.set();
  TaskScenario<int>{"pool.run with shared objects",
                    [event](PoolRun<int>& run) { run.give_out(&item_with_event, 3, std::nullopt, event); }}
      .expect_survives();
}

TEST(PoolCrash, ResultsThatAreSharedObjectsLeakNone) {
  TaskScenario<Event>{"pool.run with shared results",
                      [](PoolRun<Event>& run) { run.give_out(&new_event, 2, std::nullopt); }}
      .expect_survives();
}

TEST(PoolCrash, ADeadMasterLeavesTasksThatWorkersUnderstand) {
  PoolRun<int> run;
  const Scenario scenario{.name = "pool.publish",
                          .prepare =
                              [&] {
                                run.prepare();
                                run.give_out(&tripled, 2, std::nullopt);
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                begin_window();
                                run.give_out(&tripled, 2, std::nullopt);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                Session::current().recover_everybody();
                                CallableCache cache;
                                int claimed = 0;
                                while (const auto claim = run.claim_as(survivor_index)) {
                                  run.run_as(survivor_index, *claim, cache);
                                  ++claimed;
                                }
                                EXPECT_GE(claimed, point.killed() ? 1 : 2);
                                EXPECT_LE(claimed, 2);
                                for (std::size_t item = 0; item < 4; ++item)
                                  EXPECT_EQ(runs()[item],
                                            item / 2 < static_cast<std::size_t>(claimed) ? 1 : 0);
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, AMasterThatDiesWhileItCollectsLeaksNothing) {
  PoolRun<std::vector<char>> run;
  const Scenario scenario{.name = "pool.collect",
                          .prepare =
                              [&] {
                                run.prepare();
                                run.give_out(&long_text, 3, std::nullopt);
                                CallableCache cache;
                                run.run_as(survivor_index, *run.claim_as(survivor_index), cache);
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                begin_window();
                                run.collect();
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_FALSE(run.claim_as(survivor_index));
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, ATaskThatMayBeCancelledLosesTheBegunItem) {
  TaskScenario<int>{"pool.run guarded",
                    [](PoolRun<int>& run) {
                      run.set_rules({.can_be_ended = true});
                      run.give_out(&tripled, 3, std::nullopt);
                    }}
      .expect_survives();
}

TEST(PoolCrash, ALostItemThatHasARetryIsNotLost) {
  PoolRun<int> run;
  const Scenario scenario{.name = "pool.run with retries",
                          .prepare =
                              [&] {
                                run.prepare();
                                run.set_rules({.can_be_ended = true, .retries = 1});
                                run.give_out(&tripled, 3, std::nullopt);
                                run.give_out(&tripled, 1, std::nullopt);
                              },
                          .victim = [&] { claim_and_be_killed_in_the_task(run); },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_TRUE(run.settle_and_run_the_rest().empty());
                                int runs_of_all = 0;
                                for (std::size_t item = 0; item < 4; ++item) runs_of_all += runs()[item];
                                EXPECT_LE(runs_of_all, 5);
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, ATaskIsCancelledWhereverItsWorkerDied) {
  PoolRun<std::vector<char>> run;
  const Scenario scenario{.name = "pool.run, then cancelled",
                          .prepare =
                              [&] {
                                run.prepare();
                                run.set_rules({.can_be_ended = true});
                                run.give_out(&long_text, 3, std::nullopt);
                                run.give_out(&long_text, 2, std::nullopt);
                              },
                          .victim = [&] { claim_and_be_killed_in_the_task(run); },
                          .check =
                              [&](const KillPoint&) {
                                run.cancel();
                                const auto ended = run.settle_and_run_the_rest();
                                EXPECT_GE(ended.size(), 2U);
                                EXPECT_EQ(runs()[3] + runs()[4], 0)
                                    << "a task that was cancelled before it began has run";
                                run.drop_results();
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, AWorkerThatDiesWhenItIsAskedToStopLeavesNothing) {
  PoolRun<int> run;
  std::optional<Claim> claim;
  const Scenario scenario{.name = "pool.run of a task that is asked to stop",
                          .prepare =
                              [&] {
                                run.prepare();
                                run.set_rules({.can_be_ended = true});
                                run.give_out(&tripled_unless_stopped, 3, std::nullopt);
                                claim = run.claim_as(victim_index);
                                EXPECT_TRUE(run.cancel().empty());
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                CallableCache cache;
                                begin_window();
                                run.run_as(victim_index, *claim, cache);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_EQ(run.settle_and_run_the_rest().size(), 3U);
                                for (std::size_t item = 0; item < 3; ++item) EXPECT_EQ(runs()[item], 0);
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

TEST(PoolCrash, AMasterThatDiesWhileItCancelsLeavesTasksThatWorkersUnderstand) {
  PoolRun<int> run;
  const Scenario scenario{.name = "pool.cancel",
                          .prepare =
                              [&] {
                                run.prepare();
                                run.set_rules({.can_be_ended = true});
                                run.give_out(&tripled, 2, std::nullopt);
                                run.give_out(&tripled, 2, std::nullopt);
                                run.give_out(&tripled, 2, std::nullopt);
                                run.claim_as(victim_index);
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                begin_window();
                                run.cancel();
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                Session::current().recover_everybody();
                                CallableCache cache;
                                int claimed = 0;
                                while (const auto claim = run.claim_as(survivor_index)) {
                                  run.run_as(survivor_index, *claim, cache);
                                  ++claimed;
                                }
                                EXPECT_LE(claimed, point.killed() ? 2 : 0);
                                EXPECT_EQ(runs()[0] + runs()[1], 0);
                                for (std::size_t item = 2; item < 6; ++item) EXPECT_LE(runs()[item], 1);
                                run.expect_no_leak();
                              }};
  expect_survives_every_kill(scenario);
}

}  // namespace
}  // namespace procyon::crash
