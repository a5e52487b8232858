// PoolProxy: a pool whose workers are children of a manager's server, and that any process of the program can give tasks to.
//
//   auto pool = manager.Pool({.processes = 4});
//   mp::Process child([](mp::PoolProxy pool) { use(pool.map(square, numbers)); }, pool);
//
// What an mp::Pool cannot do is cross to another process; that is what this one is for. Functions cross by their place in the
// program, so only processes of the server's session may call it (std::logic_error). Arguments and results are copied by way of
// the server; shared objects of the session cannot be among them, proxies can. A worker that dies makes its tasks end with
// WorkerLost. To be used by any thread. Where one process gives all tasks: mp::Pool, which does more, and sooner.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "procyon/detail/manager/calls.hpp"
#include "procyon/detail/manager/pool_call.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/manager_result.hpp"
#include "procyon/outcome.hpp"

namespace procyon {

/// 0: as many workers as there are processors; workers are never replaced.
using ManagedPoolOptions = manager::ManagedPoolOptions;

/// What a task that was given to a PoolProxy will end with; get() throws what the task threw, and WorkerLost.
template <class R>
using PoolResult = ManagerResult<R>;

class PoolProxy : public manager::StandardProxy {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Pool")); }

  /// For the library: a proxy of an object that is a Pool.
  explicit PoolProxy(manager::ObjectReference object) : StandardProxy(std::move(object)) {}

  /// Runs one task and waits for it.
  template <class F, class... Arguments>
  auto apply(const F& function, const Arguments&... arguments) const {
    return apply_async(function, arguments...).get();
  }
  /// Runs one task meanwhile.
  template <class F, class... Arguments>
  auto apply_async(const F& function, const Arguments&... arguments) const {
    using R = ResultOf<F, Arguments...>;
    return PoolResult<R>(begin_run({encode(function, arguments...)}), manager::read_by(ReadFirst<R>{}));
  }
  /// Calls `function` with each element and returns the results in order. When all have ended, throws the first error.
  template <class F, std::ranges::input_range Items>
  auto map(const F& function, Items&& items) const {
    manager::PoolCalls calls;
    for (const auto& item : items) calls.push_back(encode(function, item));
    return run_all<ResultOf<F, std::ranges::range_value_t<Items>>>(std::move(calls));
  }
  /// The same with tuples of arguments.
  template <class F, std::ranges::input_range Items>
  auto starmap(const F& function, Items&& items) const {
    manager::PoolCalls calls;
    for (const auto& item : items)
      calls.push_back(std::apply([&](const auto&... values) { return encode(function, values...); }, item));
    return run_all<typename ResultOfTuple<F, std::ranges::range_value_t<Items>>::Type>(std::move(calls));
  }

  /// No more tasks are taken.
  void close() const { invoke("close()"); }
  /// Ends the workers; tasks that have not ended are Cancelled.
  void terminate() const { invoke("terminate()"); }
  /// Waits until all tasks have ended and the workers are gone. Throws std::logic_error before close() or terminate().
  void join() const { invoke("join()"); }

 private:
  template <class F, class... Arguments>
  using ResultOf =
      std::decay_t<std::invoke_result_t<wire::stored_t<const F&>, wire::stored_t<const Arguments&>...>>;
  template <class F, class Tuple>
  struct ResultOfTuple;
  template <class F, class... Arguments>
  struct ResultOfTuple<F, std::tuple<Arguments...>> {
    using Type = ResultOf<F, Arguments...>;
  };
  template <class F, class First, class Second>
  struct ResultOfTuple<F, std::pair<First, Second>> {
    using Type = ResultOf<F, First, Second>;
  };
  using Pending = std::unique_ptr<manager::PendingAnswer>;

  template <class F, class... Arguments>
  static std::string encode(const F& function, const Arguments&... arguments) {
    wire::Writer writer;
    wire::encode_call(writer, function, arguments...);
    return {reinterpret_cast<const char*>(writer.bytes().data()), writer.size()};
  }
  template <class R>
  struct ReadFirst {
    R operator()(manager::ValueReader& answer) const {
      return decode<R>(answer.get<manager::PoolOutcomes>().at(0)).value();
    }
  };
  /// Sends calls for one worker. Throws std::logic_error outside the session.
  [[nodiscard]] Pending begin_run(const manager::PoolCalls& calls) const;
  /// Spread over the workers; what each ended with.
  [[nodiscard]] manager::PoolOutcomes run_in_chunks(manager::PoolCalls calls) const;

  template <class R>
  auto run_all(manager::PoolCalls calls) const {
    const manager::PoolOutcomes outcomes = run_in_chunks(std::move(calls));
    if constexpr (std::is_void_v<R>) {
      for (const std::string& outcome : outcomes) decode<R>(outcome).value();
    } else {
      std::vector<R> results;
      for (const std::string& outcome : outcomes) results.push_back(decode<R>(outcome).value());
      return results;
    }
  }
  template <class R>
  static Outcome<R> decode(const std::string& outcome) {
    wire::Reader reader(std::as_bytes(std::span(outcome)));
    return wire::decode_outcome<R>(reader);
  }
};

}  // namespace procyon
