// The limit of a pool without shared memory: workers made by fork, a pipe of tasks to each and a pipe of results
// back. A task is one write, as chunksize 1 says; a side that reads takes all there is.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <vector>

#include "harness.hpp"

namespace bench {

class PipePool {
 public:
  struct Task {
    std::uint64_t index;
    std::int64_t value;  // the argument on the way there, the result on the way back
  };

  PipePool(int workers, std::int64_t (*function)(std::int64_t)) {
    for (int i = 0; i < workers; ++i) workers_.push_back(start_worker(function));
  }
  ~PipePool() {
    for (const Worker& worker : workers_) {
      ::close(worker.tasks);
      ::close(worker.results);
      join_child(worker.pid);
    }
  }
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  std::int64_t apply(std::int64_t argument) {
    Worker& worker = workers_.front();
    Task task{0, argument};
    require(::write(worker.tasks, &task, sizeof task) == sizeof task, "write failed");
    require(::read(worker.results, &task, sizeof task) == sizeof task, "read failed");
    return task.value;
  }

  std::vector<std::int64_t> map(const std::vector<std::int64_t>& arguments) {
    std::vector<std::int64_t> results(arguments.size());
    std::size_t sent = 0;
    for (std::size_t done = 0; done < arguments.size();) {
      for (Worker& worker : workers_) {
        for (; worker.outstanding < window && sent < arguments.size(); ++sent, ++worker.outstanding) {
          const Task task{sent, arguments[sent]};
          require(::write(worker.tasks, &task, sizeof task) == sizeof task, "write failed");
        }
      }
      wait_for_results();
      for (Worker& worker : workers_) done += take_results(worker, results);
    }
    return results;
  }

 private:
  static constexpr std::size_t window = 256;  // tasks on their way to one worker: well below a pipe's 64 KiB
  using Batch = std::array<Task, window>;

  struct Worker {
    pid_t pid;
    int tasks;
    int results;
    std::size_t outstanding = 0;
  };

  Worker start_worker(std::int64_t (*function)(std::int64_t)) const {
    int tasks[2];
    int results[2];
    require(::pipe(tasks) == 0 && ::pipe(results) == 0, "pipe failed");
    const pid_t pid = in_child([&] {
      for (const Worker& older : workers_) {
        ::close(older.tasks);
        ::close(older.results);
      }
      ::close(tasks[1]);
      ::close(results[0]);
      serve(tasks[0], results[1], function);
    });
    ::close(tasks[0]);
    ::close(results[1]);
    return {pid, tasks[1], results[0]};
  }

  static void serve(int tasks, int results, std::int64_t (*function)(std::int64_t)) {
    Batch batch;
    for (ssize_t got; (got = ::read(tasks, batch.data(), sizeof batch)) > 0;) {
      const auto count = static_cast<std::size_t>(got) / sizeof(Task);
      for (std::size_t i = 0; i < count; ++i) batch[i].value = function(batch[i].value);
      require(::write(results, batch.data(), static_cast<std::size_t>(got)) == got, "write failed");
    }
  }

  void wait_for_results() const {
    std::vector<pollfd> descriptors;
    for (const Worker& worker : workers_) {
      if (worker.outstanding > 0) descriptors.push_back({worker.results, POLLIN, 0});
    }
    ::poll(descriptors.data(), descriptors.size(), -1);
  }

  static std::size_t take_results(Worker& worker, std::vector<std::int64_t>& results) {
    pollfd descriptor{worker.results, POLLIN, 0};
    if (worker.outstanding == 0 || ::poll(&descriptor, 1, 0) != 1) return 0;
    Batch batch;
    const ssize_t got = ::read(worker.results, batch.data(), sizeof batch);
    require(got > 0, "a worker is gone");
    const auto count = static_cast<std::size_t>(got) / sizeof(Task);
    for (std::size_t i = 0; i < count; ++i) results[batch[i].index] = batch[i].value;
    worker.outstanding -= count;
    return count;
  }

  std::vector<Worker> workers_;
};

}  // namespace bench
