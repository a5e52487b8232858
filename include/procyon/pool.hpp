// Pool: worker processes that run tasks, each of which has exactly one outcome.
//
//   int square(int n) { return n * n; }
//
//   mp::Pool pool({.processes = 4});
//   std::vector<int> squares = pool.map(square, std::vector{1, 2, 3});
//   for (auto& result : mp::progress(pool.imap_outcomes(parse, paths)))
//     if (!result) fmt::print(stderr, "{}\n", result.error().what());
//
// An outcome is the task's value, its own exception, WorkerLost (its worker was killed, crashed or exited in it),
// TimeoutError (it ran longer than its deadline), Cancelled (by AsyncResult::cancel() or Pool::terminate()) or BrokenPool (there are no workers
// any more); never silence, never two. A worker's death costs the task that it ran and nothing else: the worker is
// replaced and its other tasks run elsewhere. A task's body runs at most once, unless retries are asked for.
//
// What crosses to the workers (functions, captureless lambdas, partial(), values, and every shared object of the library)
// is said in wire/transferable.hpp; what cannot is a compile error. An overloaded function needs a lambda around it.
// Options come first, in braces, in their declared order.
//
// A function whose first parameter is a std::stop_token gets one, which is asked to stop when the task is cancelled or runs
// longer than it may; half a second later its worker is ended.
//
// Workers are daemonic: they end with this process, however it ends. Thread-safe; only in the process that made it.
// Not for one long-running child (Process), nor for threads' work on shared data: every task's values are copied.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/async_result.hpp"
#include "procyon/detail/pool/engine.hpp"
#include "procyon/detail/pool/imap.hpp"
#include "procyon/detail/pool/result_job.hpp"
#include "procyon/detail/pool/typed_job.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/errors.hpp"
#include "procyon/outcome.hpp"
#include "procyon/partial.hpp"
#include "procyon/pool_options.hpp"
#include "procyon/pool_stats.hpp"

namespace procyon {

/// What each worker runs before its first task: a callable without arguments (see partial()).
class Initializer {
 public:
  Initializer() = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Initializer>)  //
      Initializer(F&& function)
      : call_(std::make_shared<pool::EncodedTask>()) {
    wire::encode_call(call_->callable, function);
  }

 private:
  friend class Pool;
  std::shared_ptr<pool::EncodedTask> call_;
};

struct PoolOptions {
  int processes = 0;                             // 0: cpu_count()
  Initializer initializer = {};                  // if it throws in a worker, the pool is broken
  int maxtasksperchild = 0;                      // chunks after which a worker is replaced; 0: never
  std::optional<StartMethod> start_method = {};  // as set_start_method() says, if not said
  // Bytes of private memory; what goes beyond throws MemoryLimitExceeded in the task. At least 16 MiB; 0: no limit.
  std::size_t max_memory_per_worker = 0;
  // Bytes of resident memory after a task, above which the worker is replaced, between two tasks; 0: never.
  std::size_t recycle_above_memory = 0;
  // A task that uses more ends with CpuLimitExceeded, and its worker is replaced; 0: no limit.
  std::chrono::nanoseconds max_cpu_time_per_task = {};
  // What workers write to stderr goes to a file of the pool instead; WorkerLost tells the last lines of it.
  bool keep_stderr = false;
  // Whether tasks may start processes and pools of their own. These end with the worker, if nothing else is said.
  bool allow_children = false;
  // Whether the constructor waits until all workers are ready (wait_ready()).
  bool warm_up = false;
  // For a debugger: no workers; each task runs in the thread that gives it out, before the call returns. Arguments and
  // results are copied as ever. Time-outs and limits are not looked at, and a crash is the program's own.
  bool run_inline = false;
  bool stats = false;  // the times of tasks, for stats(); some 100 ns for each chunk
  bool trace = false;  // keeps what ran when and where, for trace(); some 150 bytes for each chunk
};

