#include "procyon/pool.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "pool/limits.hpp"
#include "pool/pool_format.hpp"
#include "procyon/process.hpp"
#include "procyon/thread_pool.hpp"

namespace procyon {

namespace {

pool::EngineOptions engine_options(const PoolOptions& options) {
  if (options.processes < 0 || options.maxtasksperchild < 0)
    throw std::invalid_argument(
        "procyon: a pool has at least one process, and a limit of tasks per child is at least 1");
  const int processes = options.run_inline ? 1 : options.processes == 0 ? cpu_count() : options.processes;
  if (static_cast<std::uint32_t>(processes) > pool::worker_limit)
    throw std::invalid_argument("procyon: a pool has at most " + std::to_string(pool::worker_limit) +
                                " processes");
  if (options.max_memory_per_worker != 0 && options.max_memory_per_worker < pool::least_memory_limit)
    throw std::invalid_argument("procyon: max_memory_per_worker is " +
                                std::to_string(options.max_memory_per_worker) +
                                " bytes, but a worker needs 16 MiB before its first task; 0 means no limit");
  if (options.max_cpu_time_per_task < std::chrono::nanoseconds(0))
    throw std::invalid_argument("procyon: max_cpu_time_per_task is negative; 0 means no limit");
  return {.processes = static_cast<std::uint32_t>(processes),
          .tasks_per_worker = static_cast<std::uint32_t>(options.maxtasksperchild),
          .start_method = options.start_method,
          .has_initializer = false,
          .workers = options.run_inline ? pool::Workers::caller : pool::Workers::processes,
          .thread_initializer = {},
          .max_memory_per_worker = options.max_memory_per_worker,
          .recycle_above_memory = options.recycle_above_memory,
          .max_cpu_time_per_task = options.max_cpu_time_per_task,
          .keeps_stderr = options.keep_stderr,
          .allow_children = options.allow_children,
          .threads_for_each = static_cast<std::uint32_t>(std::max(1, cpu_count() / processes)),
          .times = options.stats || options.trace,
          .trace = options.trace};
}

std::shared_ptr<pool::Engine> make_thread_engine(const ThreadPoolOptions& options) {
  pool::EngineOptions engine =
      engine_options({.processes = options.processes, .stats = options.stats, .trace = options.trace});
  engine.workers = pool::Workers::threads;
  engine.thread_initializer = options.initializer;
  pool::EncodedTask no_initializer;
  return std::make_shared<pool::Engine>(engine, no_initializer);
}

[[noreturn]] void refuse_empty_chunks() {
  throw std::invalid_argument(
      "procyon: a chunk has at least one item; leave chunksize out for a good default");
}

}  // namespace

Pool::Pool(PoolOptions options) : traces_(options.trace) {
  pool::EngineOptions engine = engine_options(options);
  pool::EncodedTask no_initializer;
  engine.has_initializer = options.initializer.call_ != nullptr;
  engine_ = std::make_shared<pool::Engine>(
      engine, engine.has_initializer ? *options.initializer.call_ : no_initializer);
  if (!options.warm_up) return;
  try {
    wait_ready();
  } catch (...) {
    engine_->end();  // there will be no destructor to do it
    throw;
  }
}

Pool::Pool(int processes) : Pool(PoolOptions{.processes = processes < 1 ? -1 : processes}) {}

ThreadPool::ThreadPool(ThreadPoolOptions options) : pool_(make_thread_engine(options), options.trace) {}

ThreadPool::ThreadPool(int processes)
    : ThreadPool(ThreadPoolOptions{.processes = processes < 1 ? -1 : processes}) {}

Pool::~Pool() { engine_->end(); }

void Pool::trace(const std::string& path) const {
  if (!traces_)
    throw std::logic_error(
        "procyon: this pool has kept nothing for a trace; make it with {.trace = true} among its options");
  const std::string json = engine_->trace_json();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << json;
  file.close();
  if (!file)
    throw std::system_error(errno, std::generic_category(), "procyon: cannot write the trace to " + path);
}

void Pool::wait_ready() { engine_->wait_ready(os::Deadline::never()); }
void Pool::close() { engine_->close(); }
void Pool::terminate() { engine_->terminate(); }
bool Pool::join_until(os::Deadline deadline) { return engine_->join(deadline); }

pool::ChunkSizer Pool::chunks_of(const MapOptions& options) const {
  if (options.window_bytes)
    throw std::invalid_argument(
        "procyon: window_bytes is for imap and its kind, whose results are taken one by one; map holds all "
        "of "
        "them, so leave it out or use imap");
  if (options.chunksize == std::size_t{0}) refuse_empty_chunks();
  if (options.chunksize) return pool::ChunkSizer::fixed(*options.chunksize);
  return pool::ChunkSizer::adaptive(engine_->process_count(), engine_->slot_count() / 2);
}

std::size_t Pool::even_chunk(std::optional<std::size_t> items) const {
  // Four chunks a worker, as in Python; a bound keeps what a chunk holds small.
  constexpr std::size_t unknown_length_chunk = 16;
  if (!items) return unknown_length_chunk;
  const std::size_t parts = std::size_t{4} * engine_->process_count();
  return std::clamp<std::size_t>((*items + parts - 1) / parts, 1, pool::ChunkSizer::largest);
}

pool::FlowOptions Pool::flow_options(const MapOptions& options, bool has_size) const {
  if (options.total_timeout)
    throw std::invalid_argument(
        "procyon: imap and its kind have no time-out for the whole call, which may be endless; leave the "
        "loop when the time is over, or use map_outcomes");
  if (options.chunksize == std::size_t{0}) refuse_empty_chunks();
  if (options.window_bytes == std::size_t{0})
    throw std::invalid_argument(
        "procyon: a window of 0 bytes lets nothing through; leave window_bytes out for a good default, or "
        "say "
        "how much inputs and results may need");
  constexpr std::size_t usual_window_bytes = 64 << 20;
  constexpr std::size_t largest_chunk = 64;  // the loop takes them one by one
  const std::uint32_t workers = engine_->process_count();
  const std::size_t window = std::max<std::size_t>(8, std::size_t{4} * workers);
  // The next item of an input that does not know its size may be long in coming, and must not hold up what is there.
  const bool adapts = has_size && !options.chunksize;
  return {adapts ? pool::ChunkSizer::adaptive(workers, window, largest_chunk)
                 : pool::ChunkSizer::fixed(options.chunksize.value_or(1)),
          window, options.window_bytes.value_or(usual_window_bytes), options.timeout,
          pool::rules_of(options.retries, options.retry_when)};
}

namespace pool {

JobRules rules_of(int retries, RetryWhen when) {
  if (retries < 0)
    throw std::invalid_argument(
        "procyon: a number of retries is at least 0; a task that must run until it succeeds needs a loop of "
        "your own");
  JobRules rules;
  const auto times = static_cast<std::uint32_t>(retries);
  if (when == RetryWhen::worker_lost) {
    rules.retries = times;
    rules.start_retries = std::max(rules.start_retries, times);
  } else {
    rules.start_retries = times;
  }
  return rules;
}

void set_total_timeout(Engine& engine, const std::shared_ptr<Job>& job, const char* call,
                       std::chrono::nanoseconds timeout) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  engine.end_job_at(job, os::Deadline::after(timeout),
                    std::make_exception_ptr(TimeoutError(
                        "procyon: " + std::string(call) + " ran longer than its time-out of " +
                        std::to_string(milliseconds) + " ms for the whole call; this item had not ended")));
}

bool cancel(Engine& engine, Job& job) {
  return engine.end_job(job, std::make_exception_ptr(Cancelled(
                                 "procyon: this task was cancelled by its AsyncResult before it had ended")));
}

void throw_read_twice() {
  throw std::logic_error(
      "procyon: this result was moved out already, by an earlier get() of a temporary or of a value that can "
      "only be moved, or to its callback; keep what the first get() returns");
}

std::string describe_task(const char* call, std::size_t item, bool numbered) {
  return numbered ? "task " + std::to_string(item) + " of " + call : std::string("the task of ") + call;
}

}  // namespace pool
}  // namespace procyon
