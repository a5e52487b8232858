// Jobs that know the type of their results, and the encoding of items into tasks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/detail/pool/engine.hpp"
#include "procyon/detail/pool/job.hpp"
#include "procyon/detail/pool/stop_aware.hpp"
#include "procyon/detail/pool/task_body.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/outcome.hpp"

namespace procyon::pool {

/// "task 17 of map"; the number is left out where there is only one.
std::string describe_task(const char* call, std::size_t item, bool numbered);

/// Calls use(index, value) for each of `count` bare values, or use(index) for those of void. Throws DecodeError if the
/// bytes are not such values.
template <class R, class Use>
void for_each_value(std::size_t count, std::span<const std::byte> bytes, Use use) {
  if constexpr (bare_result<R>) {
    if (bytes.size() != count * bare_size<R>)
      wire::throw_bad_length("results", bytes.size(), count * bare_size<R>);
    wire::Reader reader(bytes);
    for (std::size_t index = 0; index < count; ++index) {
      if constexpr (std::is_void_v<R>)
        use(index);
      else
        use(index, wire::read<R>(reader));
    }
  } else {
    wire::throw_bad_value("result", "a bare value of a type that has none");
  }
}

/// A job whose results are of type R.
template <class R>
class TypedJob : public Job {
 public:
  /// The outcome of an item, as it is. Called under the engine's mutex.
  virtual void put(std::size_t item, Outcome<R> outcome) = 0;
  void put_outcome(std::size_t item, void* outcome) final {
    put(item, std::move(*static_cast<Outcome<R>*>(outcome)));
  }
};

/// What a worker process sent. Results of a type that cannot cross come from threads alone, and not this way.
template <class R>
Outcome<R> decode_result(wire::Reader& outcome) {
  if constexpr (std::is_void_v<R>)
    return wire::decode_outcome<R>(outcome);
  else if constexpr (wire::Transferable<R>)
    return wire::decode_outcome<R>(outcome);
  else
    wire::throw_bad_value("result", "encoded, of a type that cannot cross");
}

/// Results that are kept as a std::vector<R> from the beginning, since nearly all of them will be values.
template <class R>
concept PlainResult = !std::is_void_v<R> && wire::bitwise<R> && std::is_default_constructible_v<R>;

/// The values of a call, by item, and the errors of those that have none. Grown and read under the engine's mutex.
template <PlainResult R>
class ValuesJob final : public TypedJob<R> {
 public:
  explicit ValuesJob(const char* call, bool) : call_(call) {}

  void deliver(std::size_t item, wire::Reader& outcome) override { put(item, decode_result<R>(outcome)); }
  void put(std::size_t item, Outcome<R> outcome) override {
    if (outcome)
      values_[item] = *outcome;
    else
      fail(item, outcome.error().exception());
  }
  void deliver_values(std::size_t first, std::size_t count, std::span<const std::byte> values) override {
    if (values.size() != count * sizeof(R))
      wire::throw_bad_length("results", values.size(), count * sizeof(R));
    std::memcpy(static_cast<void*>(values_.data() + first), values.data(), values.size());
  }
  void fail(std::size_t item, std::exception_ptr error) override {
    if (!first_error_ || item < first_failed_) {
      first_failed_ = item;
      first_error_ = std::move(error);
    }
  }
  [[nodiscard]] std::string describe(std::size_t item) const override {
    return describe_task(call_, item, true);
  }

  void resize(std::size_t items) { values_.resize(items); }
  /// Once all have ended. Throws the first error, by order of the input, if there is one.
  std::vector<R> take_values() {
    if (first_error_) std::rethrow_exception(first_error_);
    return std::move(values_);
  }

 private:
  const char* call_;
  std::vector<R> values_;
  std::size_t first_failed_ = 0;
  std::exception_ptr first_error_;
};

/// All outcomes of a call, by item. Grown and read under the engine's mutex.
template <class R>
class CollectedJob final : public TypedJob<R> {
 public:
  explicit CollectedJob(const char* call, bool numbered) : call_(call), numbered_(numbered) {}