class Pool {
 public:
  /// Tells the codec to refuse it as an argument.
  using procyon_stays_in_its_process = void;

  /// As many workers as there are processors for this process, or as the options say. Throws std::invalid_argument for
  /// numbers below 1, and what starting a process throws.
  Pool() : Pool(PoolOptions{}) {}
  explicit Pool(PoolOptions options);
  explicit Pool(int processes);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  /// terminate() and join().
  ~Pool();

  /// Runs one task and waits for it.
  template <pool::Function F, class... Arguments>
  auto apply(F&& function, Arguments&&... arguments) {
    return apply(ApplyOptions{}, function, arguments...);
  }
  template <class F, class... Arguments>
  auto apply(ApplyOptions options, F&& function, Arguments&&... arguments) {
    using R = pool::ResultOfCall<F, Arguments...>;
    auto job = std::make_shared<pool::SingleJob<R>>("apply");
    job->rules = pool::rules_of(options.retries, options.retry_when);
    give(job, options.timeout, true, function, arguments...);
    return AsyncResult<R>(engine_, std::move(job)).get();
  }

  /// Runs one task meanwhile. If all workers are busy it waits for its turn; never blocks. The options, with callbacks, are
  /// AsyncOptions<R>.
  template <pool::Function F, class... Arguments>
  auto apply_async(F&& function, Arguments&&... arguments) {
    return apply_async(AsyncOptions<pool::ResultOfCall<F, Arguments...>>{}, function, arguments...);
  }
  template <class F, class... Arguments>
  auto apply_async(AsyncOptions<pool::ResultOfCall<F, Arguments...>> options, F&& function,
                   Arguments&&... arguments) {
    using R = pool::ResultOfCall<F, Arguments...>;
    auto job = std::make_shared<pool::SingleJob<R>>("apply_async");
    job->rules = pool::rules_of(options.retries, options.retry_when);
    job->rules.can_be_ended = true;
    meanwhile(job, options.callback, options.error_callback,
              [&] { give(job, options.timeout, false, function, arguments...); });
    return AsyncResult<R>(engine_, std::move(job));
  }

