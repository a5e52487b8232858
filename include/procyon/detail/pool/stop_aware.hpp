// A function whose first parameter is a std::stop_token gets the token of the task that it runs.
#pragma once

#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/codec.hpp"
#include "procyon/detail/wire/transferable.hpp"

namespace procyon::pool {

/// In a worker: of the task that this thread runs now. A token that is never asked to stop where that cannot happen.
std::stop_token stop_token_of_task();

template <class F>
class StopAware {
 public:
  explicit StopAware(F target) : function_(std::move(target)) {}

  template <class... Arguments>
  requires std::is_invocable_v<F&, std::stop_token, Arguments...>
  decltype(auto) operator()(Arguments&&... arguments) {
    return std::invoke(function_, stop_token_of_task(), std::forward<Arguments>(arguments)...);
  }
  const F& function() const { return function_; }

 private:
  F function_;
};

/// As what a callable is sent to be called with these.
template <class F, class... Stored>
struct Sent {
  using Plain = wire::stored_t<F>;
  static constexpr bool takes_stop_token =
      !std::is_invocable_v<Plain&, Stored...> && std::is_invocable_v<Plain&, std::stop_token, Stored...>;
  using Type = std::conditional_t<takes_stop_token, StopAware<Plain>, F>;
};

}  // namespace procyon::pool

namespace procyon::wire {

template <class F>
struct Codec<pool::StopAware<F>> {
  using Parts = TypeList<F>;
  static void write(Writer& writer, const pool::StopAware<F>& value) {
    wire::write(writer, value.function());
  }
  static pool::StopAware<F> read(Reader& reader) { return pool::StopAware<F>(wire::read<F>(reader)); }
};

}  // namespace procyon::wire
