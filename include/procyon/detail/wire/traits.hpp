// How the codec finds out what a type is. The rules that use this are in codec.hpp and transferable.hpp.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/archive_fwd.hpp"
#include "procyon/detail/wire/attachments.hpp"
#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/type_name.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::wire {

template <class... Types>
struct TypeList {
  static constexpr std::size_t size = sizeof...(Types);
};

// Appends the encoding of `value`.
template <class T>
void write(Writer& writer, const T& value);

// The next value. Throws DecodeError.
template <class T>
T read(Reader& reader);

// The next value, into an object that is there already.
template <class T>
void read_into(Reader& reader, T& value);

// Specialised for the library types that have an encoding of their own:
//   using Parts = TypeList<...>;            what must be transferable for it to be
//   static void write(Writer&, const T&);
//   static T read(Reader&);
template <class T>
struct Codec {
  using Missing = void;
};

template <class T>
concept HasCodec = !requires {
  typename Codec<T>::Missing;
};

// A handle of an object in the session's memory (a queue, a lock, a shared value): the message carries a
// reference.
template <class T>
concept SharedObject = requires {
  typename T::procyon_shared_object;
}
&&requires(const T& object) { object.reference(); };

// An owner of a descriptor (a connection): the message carries a duplicate.
template <class T>
concept CarriesDescriptor = requires(const T& object, int descriptor) {
  { object.procyon_descriptor() } -> std::convertible_to<int>;
  { T::procyon_from_descriptor(descriptor) } -> std::same_as<T>;
};

// A secret, which is never sent (AuthKey).
template <class T>
concept IsSecret = requires {
  typename T::procyon_secret;
};

// An object that only the process that made it can use (Process).
template <class T>
concept StaysInItsProcess = requires {
  typename T::procyon_stays_in_its_process;
};

// A class with a member `template <class A> void serialize(A& archive)`.
template <class T>
inline constexpr bool has_serialize = std::is_class_v<T>&& requires(T& object, WriteArchive& archive) {
  object.serialize(archive);
};

// A class without state, such as a lambda that captures nothing or std::less<>: there is nothing to send.
template <class T>
inline constexpr bool stateless =
    std::is_empty_v<T>&& std::is_trivially_copyable_v<T> && !std::is_polymorphic_v<T>;

// Any value of a stateless type is as good as any other. No constructor is needed: many lambdas have none.
template <class T>
requires stateless<T> T make_stateless() { return std::bit_cast<T>(std::array<std::byte, sizeof(T)>{}); }

}  // namespace procyon::wire
