// The pool: every task has exactly one outcome, a kill costs at most the task that it hit, and each place is worked at again.
//
// A task counts its begin and its end in a cell of the ledger. When the master has its outcome it looks whether they fit:
//   a value            begun and ended, once (with retries: ended at least once)
//   lost               a worker was killed that had it. No more of these than kills
//   any other          only as this kind of task may end: cancelled exactly if cancel() said so, and so on
// "pool" has tasks of 5 ms and nothing else; "pool-mixed" retries, cancels, time-outs, requests to stop and errors among them,
// and an imap in chunks beside them.
#include <unistd.h>

#include <array>
#include <atomic>
#include <deque>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "crew.hpp"
#include "pool_killer.hpp"
#include "procyon/pool.hpp"

namespace procyon::torture {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto length_of_task = 5ms;
constexpr std::size_t lap = 1 << 12;  // far more tasks than are on their way
constexpr int retries = 2;

struct Cell {
  std::uint64_t begun;
  std::uint64_t ended;
};

enum Account : std::size_t { single_tasks, chunked_tasks, accounts };

struct Ledger {
  std::array<std::array<Cell, lap>, accounts> cells;

  Cell& cell(std::size_t account, std::uint64_t number) { return cells[account][number % lap]; }
};

enum class Kind { plain, retried, cancelled, stoppable, overdue, throwing };

// What the workers do.
std::uint64_t result_of(std::uint64_t number) { return number * 0x9E3779B97F4A7C15u; }

std::uint64_t work(const Value<Ledger>& ledger, std::size_t account, std::uint64_t number) {
  Cell& cell = ledger.value().cell(account, number);
  shared(cell.begun).fetch_add(1);
  std::this_thread::sleep_for(length_of_task);
  shared(cell.ended).fetch_add(1);
  return result_of(number);
}
std::uint64_t work_chunked(const Value<Ledger>& ledger, std::uint64_t number) {
  return work(ledger, chunked_tasks, number);
}
std::uint64_t work_until_stopped(const std::stop_token& stop, const Value<Ledger>& ledger,
                                 std::uint64_t number) {
  Cell& cell = ledger.value().cell(single_tasks, number);
  shared(cell.begun).fetch_add(1);
  for (int i = 0; i < 10 && !stop.stop_requested(); ++i) std::this_thread::sleep_for(length_of_task / 10);
  shared(cell.ended).fetch_add(1);
  return result_of(number);
}
std::uint64_t hang(const Value<Ledger>& ledger, std::uint64_t number) {
  shared(ledger.value().cell(single_tasks, number).begun).fetch_add(1);
  for (;;) ::pause();
}
std::uint64_t fail(const Value<Ledger>& ledger, std::uint64_t number) {
  work(ledger, single_tasks, number);
  throw std::runtime_error(std::to_string(number));
}

struct Outcomes {
  std::uint64_t values = 0;
  std::uint64_t lost = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t overdue = 0;
  std::uint64_t errors = 0;
};

/// Gives out tasks, some dozens at a time, and judges their outcomes.
class Master {
 public:
  Master(Pool& pool, const Options& options, bool is_mixed)
      : pool_(pool), random_(options.seed), is_mixed_(is_mixed) {}

  /// One task more, and the outcome of the oldest if there are enough.
  void step() {
    give();
    if (pending_.size() >= most_pending) judge_oldest();
  }
  void finish() {
    while (!pending_.empty()) judge_oldest();
  }

  [[nodiscard]] const Outcomes& outcomes() const { return outcomes_; }
  [[nodiscard]] std::uint64_t tasks() const { return next_; }
  [[nodiscard]] std::uint64_t callbacks() const { return callbacks_.load(); }
  [[nodiscard]] std::chrono::milliseconds longest_silence() const { return longest_silence_; }
  [[nodiscard]] const Value<Ledger>& ledger() const { return ledger_; }

 private:
  static constexpr std::size_t most_pending = 48;

  struct Pending {
    std::uint64_t number;
    Kind kind;
    AsyncResult<std::uint64_t> result;
    bool is_cancelled;
  };

