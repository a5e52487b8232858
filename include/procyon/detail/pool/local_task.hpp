// Tasks that stay in this process: what a ThreadPool gives to its threads.
//
// A LocalTask holds the items of one task as they are, and afterwards their outcomes; nothing is encoded. What lies in the
// task's slot in shared memory is its address. To the pool's templates (pool.hpp) the callable is a Local<F>, whose
// TaskEncoder makes LocalTasks; everything else is the same code for processes and threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "procyon/detail/pool/engine.hpp"
#include "procyon/detail/pool/stop_aware.hpp"
#include "procyon/detail/pool/typed_job.hpp"
#include "procyon/outcome.hpp"

namespace procyon::pool {

/// A callable that is not to leave the process. Copies share it.
template <class F>
class Local {
 public:
  explicit Local(F function) : function_(std::make_shared<F>(std::move(function))) {}

  template <class... Arguments>
  std::invoke_result_t<F&, Arguments...> operator()(Arguments&&... arguments) const {
    return std::invoke(*function_, std::forward<Arguments>(arguments)...);
  }
  /// For calls on several threads at once: itself where it can be called without being changed, otherwise a copy.
  template <class... Stored>
  [[nodiscard]] std::shared_ptr<F> for_a_task() const {
    if constexpr (std::is_invocable_v<const F&, Stored...>)
      return function_;
    else
      return std::make_shared<F>(*function_);
  }

 private:
  std::shared_ptr<F> function_;
};

template <class F>
inline constexpr bool crosses_as_bytes<Local<F>> = false;

template <class F>
using LocalOf = Local<std::decay_t<F>>;

template <class F>
Local<std::decay_t<F>> local(F&& function) {
  return Local<std::decay_t<F>>(std::forward<F>(function));
}

template <class F, class... Stored>
class TypedLocalTask final : public LocalTask {
  static constexpr bool takes_stop_token = Sent<F, Stored...>::takes_stop_token;
  using R = std::decay_t<wire::result_t<typename Sent<F, Stored...>::Type, Stored...>>;

 public:
  explicit TypedLocalTask(const Local<F>& function) : function_(for_a_task(function)) {}

  /// Whether several threads may call this callable at once.
  static constexpr bool can_be_shared = takes_stop_token
                                            ? std::is_invocable_v<const F&, std::stop_token, Stored...>
                                            : std::is_invocable_v<const F&, Stored...>;

  template <class... Elements>
  void add(const Elements&... elements) {
    items_.emplace_back(std::tuple<Stored...>(elements...));
  }

  void run(std::uint32_t item) noexcept override {
    Item& each = items_[item];
    try {
      const auto call = [&]() -> decltype(auto) {
        return std::apply(
            [&](Stored&... arguments) -> decltype(auto) {
              if constexpr (takes_stop_token)
                return call_with(each.stop.get_token(), std::move(arguments)...);
              else
                return call_with(std::move(arguments)...);
            },
            each.arguments);
      };
      if constexpr (std::is_void_v<R>) {
        call();
        each.outcome.emplace();
      } else {
        each.outcome.emplace(R(call()));
      }
    } catch (...) {
      each.outcome.emplace(std::current_exception());
    }
  }
  void ask_to_stop(std::uint32_t item) override {
    if constexpr (takes_stop_token) items_[item].stop.request_stop();
  }
  void deliver(Job& job, std::size_t item_of_job, std::uint32_t item) override {
    job.put_outcome(item_of_job, &*items_[item].outcome);
  }

 private:
  struct NoStop {};
  struct Item {
    explicit Item(std::tuple<Stored...> given) : arguments(std::move(given)) {}
    std::tuple<Stored...> arguments;
    std::optional<Outcome<R>> outcome;
    [[no_unique_address]] std::conditional_t<takes_stop_token, std::stop_source, NoStop> stop;
  };

  static std::shared_ptr<F> for_a_task(const Local<F>& function) {
    if constexpr (takes_stop_token)
      return function.template for_a_task<std::stop_token, Stored...>();
    else
      return function.template for_a_task<Stored...>();
  }
  template <class... Arguments>
  decltype(auto) call_with(Arguments&&... arguments) {
    if constexpr (can_be_shared)
      return std::invoke(std::as_const(*function_), std::forward<Arguments>(arguments)...);
    else
      return std::invoke(*function_, std::forward<Arguments>(arguments)...);
  }

  std::shared_ptr<F> function_;
  std::deque<Item> items_;
};

/// Gathers items into LocalTasks.
template <class F, class... Stored>
class TaskEncoder<Local<F>, Stored...> {
  static_assert(
      std::is_invocable_v<F&, Stored...> || std::is_invocable_v<F&, std::stop_token, Stored...>,
      "procyon: this callable cannot be called with these arguments; each call gets them as values of "
      "its own, so pass what it is to change by std::ref or as a capture");

 public:
  explicit TaskEncoder(const Local<F>& function) : function_(function) {}

  void begin() {
    count_ = 0;
    gathered_ = nullptr;
    task_.local.reset();
    task_.items.clear();
  }
  template <class... Elements>
  void add(const Elements&... elements) {
    if (gathered_ == nullptr) open();
    gathered_->add(elements...);
    ++count_;
  }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  EncodedTask& task() { return task_; }

 private:
  void open() {
    auto task = std::make_shared<TypedLocalTask<F, Stored...>>(function_);
    gathered_ = task.get();
    task_.items.put(LocalItems{gathered_, 0});
    task_.local = std::move(task);
    task_.can_be_split = TypedLocalTask<F, Stored...>::can_be_shared;
    task_.is_stoppable = Sent<F, Stored...>::takes_stop_token;
  }

  Local<F> function_;
  EncodedTask task_;
  TypedLocalTask<F, Stored...>* gathered_ = nullptr;
  std::uint32_t count_ = 0;
};

}  // namespace procyon::pool
