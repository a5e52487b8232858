// What a call of Pool may be given besides its function and values. Options come first, in braces, in this order:
//
//   pool.apply_async({.callback = done, .error_callback = failed, .timeout = 5s}, worker, "hello");
//   pool.map({.chunksize = 10}, square, numbers);
//
// CALLBACKS run one after the other in a thread of the pool, "procyon-calls", which is made with the first of them: the
// callback when the call has ended well, the error callback with what get() would throw. They may call the pool, also
// wait for its tasks; while one runs the next waits. What a callback throws is logged (or said in a line on stderr) and
// harms nothing. The pool's join() and its destructor wait until those that are due have run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <vector>

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

/// Of apply().
struct ApplyOptions {
  std::optional<std::chrono::nanoseconds> timeout = {};  // from its begin; then its worker is replaced
};

/// Of apply_async(), for a function that returns R.
template <class R>
struct AsyncOptions {
  Callback<R> callback = {};
  ErrorCallback error_callback = {};
  std::optional<std::chrono::nanoseconds> timeout = {};  // from its begin; then its worker is replaced
};

/// Of map(), starmap(), imap() and their kind.
struct MapOptions {
  std::optional<std::size_t> chunksize = {};             // items that go to a worker together; at least 1
  std::optional<std::chrono::nanoseconds> timeout = {};  // of each item, from its begin
};

/// Of map_async() and starmap_async(), for a function that returns R.
template <class R>
struct MapAsyncOptions {
  Callback<Results<R>> callback = {};
  ErrorCallback error_callback = {};
  std::optional<std::size_t> chunksize = {};             // items that go to a worker together; at least 1
  std::optional<std::chrono::nanoseconds> timeout = {};  // of each item, from its begin
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

/// Whatever may be called; options are not mistaken for it.
template <class F>
concept Function = !is_options<std::remove_cvref_t<F>>;

}  // namespace pool
}  // namespace procyon
