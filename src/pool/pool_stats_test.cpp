// What a pool tells of itself: stats() and trace().
#include "procyon/pool_stats.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "pool/observer.hpp"
#include "pool/test_support.hpp"
#include "procyon/thread_pool.hpp"

namespace procyon::testing {
namespace {

int work_for(int microseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < until) {
  }
  return microseconds;
}
int die_of(int signal) {
  if (signal != 0) ::raise(signal);
  return signal;
}

TEST(Histogram, QuantilesAreAnEighthTooLongAtMost) {
  for (const std::int64_t size : {0, 1, 7, 8, 15, 16, 17, 100, 1000, 123456, 1000000000}) {
    pool::Histogram histogram;
    for (int each = 0; each < 10; ++each) histogram.add(size);
    const std::int64_t found = histogram.quantile(0.5).count();
    EXPECT_GE(found, size);
    EXPECT_LE(found, size + size / 8);
  }
  pool::Histogram mixed;
  for (int each = 0; each < 99; ++each) mixed.add(10);
  mixed.add(1000000);
  EXPECT_EQ(mixed.quantile(0.5).count(), 10);
  EXPECT_EQ(mixed.quantile(0.98).count(), 10);
  EXPECT_GE(mixed.quantile(1).count(), 1000000);
  EXPECT_EQ(pool::Histogram().quantile(0.5).count(), 0);
}

TEST(PoolStats, CountTasksAndChunksOfEachWorker) {
  Pool pool({.processes = 2});
  pool.map({.chunksize = 10}, square, numbers_to(1000));
  const PoolStats stats = pool.stats();
  ASSERT_EQ(stats.workers.size(), 2U);
  EXPECT_EQ(stats.workers[0].tasks + stats.workers[1].tasks, 1000U);
  EXPECT_EQ(stats.total.tasks, 1000U);
  EXPECT_EQ(stats.total.chunks, 100U);
  EXPECT_EQ(stats.total.deaths, 0U);
  EXPECT_EQ(stats.outstanding, 0U);
  EXPECT_EQ(stats.total.busy.count(), 0) << "times were not asked for";
  for (const WorkerStats& worker : stats.workers) {
    EXPECT_TRUE(is_running(worker.pid));
    EXPECT_GT(worker.memory, 0U);
  }
}

TEST(PoolStats, TellTimesIfAsked) {
  Pool pool({.processes = 2, .stats = true});
  pool.map({.chunksize = 1}, work_for, std::vector<int>(20, 2000));
  const PoolStats stats = pool.stats();
  EXPECT_GE(stats.total.busy, std::chrono::milliseconds(40));
  EXPECT_GE(stats.ran.p50, std::chrono::milliseconds(2));
  EXPECT_GE(stats.ran.p99, stats.ran.p50);
  EXPECT_GE(stats.waited.p99, stats.waited.p50);
  EXPECT_GT(stats.waited.p99.count(), 0);
  const std::string text = to_string(stats);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5) << text;
}

TEST(PoolStats, CountDeaths) {
  Pool pool({.processes = 1, .stats = true});
  const pid_t before = pool.apply(pid_of_worker);
  pool.map_outcomes({.chunksize = 3}, die_of, std::vector{0, SIGKILL, 0});
  const pid_t now = pool.apply(pid_of_worker);
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.workers[0].deaths, 1U);
  EXPECT_EQ(stats.workers[0].tasks, 5U);
  EXPECT_NE(before, now);
  EXPECT_EQ(stats.workers[0].pid, now);
}

TEST(PoolStats, ARetiredWorkerIsNoDeath) {
  Pool pool({.processes = 1, .maxtasksperchild = 2});
  for (int number = 0; number < 10; ++number) pool.apply(square, number);
  EXPECT_EQ(pool.stats().total.deaths, 0U);
  EXPECT_EQ(pool.stats().total.tasks, 10U);
}

TEST(PoolStats, AreThereForThreadsAndTheCaller) {
  ThreadPool threads({.processes = 2, .stats = true});
  threads.map({.chunksize = 5}, work_for, std::vector<int>(20, 100));
  EXPECT_EQ(threads.stats().total.tasks, 20U);
  EXPECT_GE(threads.stats().total.busy, std::chrono::milliseconds(2));
  EXPECT_EQ(threads.stats().workers[0].pid, ::getpid());
  Pool caller({.run_inline = true, .stats = true});
  caller.map({.chunksize = 5}, work_for, std::vector<int>(20, 100));
  EXPECT_EQ(caller.stats().total.chunks, 4U);
  EXPECT_GE(caller.stats().total.busy, std::chrono::milliseconds(2));
}

TEST(PoolStats, TellWhatAWorkerIsAt) {
  Pool pool({.processes = 1});
  Event begun, go;
  EXPECT_EQ(pool.stats().workers[0].running_for.count(), 0);
  const AsyncResult<pid_t> running = pool.apply_async(wait_for, begun, go);
  ASSERT_TRUE(begun.wait(patience));
  EXPECT_TRUE(
      eventually([&] { return pool.stats().workers[0].running_for > std::chrono::milliseconds(30); }));
  EXPECT_GT(pool.stats().total.running_for, std::chrono::milliseconds(30));
  EXPECT_FALSE(pool.stats().workers[0].is_stopped);
  go.set();
  running.wait();
  EXPECT_TRUE(eventually([&] { return pool.stats().workers[0].running_for.count() == 0; }));
}