  Kind some_kind() {
    if (!is_mixed_) return Kind::plain;
    const std::uint64_t random = random_() % 100;
    return random < 3    ? Kind::cancelled
           : random < 6  ? Kind::stoppable
           : random < 8  ? Kind::overdue
           : random < 18 ? Kind::throwing
           : random < 40 ? Kind::retried
                         : Kind::plain;
  }

  AsyncResult<std::uint64_t> give_out(Kind kind, std::uint64_t number) {
    AsyncOptions<std::uint64_t> options{.callback = [this](std::uint64_t) { ++callbacks_; },
                                        .error_callback = [this](const Error&) { ++callbacks_; }};
    switch (kind) {
      case Kind::stoppable:
        return pool_.apply_async(options, work_until_stopped, ledger_, number);
      case Kind::overdue:
        options.timeout = 4 * length_of_task;
        return pool_.apply_async(options, hang, ledger_, number);
      case Kind::throwing:
        return pool_.apply_async(options, fail, ledger_, number);
      case Kind::retried:
        options.retries = retries;
        break;
      case Kind::plain:
      case Kind::cancelled:
        break;
    }
    return pool_.apply_async(options, work, ledger_, std::size_t{single_tasks}, number);
  }

  void give() {
    const std::uint64_t number = next_++;
    ledger_.value().cell(single_tasks, number) = {};
    const Kind kind = some_kind();
    pending_.push_back({number, kind, give_out(kind, number), false});
    // Somewhere between just given out and ended.
    Pending& other = pending_[random_() % pending_.size()];
    if (other.kind == Kind::cancelled || other.kind == Kind::stoppable)
      other.is_cancelled |= other.result.cancel();
  }

  void judge_oldest() {
    const Pending task = std::move(pending_.front());
    pending_.pop_front();
    if (!task.result.wait(longest_wait)) throw Violation("a task has no outcome");
    const auto now = Clock::now();
    longest_silence_ = std::max(longest_silence_,
                                std::chrono::duration_cast<std::chrono::milliseconds>(now - last_outcome_));
    last_outcome_ = now;
    demand(task.result.ready(), "an outcome was there and is not any more");
    judge(task);
  }

  void judge(const Pending& task) {
    const Cell cell = ledger_.value().cell(single_tasks, task.number);
    const std::uint64_t most_begun = task.kind == Kind::retried ? 1 + retries : 1;
    demand(cell.begun <= most_begun, "a task was begun too often");
    try {
      const std::uint64_t result = task.result.get();
      ++outcomes_.values;
      demand(!task.is_cancelled, "a task has a value though cancel() said that it is cancelled");
      demand(task.kind != Kind::overdue && task.kind != Kind::throwing,
             "a task has a value that returned none");
      demand(result == result_of(task.number), "a task has the value of another");
      demand(cell.begun >= 1 && cell.ended >= 1, "a task has a value though it did not run to its end");
    } catch (const WorkerLost&) {
      ++outcomes_.lost;
      demand(!task.is_cancelled, "a task is lost though cancel() said that it is cancelled");
    } catch (const Cancelled&) {
      ++outcomes_.cancelled;
      demand(task.is_cancelled, "a task is cancelled though cancel() did not say so");
    } catch (const TimeoutError&) {
      ++outcomes_.overdue;
      demand(task.kind == Kind::overdue, "a task without a time-out has run into one");
    } catch (const Violation&) {
      throw;
    } catch (const std::runtime_error& error) {
      ++outcomes_.errors;
      if (task.kind != Kind::throwing || error.what() != std::to_string(task.number)) throw;
    }
  }

  Pool& pool_;
  std::mt19937_64 random_;
  const bool is_mixed_;
  const Value<Ledger> ledger_;
  std::deque<Pending> pending_;
  std::uint64_t next_ = 0;
  Outcomes outcomes_;
  std::atomic<std::uint64_t> callbacks_{0};
  Clock::time_point last_outcome_ = Clock::now();
  std::chrono::milliseconds longest_silence_{0};
};

/// An imap in chunks from another thread, while the pool is tortured. Returns the items that were lost.
struct ChunkedFlow {
  std::uint64_t items = 0;
  std::uint64_t lost = 0;

