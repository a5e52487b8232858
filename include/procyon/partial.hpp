// A callable with its first arguments fixed, which can cross to another process.
//
//   auto scale = mp::partial(multiply, 3);
//   scale(5);                                   multiply(3, 5)
//   pool.map(mp::partial(func, 1, 2), values);  func(1, 2, value) for each
//
// It is how values travel along with a function, because what a lambda captures cannot be seen by the compiler. The
// values are copied or moved in; text literals become std::string. A partial of a partial is fine.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/codec.hpp"
#include "procyon/detail/wire/transferable.hpp"

namespace procyon {

template <class F, class... Values>
class Partial {
 public:
  Partial(F target, std::tuple<Values...> fixed) : function_(std::move(target)), values_(std::move(fixed)) {}

  // Called on an object that lives on, the values stay what they are and are passed as const.
  template <class... Arguments>
  requires std::is_invocable_v<const F&, const Values&..., Arguments...>
  decltype(auto) operator()(Arguments&&... arguments) const& {
    return std::apply(
        [&](const Values&... fixed) -> decltype(auto) {
          return std::invoke(function_, fixed..., std::forward<Arguments>(arguments)...);
        },
        values_);
  }

  // The same for a function object that changes itself when it is called.
  template <class... Arguments>
  requires(!std::is_invocable_v<const F&, const Values&..., Arguments...> &&
           std::is_invocable_v<F&, const Values&..., Arguments...>) decltype(auto)
  operator()(Arguments&&... arguments) & {
    return std::apply(
        [&](const Values&... fixed) -> decltype(auto) {
          return std::invoke(function_, fixed..., std::forward<Arguments>(arguments)...);
        },
        values_);
  }

  // Called for the last time, the values are moved to the function.
  template <class... Arguments>
  requires std::is_invocable_v<F, Values..., Arguments...>
  decltype(auto) operator()(Arguments&&... arguments) && {
    return std::apply(
        [&](Values&... fixed) -> decltype(auto) {
          return std::invoke(std::move(function_), std::move(fixed)...,
                             std::forward<Arguments>(arguments)...);
        },
        values_);
  }

  const F& function() const noexcept { return function_; }
  const std::tuple<Values...>& values() const noexcept { return values_; }

 private:
  F function_;
  std::tuple<Values...> values_;
};

// Fixes the first arguments of `function`.
template <class F, class... Values>
Partial<std::decay_t<F>, wire::stored_t<Values>...> partial(F&& function, Values&&... values) {
  return {std::forward<F>(function), std::tuple<wire::stored_t<Values>...>(std::forward<Values>(values)...)};
}

template <class F, class... Values>
struct wire::Codec<Partial<F, Values...>> {
  using Parts = TypeList<F, Values...>;
  static void write(Writer& writer, const Partial<F, Values...>& value) {
    wire::write(writer, value.function());
    wire::write(writer, value.values());
  }
  static Partial<F, Values...> read(Reader& reader) {
    F function = wire::read<F>(reader);
    return Partial<F, Values...>(std::move(function), wire::read<std::tuple<Values...>>(reader));
  }
};

}  // namespace procyon
