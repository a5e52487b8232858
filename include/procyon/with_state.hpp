// with_state: something that each worker of a pool builds once, and that its tasks get as their first argument.
//
//   Model load() { return Model("weights.bin"); }                  // costs a second
//   double score(Model& model, const Text& text);
//   std::vector<double> scores = pool.map(mp::with_state(load, score), texts);
//
// The state is built in a worker when its first such task begins (if that throws, that task ends with the error and the
// next tries again), and is the same for all tasks whose maker is the same function, with the same values if it is a
// partial(). Nothing of it crosses processes: it may hold files, threads, anything. A worker that ends by itself (close()
// and join(), maxtasksperchild) destroys its states, the last one first; one that is ended by force does not.
// Not for what all workers share (SharedMemory, Value, Array), nor for what must exist before the first task (an
// initializer).
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/detail/wire/transferable.hpp"

namespace procyon {

namespace pool {

/// Of this thread, which runs tasks: the state with this key, or null. `kind` tells types of makers apart.
void* find_state(const void* kind, const std::string& key);
void keep_state(const void* kind, const std::string& key, std::shared_ptr<void> state);
/// Destroys the states of this thread, the last one first.
void destroy_states() noexcept;

template <class Make>
inline constexpr char state_kind = 0;

}  // namespace pool

template <class Make, class F>
class WithState {
 public:
  using State = std::decay_t<std::invoke_result_t<Make&>>;

  WithState(Make maker, F target)
      : make_(std::move(maker)), function_(std::move(target)), key_(key_of(make_)) {}
  WithState(Make maker, F target, std::string known_key)
      : make_(std::move(maker)), function_(std::move(target)), key_(std::move(known_key)) {}

  template <class... Arguments>
  requires std::is_invocable_v<F&, State&, Arguments...>
  decltype(auto) operator()(Arguments&&... arguments) {
    return std::invoke(function_, state(), std::forward<Arguments>(arguments)...);
  }

  const Make& make() const { return make_; }
  const F& function() const { return function_; }
  const std::string& key() const { return key_; }

 private:
  static std::string key_of(const Make& maker);
  State& state() {
    const void* const kind = &pool::state_kind<Make>;
    if (void* const present = pool::find_state(kind, key_)) return *static_cast<State*>(present);
    const std::shared_ptr<State> made(new State(std::invoke(make_)));
    pool::keep_state(kind, key_, made);
    return *made;
  }

  Make make_;
  F function_;
  std::string key_;
};

/// A callable for a pool: function(state, arguments...), where each worker has made its state with make().
template <class Make, class F>
WithState<std::decay_t<Make>, std::decay_t<F>> with_state(Make&& make, F&& function) {
  return {std::forward<Make>(make), std::forward<F>(function)};
}

// What it is sent as: makers that look the same to the other side are the same.
template <class Make, class F>
std::string WithState<Make, F>::key_of(const Make& maker) {
  if constexpr (std::is_empty_v<Make>) {
    return {};
  } else {
    channel::Parcel parcel;  // for what the maker holds of shared objects
    wire::Writer bytes(&parcel);
    wire::write(bytes, maker);
    std::string key(reinterpret_cast<const char*>(bytes.bytes().data()), bytes.bytes().size());
    for (const channel::TravellingReference& each : parcel.references())
      key += "@" + std::to_string(each.object);
    return key;
  }
}

template <class Make, class F>
struct wire::Codec<WithState<Make, F>> {
  using Parts = TypeList<Make, F>;
  static void write(Writer& writer, const WithState<Make, F>& value) {
    wire::write(writer, value.make());
    wire::write(writer, value.function());
    wire::write(writer, value.key());
  }
  static WithState<Make, F> read(Reader& reader) {
    Make make = wire::read<Make>(reader);
    F function = wire::read<F>(reader);
    return {std::move(make), std::move(function), wire::read<std::string>(reader)};
  }
};

}  // namespace procyon
