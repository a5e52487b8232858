// What a worker calls for a task: a loop over its items that knows their types.
//
// To the layer below it is a callable like any other, decoded once and called with one argument (the ItemSteps). It calls
// the user's function for one item after the other; what that throws it lets out, the worker notes it as that item's
// outcome and calls again for the rest. So a chunk of numbers is a tight loop without an indirect call, and everything
// about errors is in one place.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "procyon/detail/pool/item_steps.hpp"
#include "procyon/detail/wire/call.hpp"

namespace procyon::pool {

/// Results that are sent as bare values, without a mark that says whether each is one: all but those of a task that threw.
template <class R>
inline constexpr bool bare_result = std::is_void_v<R>;
template <class R>
requires(!std::is_void_v<R>)  //
    inline constexpr bool bare_result<R> = wire::bitwise<R>;

/// Bytes of a bare value.
template <class R>
inline constexpr std::size_t bare_size = sizeof(R);
template <>
inline constexpr std::size_t bare_size<void> = 0;

/// Whether all items of these types are of one size.
template <class... Stored>
inline constexpr bool fixed_items = (wire::bitwise<Stored> && ...);
template <class... Stored>
inline constexpr std::size_t fixed_item_size = (std::size_t{0} + ... + sizeof(Stored));

/// `F` and `Stored` as they are sent.
template <class F, class... Stored>
class TaskBody {
  using Result = std::decay_t<std::invoke_result_t<F&, Stored...>>;

 public:
  explicit TaskBody(F function) : function_(std::move(function)) {}

  void operator()(ItemStepsHandle handle) {
    ItemSteps& steps = *handle.steps;
    if constexpr (bare_result<Result>) run_to_values(steps);
    while (!steps.all_done()) run_to_outcome(steps);
  }

 private:
  void run_to_values(ItemSteps& steps) {
    std::byte* target = steps.open_values(bare_size<Result>);
    if (target == nullptr) return;
    for (; !steps.all_done(); steps.finish()) {
      steps.begin();
      call(steps, [&]([[maybe_unused]] const auto&... value) {
        steps.require_same_process();
        (std::memcpy(target, std::addressof(value), sizeof value), ...);
      });
      target += bare_size<Result>;
    }
  }

  void run_to_outcome(ItemSteps& steps) {
    wire::Writer& outcome = steps.outcome();
    steps.begin();
    outcome.put(wire::OutcomeMark::value);
    call(steps, [&](const auto&... value) { (wire::write<Result>(outcome, value), ...); });
    steps.require_same_process();
    steps.append_outcome();
    steps.finish();
  }

  // Calls use(result), or use() if there is none. The result may refer to an argument: these live until `use` returns.
  template <class Use>
  void call(ItemSteps& steps, Use use) {
    wire::Reader reader(bytes_of_item(steps), steps.attachments());
    std::tuple<Stored...> arguments{wire::read<Stored>(reader)...};
    const auto invoke = [&]() -> std::invoke_result_t<F&, Stored...> {
      return std::apply(
          [this](Stored&... each) -> std::invoke_result_t<F&, Stored...> {
            return std::invoke(function_, std::move(each)...);
          },
          arguments);
    };
    if constexpr (std::is_void_v<Result>) {
      invoke();
      use();
    } else {
      const Result& value = invoke();
      use(value);
    }
  }

  static std::span<const std::byte> bytes_of_item(ItemSteps& steps) {
    if constexpr (fixed_items<Stored...>)
      return steps.arguments<fixed_item_size<Stored...>>();
    else
      return steps.arguments_of_any_size();
  }

  F function_;
};

}  // namespace procyon::pool

namespace procyon::wire {

template <>
struct Codec<pool::ItemStepsHandle> {
  using Parts = TypeList<>;
  static void write(Writer& writer, const pool::ItemStepsHandle& handle) { writer.put(handle); }
  static pool::ItemStepsHandle read(Reader& reader) {
    return {std::bit_cast<pool::ItemSteps*>(reader.get<std::uintptr_t>("steps of a task"))};
  }
};

template <class F, class... Stored>
struct Codec<pool::TaskBody<F, Stored...>> {
  using Parts = TypeList<F>;
  static pool::TaskBody<F, Stored...> read(Reader& reader) {
    return pool::TaskBody<F, Stored...>(wire::read<F>(reader));
  }
};

}  // namespace procyon::wire

namespace procyon::pool {

/// Encodes a callable for tasks whose items are of these types. Does not compile, and says why, if something of it cannot
/// cross. Throws TokenError, EncodeError.
template <class... Stored, class F>
void encode_task_callable(wire::Writer& writer, const F& function) {
  using StoredF = wire::stored_t<F>;
  if constexpr (wire::detail::check_call<true, StoredF&, Stored...>()) {
    using Call = wire::detail::Call<true, TaskBody<StoredF, Stored...>, ItemStepsHandle>;
    wire::write_descriptor(writer, Call::token(), Call::descriptor);
    wire::detail::write_as<StoredF>(writer, function);
  }
}

/// Whether calls leave the callable as it was: one that was decoded may stand for another that was sent as the same bytes.
template <class F>
inline constexpr bool stateless_callable =
    std::is_empty_v<wire::stored_t<F>> || wire::detail::CodePointer<wire::stored_t<F>>;

}  // namespace procyon::pool
