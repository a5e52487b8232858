// What a call of Pool may be given besides its function and values. Options come first, in braces, in this order:
//
//   pool.apply_async({.callback = done, .error_callback = failed, .timeout = 5s}, worker, "hello");
//   pool.map({.chunksize = 10}, square, numbers);
//
// RETRIES. A task that nobody has begun when its worker ends runs elsewhere in any case. With `.retries = 2` one whose
// worker was lost while it ran is run again, up to twice, and only then ends with WorkerLost: so its body may run three
// times, and must not mind. RetryWhen::not_started says that a body must never run twice, and `.retries` how often a task
// may be handed on whose workers end before it begins (8 times if nothing is said: decoding its function may be what
// kills them). Errors, time-outs and cancel() are outcomes; they are not tried again.
//
// TIME-OUTS are of each item, from its begin; `.total_timeout` is of the whole call, from its beginning. What overruns ends
// with TimeoutError, its worker as with AsyncResult::cancel().
//
// CHUNKS. `.chunksize` items go to a worker together, at least 1. If nothing is said, the pool measures: chunks grow until
// one is about a millisecond of work, and shrink towards the end of the input, so that tasks of any length do well. Say it
// where a callable keeps state from item to item, or where `maxtasksperchild`, which counts chunks, is to mean a number of
// items. imap and its kind send items one by one if their input does not know its size: the next one may be long in coming.
//
// THE WINDOW of imap and its kind is what may be given out and not yet taken by the loop: some items for each worker, and
// `.window_bytes` at most, of inputs and results together; but one item for each worker in any case. So a loop that is
// slower than the workers holds them up, and memory stays bounded. What results need is known when the first ones are
// there: until then, the number of items alone bounds it. A ThreadPool, which encodes nothing, counts items alone.
//
// CALLBACKS run one after the other in a thread of the pool, "procyon-calls", which is made with the first of them: the
// callback when the call has ended well, the error callback with what get() would throw. They may call the pool, also
// wait for its tasks; while one runs the next waits. What a callback throws is logged (or said in a line on stderr) and
// harms nothing. The pool's join() and its destructor wait until those that are due have run, but for one that has not
// returned after five seconds of that: it is left to itself, with a warning, and the destructor drops those behind it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <vector>

#include "procyon/detail/pool/job.hpp"
#include "procyon/outcome.hpp"

namespace procyon {

namespace pool {

/// Whether copying compiles: std::vector claims that of any element.
template <class R>
inline constexpr bool copyable = std::is_copy_constructible_v<R>;
template <class R>
requires requires {
  typename R::value_type;
} &&(!std::is_same_v<typename R::value_type, R>)inline constexpr bool copyable<R> =
    std::is_copy_constructible_v<R> && copyable<typename R::value_type>;

template <class R>
struct CallbackOf {
  // A result that can only be moved is given to the callback; get() has nothing to return then.
  using Type = std::function<void(std::conditional_t<copyable<R>, const R&, R>)>;
};
template <>
struct CallbackOf<void> {
  using Type = std::function<void()>;
};

template <class R>
struct ListOfResults {
  using Type = std::vector<R>;
};
template <>
struct ListOfResults<void> {
  using Type = void;
};

}  // namespace pool

/// Called with the result.
template <class R>
using Callback = typename pool::CallbackOf<R>::Type;
using ErrorCallback = std::function<void(const Error&)>;

/// What map_async ends with: std::vector<R>, or void for a function that returns nothing.
template <class R>
using Results = typename pool::ListOfResults<R>::Type;

enum class RetryWhen { worker_lost, not_started };

/// Of apply().
struct ApplyOptions {
  std::optional<std::chrono::nanoseconds> timeout = {};  // from its begin; then its worker is replaced
  int retries = 0;                                       // when its worker is lost
  RetryWhen retry_when = RetryWhen::worker_lost;
};

/// Of apply_async(), for a function that returns R.
template <class R>
struct AsyncOptions {
  Callback<R> callback = {};
  ErrorCallback error_callback = {};
  std::optional<std::chrono::nanoseconds> timeout = {};  // from its begin; then its worker is replaced
  int retries = 0;                                       // when its worker is lost
  RetryWhen retry_when = RetryWhen::worker_lost;
};

/// Of map(), starmap(), imap() and their kind.
struct MapOptions {
  std::optional<std::size_t> chunksize = {};             // items that go to a worker together; see CHUNKS
  std::optional<std::chrono::nanoseconds> timeout = {};  // of each item, from its begin
  int retries = 0;                                       // of each item, when its worker is lost
  RetryWhen retry_when = RetryWhen::worker_lost;
  std::optional<std::chrono::nanoseconds> total_timeout = {};  // of the whole call; not for imap and its kind
  std::optional<std::size_t> window_bytes = {};  // of imap and its kind alone; 64 MiB if nothing is said
};

/// Of map_async() and starmap_async(), for a function that returns R.
template <class R>
struct MapAsyncOptions {
  Callback<Results<R>> callback = {};
  ErrorCallback error_callback = {};
  std::optional<std::size_t> chunksize = {};             // items that go to a worker together; see CHUNKS
  std::optional<std::chrono::nanoseconds> timeout = {};  // of each item, from its begin
  int retries = 0;                                       // of each item, when its worker is lost
  RetryWhen retry_when = RetryWhen::worker_lost;
  std::optional<std::chrono::nanoseconds> total_timeout = {};  // of the whole call
};

namespace pool {

template <class T>
inline constexpr bool is_options = false;
template <>
inline constexpr bool is_options<ApplyOptions> = true;
template <>
inline constexpr bool is_options<MapOptions> = true;
template <class R>
inline constexpr bool is_options<AsyncOptions<R>> = true;
template <class R>
inline constexpr bool is_options<MapAsyncOptions<R>> = true;

/// Throws std::invalid_argument for less than 0 retries.
JobRules rules_of(int retries, RetryWhen when);

/// Whatever may be called; options are not mistaken for it.
template <class F>
concept Function = !is_options<std::remove_cvref_t<F>>;

}  // namespace pool
}  // namespace procyon
