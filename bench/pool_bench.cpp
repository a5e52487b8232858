// Pools of two workers: many trivial tasks, one at a time, in the default chunks, a pool made and used once, and
// four tasks that only compute.
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <procyon/pool.hpp>

#include <future>
#include <memory>
#include <numeric>
#include <vector>

#include "harness.hpp"
#include "peers/pipe_pool.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr int workers = 2;
constexpr std::size_t single_tasks = 500'000;
constexpr std::size_t applied_tasks = 20'000;
constexpr std::size_t chunked_tasks = 5'000'000;
constexpr int new_pools = 50;
constexpr int heavy_tasks = 4;

std::int64_t square(std::int64_t x) { return x * x; }

// About a sixth of a second of nothing but arithmetic.
std::int64_t compute(std::int64_t seed) {
  auto state = static_cast<std::uint64_t>(seed) + 1;
  for (int i = 0; i < 100'000'000; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
  }
  return static_cast<std::int64_t>(state);
}

std::vector<std::int64_t> numbers(std::size_t count) {
  std::vector<std::int64_t> result(count);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

void check_squares(const std::vector<std::int64_t>& squares, std::size_t count) {
  require(squares.size() == count, "results are missing");
  for (std::size_t i = 0; i < count; ++i)
    require(squares[i] == square(static_cast<std::int64_t>(i)), "a wrong result");
}

template <class Map>
Result measure_map(std::size_t count, Map map) {
  const auto arguments = numbers(count);
  check_squares(map(arguments), count);  // once to warm up: the memory, and the workers
  const Stopwatch watch;
  const auto squares = map(arguments);
  const Result result = watch.stop(static_cast<double>(count));
  check_squares(squares, count);
  return result;
}

template <class Apply>
Result measure_apply(Apply apply) {
  require(apply(3) == 9, "a wrong result");
  std::int64_t sum = 0;
  const Stopwatch watch;
  for (std::size_t i = 0; i < applied_tasks; ++i) sum += apply(static_cast<std::int64_t>(i % 10));
  const Result result = watch.stop(applied_tasks);
  require(sum == applied_tasks / 10 * 285, "a wrong result");
  return result;
}

// Creation and first map; the pool's end is not counted.
template <class MakeAndMap>
Result measure_new_pools(MakeAndMap make_and_map) {
  std::chrono::duration<double> making{};
  const Stopwatch watch;
  for (int i = 0; i < new_pools; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto pool = make_and_map();
    making += std::chrono::steady_clock::now() - start;
  }
  return {new_pools, making.count(), watch.stop(new_pools).seconds};
}

// The serial time as "operations": operations per second are then the speed-up.
template <class Map>
Result measure_speedup(Map map) {
  const auto seeds = numbers(heavy_tasks);
  std::vector<std::int64_t> expected;
  const Stopwatch serial_watch;
  for (const auto seed : seeds) expected.push_back(compute(seed));
  const double serial = serial_watch.stop(0).seconds;
  const Stopwatch watch;
  const auto results = map(seeds);
  const Result result = watch.stop(serial);
  require(results == expected, "a wrong result");
  return result;
}

Result our_map() {
  mp::Pool pool({.processes = workers});
  return measure_map(single_tasks,
                     [&](const auto& arguments) { return pool.map({.chunksize = 1}, square, arguments); });
}
Result our_chunked_map() {
  mp::Pool pool({.processes = workers});
  return measure_map(chunked_tasks, [&](const auto& arguments) { return pool.map(square, arguments); });
}
Result our_apply() {
  mp::Pool pool({.processes = workers});
  return measure_apply([&](std::int64_t x) { return pool.apply(square, x); });
}
Result our_heavy() {
  mp::Pool pool({.processes = workers});
  pool.map(square, numbers(workers));  // the workers are there, as a program's would be
  return measure_speedup([&](const auto& seeds) { return pool.map({.chunksize = 1}, compute, seeds); });
}

// What a program's first pool costs is in the first of them only: the fork server and the session.
Result our_new_pools() {
  return measure_new_pools([] {
    auto pool = std::make_unique<mp::Pool>(mp::PoolOptions{.processes = workers});
    check_squares(pool->map(square, numbers(2)), 2);
    return pool;
  });
}

Result pipes_map() {
  PipePool pool(workers, square);
  return measure_map(single_tasks, [&](const auto& arguments) { return pool.map(arguments); });
}

Result pipes_apply() {
  PipePool pool(workers, square);
  return measure_apply([&](std::int64_t x) { return pool.apply(x); });
}

Result async_apply() {
  return measure_apply([](std::int64_t x) { return std::async(std::launch::async, square, x).get(); });
}

template <class Function, class Partitioner>
std::vector<std::int64_t> tbb_map(Function function, const std::vector<std::int64_t>& arguments,
                                  std::size_t grain, const Partitioner& partitioner) {
  const tbb::global_control two(tbb::global_control::max_allowed_parallelism, workers);
  std::vector<std::int64_t> results(arguments.size());
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, arguments.size(), grain),
      [&](const auto& range) {
        for (std::size_t i = range.begin(); i != range.end(); ++i) results[i] = function(arguments[i]);
      },
      partitioner);
  return results;
}

Result tbb_single() {
  return measure_map(single_tasks, [](const auto& arguments) {
    return tbb_map(square, arguments, 1, tbb::simple_partitioner());
  });
}
Result tbb_chunked() {
  return measure_map(chunked_tasks, [](const auto& arguments) {
    return tbb_map(square, arguments, 1, tbb::auto_partitioner());
  });
}
Result tbb_heavy() {
  return measure_speedup(
      [](const auto& seeds) { return tbb_map(compute, seeds, 1, tbb::simple_partitioner()); });
}

Result pipes_new_pools() {
  return measure_new_pools([] {
    auto pool = std::make_unique<PipePool>(workers, square);
    check_squares(pool->map(numbers(2)), 2);
    return pool;
  });
}

// As bare as it can be: each worker takes the next task's number from a shared counter and leaves its result.
Result fork_heavy() {
  struct Board {
    std::atomic<std::int64_t> next{0};
    std::array<std::int64_t, heavy_tasks> results{};
  };
  auto& board = shared<Board>();
  return measure_speedup([&](const auto& seeds) {
    std::vector<pid_t> children;
    for (int i = 0; i < workers; ++i) {
      children.push_back(in_child([&] {
        for (std::int64_t task; (task = board.next++) < heavy_tasks;)
          board.results[task] = compute(seeds[task]);
      }));
    }
    for (const pid_t child : children) join_child(child);
    return std::vector<std::int64_t>(board.results.begin(), board.results.end());
  });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv,
                       {
                           {"single/procyon", our_map},
                           {"single/raw-pipes", pipes_map},
                           {"single/tbb-threads", tbb_single},
                           {"apply/procyon", our_apply},
                           {"apply/raw-pipes", pipes_apply},
                           {"apply/std-async", async_apply},
                           {"chunked/procyon", our_chunked_map},
                           {"chunked/tbb-threads", tbb_chunked},
                           {"create/procyon", our_new_pools},
                           {"create/raw-pipes", pipes_new_pools},
                           {"heavy/procyon", our_heavy},
                           {"heavy/raw-fork", fork_heavy},
                           {"heavy/tbb-threads", tbb_heavy},
                       });
}