TEST(PoolStats, TellThatAWorkerIsStopped) {
  Pool pool({.processes = 2});
  Event begun, go;
  const AsyncResult<pid_t> running = pool.apply_async(wait_for, begun, go);
  ASSERT_TRUE(begun.wait(patience));
  PoolStats before;
  EXPECT_TRUE(eventually([&] {
    before = pool.stats();
    return before.total.running_for.count() > 0;
  }));
  const std::size_t at = before.workers[0].running_for > before.workers[1].running_for ? 0 : 1;
  EXPECT_FALSE(before.total.is_stopped);
  EXPECT_EQ(to_string(before).find("stopped"), std::string::npos);
  ::kill(before.workers[at].pid, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return pool.stats().workers[at].is_stopped; }));
  const PoolStats stopped = pool.stats();
  EXPECT_FALSE(stopped.workers[1 - at].is_stopped);
  EXPECT_TRUE(stopped.total.is_stopped);
  EXPECT_EQ(stopped.workers[1 - at].running_for.count(), 0);
  EXPECT_NE(to_string(stopped).find(" stopped\n"), std::string::npos) << to_string(stopped);
  ::kill(before.workers[at].pid, SIGCONT);
  EXPECT_TRUE(eventually([&] { return !pool.stats().workers[at].is_stopped; }));
  go.set();
  EXPECT_EQ(running.get(patience), before.workers[at].pid);
}

TEST(PoolStats, TellWhatAThreadIsAt) {
  ThreadPool pool({.processes = 2});
  Event go;
  const auto running = pool.apply_async([&] { go.wait(); });
  EXPECT_TRUE(eventually([&] { return pool.stats().total.running_for.count() > 0; }));
  EXPECT_FALSE(pool.stats().total.is_stopped);
  go.set();
  running.wait();
}

class PoolTrace : public ::testing::Test {
 protected:
  PoolTrace() { std::filesystem::create_directory(directory_); }
  ~PoolTrace() override { std::filesystem::remove_all(directory_); }

  // Whether this expression holds for the trace `t`, as Python's json reads it.
  bool holds(const std::string& expression) const {
    const std::string command =
        "python3 -c 'import json, sys; t = json.load(open(sys.argv[1])); e = "
        "t[\"traceEvents\"]; sys.exit(not (" +
        expression + "))' " + path_;
    return std::system(command.c_str()) == 0;
  }

  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("procyon-trace-" + std::to_string(::getpid()))).string();
  const std::string path_ = directory_ + "/trace.json";
};

TEST_F(PoolTrace, IsOneEventForEachChunkOnItsWorkersRow) {
  Pool pool({.processes = 2, .trace = true});
  pool.map({.chunksize = 5}, work_for, std::vector<int>(50, 500));
  pool.apply(square, 3);
  pool.trace(path_);
  EXPECT_TRUE(holds("len([x for x in e if x[\"ph\"] == \"X\"]) == 11"));
  EXPECT_TRUE(
      holds("{x[\"name\"] for x in e if x[\"ph\"] == \"X\"} == "
            "{f\"task {n} of map\" for n in range(0, 50, 5)} | {\"the task of apply\"}"));
  EXPECT_TRUE(holds("all(x[\"dur\"] >= 2500 for x in e if \"map\" in x[\"name\"])"));
  EXPECT_TRUE(holds("{x[\"tid\"] for x in e if x[\"ph\"] == \"X\"} <= {1, 2}"));
  EXPECT_TRUE(
      holds("[x[\"args\"][\"name\"] for x in e if x[\"name\"] == \"thread_name\"] == [\"worker 1\", "
            "\"worker 2\"]"));
  // What runs on one row does not overlap.
  EXPECT_TRUE(
      holds("all(a[\"ts\"] + a[\"dur\"] <= b[\"ts\"] + 0.002 for row in (1, 2) for rows in [sorted((x for "
            "x in e if x[\"ph\"] == \"X\" and x[\"tid\"] == row), key=lambda x: x[\"ts\"])] for a, b in "
            "zip(rows, rows[1:]))"));
  EXPECT_TRUE(holds("t[\"otherData\"][\"dropped\"] == 0"));
}

TEST_F(PoolTrace, ShowsWhoWasLostWithWhat) {
  Pool pool({.processes = 1, .trace = true});
  pool.map_outcomes({.chunksize = 3}, die_of, std::vector{0, SIGKILL, 0});
  pool.trace(path_);
  EXPECT_TRUE(
      holds("[x[\"name\"] for x in e if x[\"ph\"] == \"i\"] == [\"worker lost: signal 9 (SIGKILL)\"]"));
  EXPECT_TRUE(holds("[x[\"args\"][\"items\"] for x in e if x.get(\"cat\") == \"lost\"] == [2]"));
  EXPECT_TRUE(holds("[x[\"args\"][\"items\"] for x in e if x.get(\"cat\") == \"task\"] == [1]"));
}

TEST_F(PoolTrace, NamesTheProcessThatRanEachTask) {
  Pool pool({.processes = 1, .maxtasksperchild = 1, .trace = true});
  std::string processes;
  for (int task = 0; task < 10; ++task) processes += std::to_string(pool.apply(pid_of_worker)) + ",";
  pool.trace(path_);
  EXPECT_TRUE(holds("[x[\"args\"][\"worker pid\"] for x in e if x[\"ph\"] == \"X\"] == [" + processes + "]"));
}

TEST_F(PoolTrace, MustBeAskedForFirst) {
  Pool pool({.processes = 1});
  EXPECT_EQ(error_of([&] { return pool.trace(path_), 0; }),
            "std::logic_error: procyon: this pool has kept nothing for a trace; make it with {.trace = true} "
            "among its options");
}

TEST_F(PoolTrace, SaysWhichFileCannotBeWritten) {
  Pool pool({.processes = 1, .trace = true});
  EXPECT_NE(error_of([&] { return pool.trace(directory_ + "/no/such/file"), 0; }).find("/no/such/file"),
            std::string::npos);
}

}  // namespace
}  // namespace procyon::testing