  void deliver(std::size_t item, wire::Reader& outcome) override {
    outcomes_[item] = decode_result<R>(outcome);
  }
  void put(std::size_t item, Outcome<R> outcome) override { outcomes_[item] = std::move(outcome); }
  void deliver_values(std::size_t first, std::size_t count, std::span<const std::byte> values) override {
    for_each_value<R>(count, values, [&](std::size_t index, auto&&... value) {
      outcomes_[first + index] = Outcome<R>(std::move(value)...);
    });
  }
  void fail(std::size_t item, std::exception_ptr error) override { outcomes_[item] = std::move(error); }
  [[nodiscard]] std::string describe(std::size_t item) const override {
    return describe_task(call_, item, numbered_);
  }

  void resize(std::size_t items) {
    // One by one: of std::vector::resize() with a value, g++ 12 warns in the user's program without a cause.
    while (outcomes_.size() < items) outcomes_.emplace_back(std::exception_ptr());
  }
  /// Once all have ended.
  std::vector<Outcome<R>>& outcomes() { return outcomes_; }

 private:
  const char* call_;
  bool numbered_;
  std::vector<Outcome<R>> outcomes_;
};

template <class Range>
concept HasSize = requires(Range& range) {
  std::size(range);
};

/// Several input ranges walked in step, until the shortest ends. An lvalue range is referred to, a temporary is kept.
template <class... Ranges>
class Inputs {
 public:
  using Stored = std::tuple<wire::stored_t<typename std::iterator_traits<decltype(std::begin(
      std::declval<std::remove_reference_t<Ranges>&>()))>::value_type>...>;

  explicit Inputs(Ranges&&... ranges) : ranges_(std::forward<Ranges>(ranges)...) {}

  void start() {
    std::apply(
        [this](auto&... ranges) {
          positions_.emplace(PositionOf<Ranges>(std::begin(ranges), std::end(ranges))...);
        },
        ranges_);
  }
  [[nodiscard]] bool at_end() const {
    return std::apply([](const auto&... positions) { return (... || positions.at_end()); }, *positions_);
  }
  /// Calls `use(elements...)` with the current elements and goes on to the next.
  template <class Use>
  void next(Use use) {
    std::apply(
        [&use](auto&... positions) {
          use(*positions.current...);
          (++positions.current, ...);
        },
        *positions_);
  }

  /// The items as they lie in memory, if they are sent as these very bytes; otherwise nothing.
  [[nodiscard]] std::optional<ItemRun> contiguous() {
    if constexpr (sizeof...(Ranges) == 1 && is_sized) {
      auto& range = std::get<0>(ranges_);
      using Iterator = decltype(std::begin(range));
      using Element = std::remove_cv_t<std::tuple_element_t<0, Stored>>;
      if constexpr (std::contiguous_iterator<Iterator> && wire::bitwise<Element>) {
        if constexpr (std::is_same_v<std::iter_value_t<Iterator>, Element>)
          return ItemRun{std::as_bytes(std::span(std::to_address(std::begin(range)), size())),
                         sizeof(Element)};
      }
    }
    return std::nullopt;
  }

  static constexpr bool is_sized = (HasSize<std::remove_reference_t<Ranges>> && ...);
  [[nodiscard]] std::optional<std::size_t> known_size() const {
    if constexpr (is_sized) return size();
    return std::nullopt;
  }
  [[nodiscard]] std::size_t size() const requires(is_sized) {
    return std::apply(
        [](const auto&... ranges) { return std::min({static_cast<std::size_t>(std::size(ranges))...}); },
        ranges_);
  }

 private:
  template <class Iterator, class Sentinel>
  struct Position {
    Position(Iterator begin, Sentinel end) : current(std::move(begin)), last(std::move(end)) {}
    [[nodiscard]] bool at_end() const { return current == last; }
    Iterator current;
    Sentinel last;
  };
  template <class Range>
  using PositionOf = Position<decltype(std::begin(std::declval<std::remove_reference_t<Range>&>())),
                              decltype(std::end(std::declval<std::remove_reference_t<Range>&>()))>;