  /// Calls `function` with each element (of several ranges: with one of each, until the shortest ends) and returns the
  /// results in order. When all have ended, throws the first error, by order of the input, if there is one.
  template <pool::Function F, class... Ranges>
  auto map(F&& function, Ranges&&... ranges) {
    return map(MapOptions{}, function, std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto map(MapOptions options, F&& function, Ranges&&... ranges) {
    return results_of("map", options, function, pool::Inputs<Ranges...>(std::forward<Ranges>(ranges)...));
  }

  /// The same, but returns what became of each: std::vector<Outcome<R>>.
  template <pool::Function F, class... Ranges>
  auto map_outcomes(F&& function, Ranges&&... ranges) {
    return map_outcomes(MapOptions{}, function, std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto map_outcomes(MapOptions options, F&& function, Ranges&&... ranges) {
    return outcomes_of("map_outcomes", options, function,
                       pool::Inputs<Ranges...>(std::forward<Ranges>(ranges)...));
  }

  /// map() meanwhile: an AsyncResult<std::vector<R>>. Reads all of the input before it returns, and never waits for a worker;
  /// if reading the input throws, so does this, and the rest is dropped. The options, with callbacks, are
  /// MapAsyncOptions<R>.
  template <pool::Function F, class... Ranges>
  auto map_async(F&& function, Ranges&&... ranges) {
    return map_async(MapAsyncOptions<pool::ResultOfMap<F, Ranges...>>{}, function,
                     std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto map_async(MapAsyncOptions<pool::ResultOfMap<F, Ranges...>> options, F&& function, Ranges&&... ranges) {
    return later("map_async", std::move(options), function,
                 pool::Inputs<Ranges...>(std::forward<Ranges>(ranges)...));
  }

  /// map() over a range of tuples or pairs, whose elements are the arguments.
  template <pool::Function F, class Range>
  auto starmap(F&& function, Range&& tuples) {
    return starmap(MapOptions{}, function, std::forward<Range>(tuples));
  }
  template <class F, class Range>
  auto starmap(MapOptions options, F&& function, Range&& tuples) {
    return results_of("starmap", options, function, pool::StarInputs<Range>(std::forward<Range>(tuples)));
  }
  /// The same meanwhile, as map_async().
  template <pool::Function F, class Range>
  auto starmap_async(F&& function, Range&& tuples) {
    return starmap_async(MapAsyncOptions<pool::ResultOfStarmap<F, Range>>{}, function,
                         std::forward<Range>(tuples));
  }
  template <class F, class Range>
  auto starmap_async(MapAsyncOptions<pool::ResultOfStarmap<F, Range>> options, F&& function, Range&& tuples) {
    return later("starmap_async", std::move(options), function,
                 pool::StarInputs<Range>(std::forward<Range>(tuples)));
  }

  /// A range of the results in order, as they come; reads the input only some items ahead (detail/pool/imap.hpp). An error
  /// is thrown when its turn comes. An lvalue range must outlive the loop.
  template <pool::Function F, class... Ranges>
  auto imap(F&& function, Ranges&&... ranges) {
    return imap(MapOptions{}, std::forward<F>(function), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap(MapOptions options, F&& function, Ranges&&... ranges) {
    return flow<pool::OrderedJob, false>("imap", options, std::forward<F>(function),
                                         std::forward<Ranges>(ranges)...);
  }
  /// The same with Outcomes: goes on past what failed.
  template <pool::Function F, class... Ranges>
  auto imap_outcomes(F&& function, Ranges&&... ranges) {
    return imap_outcomes(MapOptions{}, std::forward<F>(function), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap_outcomes(MapOptions options, F&& function, Ranges&&... ranges) {
    return flow<pool::OrderedJob, true>("imap_outcomes", options, std::forward<F>(function),
                                        std::forward<Ranges>(ranges)...);
  }

  /// As imap(), but each result as soon as it is there, whatever its place in the input. Let the function return what tells
  /// them apart.
  template <pool::Function F, class... Ranges>
  auto imap_unordered(F&& function, Ranges&&... ranges) {
    return imap_unordered(MapOptions{}, std::forward<F>(function), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap_unordered(MapOptions options, F&& function, Ranges&&... ranges) {
    return flow<pool::UnorderedJob, false>("imap_unordered", options, std::forward<F>(function),
                                           std::forward<Ranges>(ranges)...);
  }
  template <pool::Function F, class... Ranges>
  auto imap_unordered_outcomes(F&& function, Ranges&&... ranges) {
    return imap_unordered_outcomes(MapOptions{}, std::forward<F>(function), std::forward<Ranges>(ranges)...);
  }
  template <class F, class... Ranges>
  auto imap_unordered_outcomes(MapOptions options, F&& function, Ranges&&... ranges) {
    return flow<pool::UnorderedJob, true>("imap_unordered_outcomes", options, std::forward<F>(function),
                                          std::forward<Ranges>(ranges)...);
  }

  /// What each worker has done, and how it is. Counts for any pool, times for those made with `.stats` or `.trace`.
  [[nodiscard]] PoolStats stats() { return engine_->stats(); }
  /// Writes what ran when on which worker, up to now, to a file in Chrome's trace-event format: open it in
  /// https://ui.perfetto.dev. Throws std::logic_error if the pool was made without `.trace`, and std::system_error.
  void trace(const std::string& path) const;

  /// Waits until every worker has started and run its initializer, so that what is measured next does not pay for it.
  /// Throws BrokenPool when that fails.
  void wait_ready();
  /// The same for at most `timeout`; true if they are.
  template <class Rep, class Period>
  bool wait_ready(std::chrono::duration<Rep, Period> timeout) {
    return engine_->wait_ready(os::Deadline::after(timeout));
  }

  /// Takes no more tasks; those that were given go on.
  void close();
  /// Ends the workers (SIGTERM, half a second of grace, SIGKILL). What has not ended is Cancelled.
  void terminate();
  /// Waits until the tasks and the workers have ended. Throws std::logic_error before close() or terminate().
  void join() { join_until(os::Deadline::never()); }
  /// The same for at most `timeout`; true if they have ended. If not, all goes on, and it may be called again, or terminate().
  /// Zero or less: looks, without waiting.
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return join_until(os::Deadline::after(timeout));
  }

 private:
  bool join_until(os::Deadline deadline);
  friend class ThreadPool;
  Pool(std::shared_ptr<pool::Engine> engine, bool traces) : engine_(std::move(engine)), traces_(traces) {}

  template <class R, class F, class... Arguments>
  void give(const std::shared_ptr<pool::SingleJob<R>>& job, std::optional<std::chrono::nanoseconds> timeout,
            bool will_wait, const F& function, const Arguments&... arguments) {
    pool::TaskEncoder<F, wire::stored_t<Arguments>...> encoder(function);
    encoder.add(arguments...);
    engine_->submit({job, 0, 1, timeout}, encoder.task(), will_wait);
  }

  // Has `give_out` submit what belongs to a job, and its callbacks called when all of that has ended.
  template <class Job, class Callback, class GiveOut>
  void meanwhile(const std::shared_ptr<Job>& job, Callback& callback, ErrorCallback& error_callback,
                 GiveOut give_out) {
    engine_->open(*job);
    try {
      if (callback || error_callback) {
        engine_->prepare_callbacks();
        job->share();
        engine_->when_ended(*job, [engine = engine_.get(), job, callback = std::move(callback),
                                   error_callback = std::move(error_callback)] {
          engine->call_back([job, callback, error_callback] { job->call_back(callback, error_callback); });
        });
      }
      give_out();
    } catch (...) {
      engine_->forget(*job);
      pool::cancel(*engine_, *job);
      engine_->settled(*job);
      throw;
    }
    engine_->settled(*job);
  }

  template <class R, class F, class Inputs>
  auto later(const char* call, MapAsyncOptions<R> options, const F& function, Inputs inputs) {
    const MapOptions how{options.chunksize,  options.timeout,       options.retries,
                         options.retry_when, options.total_timeout, std::nullopt};
    auto job = std::make_shared<pool::ListJob<R>>(call);
    set_rules(job, call, how);
    job->rules.can_be_ended = true;
    const std::optional<std::size_t> items = inputs.known_size();
    job->chunks = chunks_of(how);
    if (items) job->resize(*items);
    typename pool::EncoderFor<F, typename Inputs::Stored>::Type encoder(function);
    meanwhile(job, options.callback, options.error_callback,
              [&] { give_out_all(inputs, encoder, job, how, false); });
    return AsyncResult<Results<R>>(engine_, std::move(job));
  }

  template <class F, class Inputs>
  auto results_of(const char* call, MapOptions options, const F& function, Inputs inputs) {
    using R = typename pool::EncoderFor<F, typename Inputs::Stored>::Result;
    if constexpr (pool::PlainResult<R>) {
      return run_job<pool::ValuesJob<R>>(call, options, function, inputs)->take_values();
    } else {
      return values(outcomes_of(call, options, function, std::move(inputs)));
    }
  }
  template <class F, class Inputs>
  auto outcomes_of(const char* call, MapOptions options, const F& function, Inputs inputs) {
    using R = typename pool::EncoderFor<F, typename Inputs::Stored>::Result;
    const auto job = run_job<pool::CollectedJob<R>>(call, options, function, inputs);
    return std::move(job->outcomes());
  }

  // Gives out all items and waits until they have ended.
  template <class Job, class F, class Inputs>
  std::shared_ptr<Job> run_job(const char* call, MapOptions options, const F& function, Inputs& inputs) {
    using Encoder = pool::EncoderFor<F, typename Inputs::Stored>;
    auto job = std::make_shared<Job>(call, true);
    set_rules(job, call, options);
    const std::optional<std::size_t> items = inputs.known_size();
    job->chunks = chunks_of(options);
    if (items) job->resize(*items);
    typename Encoder::Type encoder(function);
    try {
      // Shared objects that travel with the callable must be there once for each task.
      const bool can_repeat = encoder.task().parcel.empty() && pool::crosses_as_bytes<F>;
      // Nor is there anything to copy for threads.
      if (const std::optional<pool::ItemRun> run = inputs.contiguous(); run && can_repeat) {
        job->chunks.expect(*items);
        engine_->submit_all({job, 0, 0, options.timeout}, encoder.task(), *run);
      } else {
        give_out_all(inputs, encoder, job, options, true);
      }
    } catch (...) {
      engine_->wait(*job, os::Deadline::never());  // the input failed: what was given out ends first
      throw;
    }
    engine_->wait(*job, os::Deadline::never());
    return job;
  }

  template <class Job>
  void set_rules(const std::shared_ptr<Job>& job, const char* call, const MapOptions& options) {
    job->rules = pool::rules_of(options.retries, options.retry_when);
    if (!options.total_timeout) return;
    job->rules.can_be_ended = true;
    pool::set_total_timeout(*engine_, job, call, *options.total_timeout);
  }

  template <class Inputs, class Encoder, class Job>
  void give_out_all(Inputs& inputs, Encoder& encoder, const std::shared_ptr<Job>& job,
                    const MapOptions& options, bool will_wait) {
    const std::optional<std::size_t> items = inputs.known_size();
    const std::size_t even_share = options.chunksize.value_or(even_chunk(items));
    job->chunks.expect(items.value_or(pool::ChunkSizer::endless));
    inputs.start();
    for (std::size_t given = 0; !inputs.at_end(); encoder.begin()) {
      // Who does not wait for the workers has measured nothing: the pool cuts these chunks as it gives them out.
      const std::size_t chunk = will_wait && !options.chunksize ? engine_->next_chunk(*job) : even_share;
      while (encoder.count() < chunk && !inputs.at_end())
        inputs.next([&](const auto&... elements) { encoder.add(elements...); });
      if (!inputs.is_sized) {
        const std::lock_guard guard(engine_->mutex());
        job->resize(given + encoder.count());
      }
      engine_->submit({job, given, encoder.count(), options.timeout}, encoder.task(), will_wait);
      given += encoder.count();
    }
  }

  template <class R>
  static auto values(std::vector<Outcome<R>> outcomes) {
    if constexpr (std::is_void_v<R>) {
      for (Outcome<R>& outcome : outcomes) outcome.value();
    } else {
      std::vector<R> values;
      values.reserve(outcomes.size());
      for (Outcome<R>& outcome : outcomes) values.push_back(std::move(outcome).value());
      return values;
    }
  }

  template <template <class> class Job, bool as_outcomes, class F, class... Ranges>
  auto flow(const char* call, MapOptions options, F&& function, Ranges&&... ranges) {
    return pool::FlowRange<Job, as_outcomes, std::decay_t<F>, Ranges...>(
        engine_, call, flow_options(options, pool::Inputs<Ranges...>::is_sized), std::forward<F>(function),
        std::forward<Ranges>(ranges)...);
  }

  // Throw std::invalid_argument for a chunk of 0, and for what is not for that kind of call.
  [[nodiscard]] pool::ChunkSizer chunks_of(const MapOptions& options) const;
  [[nodiscard]] pool::FlowOptions flow_options(const MapOptions& options, bool has_size) const;
  // A fair share of that many items, without a look at the time they take.
  [[nodiscard]] std::size_t even_chunk(std::optional<std::size_t> items) const;

  std::shared_ptr<pool::Engine> engine_;
  bool traces_ = false;
};

}  // namespace procyon
