// ThreadPool: a Pool whose workers are threads of this process.
//
//   mp::ThreadPool pool({.processes = 8});
//   std::vector<std::string> pages = pool.map([&client](const std::string& url) { return client.get(url); }, urls);
//
// For work that waits (files, sockets), for work on data too large or too entangled to send, and to look at a program with
// a debugger. It has the calls of Pool, with the same options, outcomes and errors, so that the one can stand in
// for the other; and since nothing crosses to another process, the callable may have captures, and arguments and
// results may be of any type that can be copied or, for results, moved. Each call gets its arguments as values of its own;
// what it shares with others (captures, references) it must protect itself. A callable that changes when it is called is
// copied for each chunk of items.
//
// What threads cannot do: nothing isolates a task, so one that crashes takes the program with it; and nothing can end one
// from outside, it can only be asked to stop, if its function takes a std::stop_token. So
//   cancel()     ends what has not begun, which never begins, and what runs and takes a token: that has its outcome at once,
//                and runs on until it has seen its token. A running task that takes none goes on, and cancel() returns false.
//   .timeout     asks in the same way; std::invalid_argument if the function takes no token.
//   terminate()  and the destructor cancel what has not begun, ask the others to stop, and wait until they return.
// What a task refers to must live until it has returned, not only until it has its outcome. Its stop callbacks run in the
// thread that cancels, or one of the pool's. Not for work that may crash or hang: that is what Pool is for.
//
// Thread-safe, from tasks of its own too, which may give it more tasks; but a task that waits for those occupies
// its thread meanwhile. terminate() and join() in a task throw std::logic_error.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "procyon/detail/pool/local_task.hpp"
#include "procyon/pool.hpp"

namespace procyon {

struct ThreadPoolOptions {
  int processes =
      0;  // how many threads; 0: cpu_count(). The name is Pool's, so that one can stand for the other.
  std::function<void()> initializer =
      {};  // called by each thread first; if it throws in one, the pool is broken
  bool stats = false;
  bool trace = false;
};

class ThreadPool {
 public:
  using procyon_stays_in_its_process = void;

  /// Throws std::invalid_argument for less than one thread, and std::system_error if a thread cannot be started.
  ThreadPool() : ThreadPool(ThreadPoolOptions{}) {}
  explicit ThreadPool(ThreadPoolOptions options);
  explicit ThreadPool(int processes);

  // Each as in Pool.
  template <pool::Function F, class... Arguments>
  auto apply(F&& function, Arguments&&... arguments) {
    return pool_.apply(pool::local(std::forward<F>(function)), std::forward<Arguments>(arguments)...);
  }
  template <class F, class... Arguments>
  auto apply(ApplyOptions options, F&& function, Arguments&&... arguments) {
    return pool_.apply(options, pool::local(std::forward<F>(function)),
                       std::forward<Arguments>(arguments)...);
  }
  template <pool::Function F, class... Arguments>
  auto apply_async(F&& function, Arguments&&... arguments) {
    return pool_.apply_async(pool::local(std::forward<F>(function)), std::forward<Arguments>(arguments)...);
  }
  template <class F, class... Arguments>
  auto apply_async(AsyncOptions<pool::ResultOfCall<pool::LocalOf<F>, Arguments...>> options, F&& function,
                   Arguments&&... arguments) {
    return pool_.apply_async(std::move(options), pool::local(std::forward<F>(function)),
                             std::forward<Arguments>(arguments)...);
  }
  template <pool::Function F, class... Ranges>
  auto map(F&& function, Ranges&&... ranges) {
    return pool_.map(pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto map(MapOptions options, F&& function, Ranges&&... ranges) {
    return pool_.map(options, pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class... Ranges>
  auto map_outcomes(F&& function, Ranges&&... ranges) {
    return pool_.map_outcomes(pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto map_outcomes(MapOptions options, F&& function, Ranges&&... ranges) {
    return pool_.map_outcomes(options, pool::local(std::forward<F>(function)),
                              std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class... Ranges>
  auto map_async(F&& function, Ranges&&... ranges) {
    return pool_.map_async(pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto map_async(MapAsyncOptions<pool::ResultOfMap<pool::LocalOf<F>, Ranges...>> options, F&& function,
                 Ranges&&... ranges) {
    return pool_.map_async(std::move(options), pool::local(std::forward<F>(function)),
                           std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class Range>
  auto starmap(F&& function, Range&& tuples) {
    return pool_.starmap(pool::local(std::forward<F>(function)), std::forward<Range>(tuples));
  }
  template <class F, class Range>
  auto starmap(MapOptions options, F&& function, Range&& tuples) {
    return pool_.starmap(options, pool::local(std::forward<F>(function)), std::forward<Range>(tuples));
  }
  template <pool::Function F, class Range>
  auto starmap_async(F&& function, Range&& tuples) {
    return pool_.starmap_async(pool::local(std::forward<F>(function)), std::forward<Range>(tuples));
  }
  template <class F, class Range>
  auto starmap_async(MapAsyncOptions<pool::ResultOfStarmap<pool::LocalOf<F>, Range>> options, F&& function,
                     Range&& tuples) {
    return pool_.starmap_async(std::move(options), pool::local(std::forward<F>(function)),
                               std::forward<Range>(tuples));
  }
  template <pool::Function F, class... Ranges>
  auto imap(F&& function, Ranges&&... ranges) {
    return pool_.imap(pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap(MapOptions options, F&& function, Ranges&&... ranges) {
    return pool_.imap(options, pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class... Ranges>
  auto imap_outcomes(F&& function, Ranges&&... ranges) {
    return pool_.imap_outcomes(pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap_outcomes(MapOptions options, F&& function, Ranges&&... ranges) {
    return pool_.imap_outcomes(options, pool::local(std::forward<F>(function)),
                               std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class... Ranges>
  auto imap_unordered(F&& function, Ranges&&... ranges) {
    return pool_.imap_unordered(pool::local(std::forward<F>(function)), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap_unordered(MapOptions options, F&& function, Ranges&&... ranges) {
    return pool_.imap_unordered(options, pool::local(std::forward<F>(function)),
                                std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class... Ranges>
  auto imap_unordered_outcomes(F&& function, Ranges&&... ranges) {
    return pool_.imap_unordered_outcomes(pool::local(std::forward<F>(function)),
                                         std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap_unordered_outcomes(MapOptions options, F&& function, Ranges&&... ranges) {
    return pool_.imap_unordered_outcomes(options, pool::local(std::forward<F>(function)),
                                         std::forward<Ranges>(ranges)...);
  }

  [[nodiscard]] PoolStats stats() { return pool_.stats(); }
  void trace(const std::string& path) const { pool_.trace(path); }
  void close() { pool_.close(); }
  /// Asks the tasks that run to stop, if they take a std::stop_token, and waits for them. What has not begun is Cancelled.
  void terminate() { pool_.terminate(); }
  void join() { pool_.join(); }
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return pool_.join(timeout);
  }

 private:
  Pool pool_;
};

}  // namespace procyon