  std::tuple<Ranges...> ranges_;
  std::optional<std::tuple<PositionOf<Ranges>...>> positions_;
};

template <class Tuple>
struct StoredElements;
template <template <class...> class Tuple, class... Elements>
struct StoredElements<Tuple<Elements...>> {
  using Type = std::tuple<wire::stored_t<Elements>...>;
};

/// A range of tuples (or pairs) whose elements are the arguments.
template <class Range>
class StarInputs {
  using Each = typename std::iterator_traits<decltype(std::begin(
      std::declval<std::remove_reference_t<Range>&>()))>::value_type;

 public:
  using Stored = typename StoredElements<Each>::Type;

  explicit StarInputs(Range&& range) : each_(std::forward<Range>(range)) {}

  void start() { each_.start(); }
  [[nodiscard]] bool at_end() const { return each_.at_end(); }
  template <class Use>
  void next(Use use) {
    each_.next([&use](const auto& elements) { std::apply(use, elements); });
  }
  [[nodiscard]] static std::optional<ItemRun> contiguous() { return std::nullopt; }
  static constexpr bool is_sized = Inputs<Range>::is_sized;
  [[nodiscard]] std::optional<std::size_t> known_size() const { return each_.known_size(); }
  [[nodiscard]] std::size_t size() const requires(is_sized) { return each_.size(); }

 private:
  Inputs<Range> each_;
};

/// Encodes a callable with items, task after task.
template <class F, class... Stored>
class TaskEncoder {
  using SentF = typename Sent<F, Stored...>::Type;
  static constexpr bool takes_stop_token = Sent<F, Stored...>::takes_stop_token;

 public:
  explicit TaskEncoder(const F& function) : function_(function) {
    task_.item_size = fixed_items<Stored...> ? static_cast<std::uint32_t>(fixed_item_size<Stored...>)
                                             : EncodedTask::variable_items;
    task_.is_stateless = stateless_callable<SentF>;
    task_.is_stoppable = takes_stop_token;
    begin();
  }

  /// An empty task. The callable is encoded once, unless shared objects travel with it.
  void begin() {
    count_ = 0;
    task_.items.clear();
    if (task_.callable.size() != 0 && task_.parcel.empty() && !carries_objects_) return;
    task_.parcel.discard();
    task_.callable.clear();
    encode_task_callable<Stored...>(task_.callable, function_);
    carries_objects_ = !task_.parcel.empty();
  }
  template <class... Elements>
  void add(const Elements&... elements) {
    if constexpr (fixed_items<Stored...>) {
      wire::encode_arguments<Stored...>(task_.items, elements...);
    } else {
      const std::size_t start = task_.items.size();
      task_.items.put(std::uint32_t{0});
      wire::encode_arguments<Stored...>(task_.items, elements...);
      const std::size_t size = task_.items.size() - start - sizeof(std::uint32_t);
      if (size > UINT32_MAX)
        throw wire::EncodeError("procyon: the arguments of one task are larger than 4 GiB");
      task_.items.patch(start, static_cast<std::uint32_t>(size));
    }
    ++count_;
  }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  EncodedTask& task() { return task_; }

 private:
  std::conditional_t<takes_stop_token, SentF, const F&> function_;
  EncodedTask task_;
  bool carries_objects_ = false;  // the callable does
  std::uint32_t count_ = 0;
};

/// Whether tasks of this callable are bytes that can be copied (not so: local_task.hpp).
template <class F>
inline constexpr bool crosses_as_bytes = true;

template <class F, class Tuple>
struct EncoderFor;
template <class F, class... Stored>
struct EncoderFor<F, std::tuple<Stored...>> {
  using Type = TaskEncoder<F, Stored...>;
  using Result = wire::result_t<typename Sent<F, Stored...>::Type, Stored...>;
};

/// What a function returns for these arguments; void if it cannot be called with them.
template <class F, class... Arguments>
using ResultOfCall = typename EncoderFor<F, std::tuple<wire::stored_t<Arguments>...>>::Result;

/// What a function returns for the elements of these ranges; void if it cannot be called with them.
template <class F, class... Ranges>
using ResultOfMap = typename EncoderFor<F, typename Inputs<Ranges...>::Stored>::Result;
template <class F, class Range>
using ResultOfStarmap = typename EncoderFor<F, typename StarInputs<Range>::Stored>::Result;

}  // namespace procyon::pool
