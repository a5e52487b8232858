// Handle: the name of a shared object, eight bytes that may lie in other shared memory.
//
//   struct Stage { mp::Handle<mp::Queue<Job>> input; int done; };
//   mp::Array<Stage> stages(4);
//   stages[0].input = mp::handle_of(queue);
//   ...
//   mp::Queue<Job> input = stages[0].input.open();      // in another process; throws ObjectGone
//
// For objects inside a Value or an Array, which hold plain bytes. It keeps nothing alive: somebody must have the object
// itself, or open() says that it is gone. As an argument, in a queue, a container or an aggregate, send the object itself:
// that keeps it alive.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "procyon/detail/arena/reference.hpp"

namespace procyon {

/// Names an object of type `Shared` (a Queue, a Lock, a Value, ...), or nothing. A plain type: trivially copyable, and it
/// has atomic access.
template <class Shared>
struct Handle {
  std::uint64_t bits = 0;

  /// The object. Throws ObjectGone if nobody had it any more, or if this names nothing; std::logic_error if the bytes name
  /// an object of another type.
  [[nodiscard]] Shared open() const { return Shared(arena::Reference::open(arena::Handle::from_bits(bits))); }
  explicit operator bool() const { return bits != 0; }
  friend bool operator==(const Handle&, const Handle&) = default;
};

/// The name of a shared object of the library.
template <class Shared>
requires requires(const Shared& object) {
  typename Shared::procyon_shared_object;
  { object.reference() } -> std::convertible_to<const arena::Reference&>;
}
[[nodiscard]] Handle<Shared> handle_of(const Shared& object) {
  static_assert(std::is_trivially_copyable_v<Handle<Shared>>);
  return {object.reference().handle().bits()};
}

}  // namespace procyon