  void run(Pool& pool, const Value<Ledger>& ledger, const PoolKiller& killer) {
    while (!killer.is_done()) {
      std::vector<std::uint64_t> numbers;
      for (int i = 0; i < 60; ++i) {
        numbers.push_back(items + numbers.size());
        ledger.value().cell(chunked_tasks, numbers.back()) = {};
      }
      std::uint64_t expected = items;
      for (const auto& outcome : pool.imap_outcomes({.chunksize = 4}, partial(work_chunked, ledger), numbers))
        judge(ledger.value().cell(chunked_tasks, expected), outcome, expected), ++expected;
      demand(expected == items + numbers.size(), "an imap has more or fewer outcomes than items");
      items = expected;
    }
  }

 private:
  void judge(const Cell& cell, const Outcome<std::uint64_t>& outcome, std::uint64_t number) {
    demand(cell.begun <= 1, "an item was begun twice");
    if (outcome) {
      demand(*outcome == result_of(number), "an item has the value of another");
      demand(cell.ended == 1, "an item has a value though it did not run to its end");
    } else {
      demand(outcome.error().is<WorkerLost>(), "an item has an error that is none of its own");
      ++lost;
    }
  }
};

// Until the killer is done; then until all that was given out has ended.
void use(Pool& pool, Master& master, ChunkedFlow* flow, const PoolKiller& killer) {
  std::exception_ptr violation;
  std::thread beside;
  if (flow != nullptr)
    beside = std::thread([&] {
      try {
        flow->run(pool, master.ledger(), killer);
      } catch (...) {
        violation = std::current_exception();
      }
    });
  try {
    while (!killer.is_done()) master.step();
    master.finish();
  } catch (...) {
    if (!violation) violation = std::current_exception();
    pool.terminate();  // what runs beside ends with that
  }
  if (beside.joinable()) beside.join();
  if (violation) std::rethrow_exception(violation);
}

Report torture(const Options& options, bool is_mixed) {
  std::optional<Master> master;  // outlives the pool, which calls it back
  ChunkedFlow flow;
  Recovery recovery;
  std::uint64_t kills = 0;
  const auto begin = Clock::now();
  {
    Pool pool({.processes = static_cast<int>(options.consumers)});
    master.emplace(pool, options, is_mixed);
    PoolKiller killer(pool, options);
    use(pool, *master, is_mixed ? &flow : nullptr, killer);
    recovery = killer.finish();
    kills = killer.kills();
    pool.close();
    pool.join();
  }
  const std::chrono::duration<double> taken = Clock::now() - begin;

  const Outcomes& ended = master->outcomes();
  demand(ended.values + ended.lost + ended.cancelled + ended.overdue + ended.errors == master->tasks(),
         "tasks are unaccounted for");
  demand(master->callbacks() == master->tasks(), "not every task was called back once");
  demand(ended.lost + flow.lost <= kills, "more tasks were lost than workers were killed");
  const auto milliseconds = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
  return {kills, master->longest_silence(),
          fmt::format("{} tasks ({:.0f} a second; {} workers, 5 ms each): {} values, {} lost, {} cancelled, "
                      "{} overdue, {} errors; "
                      "{} items of imap, {} lost; a killed worker's place worked again after {:.1f} ms in "
                      "the mean, {:.1f} ms at most",
                      master->tasks(), static_cast<double>(master->tasks() + flow.items) / taken.count(),
                      options.consumers, ended.values, ended.lost, ended.cancelled, ended.overdue,
                      ended.errors, flow.items, flow.lost,
                      milliseconds(recovery.all) / static_cast<double>(std::max<std::uint64_t>(kills, 1)),
                      milliseconds(recovery.longest))};
}

}  // namespace

Report torture_pool(const Options& options) { return torture(options, false); }
Report torture_pool_mixed(const Options& options) { return torture(options, true); }

}  // namespace procyon::torture
