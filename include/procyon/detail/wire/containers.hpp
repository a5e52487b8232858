// The standard library's containers: a 64-bit number of elements, then the elements.
//
// A message is at least as long as the memory that is taken for it: the number is checked against the bytes that are
// left, no more room is reserved than these bytes could fill, and an element whose encoding is empty is given one byte.
// Containers with a comparator, hash or equality that has state are refused, because the state would be lost.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "procyon/detail/wire/bitwise.hpp"
#include "procyon/detail/wire/traits.hpp"

namespace procyon::wire {

namespace detail {

// Elements that encode to nothing get a filler, so that no message can promise more elements than it has bytes.
template <class Element>
void write_element(Writer& writer, const Element& element) {
  const std::size_t before = writer.size();
  write(writer, element);
  if (writer.size() == before) writer.put(std::uint8_t{0});
}

template <class Element>
Element read_element(Reader& reader) {
  const std::size_t before = reader.position();
  Element element = read<Element>(reader);
  if (reader.position() == before) reader.take(1, type_name<Element>());
  return element;
}

// How many elements to make room for at once.
template <class Element>
std::size_t first_room(const Reader& reader, std::size_t length) {
  return std::min(length, reader.remaining() / sizeof(Element) + 1);
}

template <class Container>
void write_elements(Writer& writer, const Container& container) {
  writer.put(static_cast<std::uint64_t>(container.size()));
  typename Writer::Nesting nesting(writer);
  for (const auto& element : container) write_element(writer, element);
}

// Containers that grow at their end: deque, list, and vectors of what is not bitwise.
template <class Container>
struct SequenceCodec {
  using Element = typename Container::value_type;
  using Parts = TypeList<Element>;

  static void write(Writer& writer, const Container& container) { write_elements(writer, container); }

  static Container read(Reader& reader) {
    const std::size_t length = reader.get_length(1, type_name<Container>());
    Reader::Nesting nesting(reader);
    Container container;
    if constexpr (requires { container.reserve(length); })
      container.reserve(first_room<Element>(reader, length));
    for (std::size_t index = 0; index < length; ++index) container.push_back(read_element<Element>(reader));
    return container;
  }
};

// Sets and maps. `Stored` is the element without const, because a map's key cannot be read in place.
template <class Container, class Stored>
struct AssociativeCodec {
  static void write(Writer& writer, const Container& container) { write_elements(writer, container); }

  static Container read(Reader& reader) {
    const std::size_t length = reader.get_length(1, type_name<Container>());
    Reader::Nesting nesting(reader);
    Container container;
    if constexpr (requires { container.reserve(length); })
      container.reserve(first_room<Stored>(reader, length));
    for (std::size_t index = 0; index < length; ++index) {
      // Ordered containers were written in order: the place before the end is the right one.
      container.emplace_hint(container.end(), read_element<Stored>(reader));
    }
    return container;
  }
};

template <class... Policies>
concept StatelessPolicies = (std::is_empty_v<Policies> && ...);

}  // namespace detail

template <class Character, class Traits, class Allocator>
requires bitwise<Character>
struct Codec<std::basic_string<Character, Traits, Allocator>> {
  using Text = std::basic_string<Character, Traits, Allocator>;
  using Parts = TypeList<>;

  static void write(Writer& writer, const Text& text) {
    writer.put(static_cast<std::uint64_t>(text.size()));
    writer.append(text.data(), text.size() * sizeof(Character));
  }

  static Text read(Reader& reader) {
    const std::size_t length = reader.get_length(sizeof(Character), type_name<Text>());
    const std::byte* bytes = reader.take(length * sizeof(Character), type_name<Text>());
    if constexpr (sizeof(Character) == 1) {
      return Text(reinterpret_cast<const Character*>(bytes), length);
    } else {
      Text text(length, Character());
      if (length != 0) std::memcpy(text.data(), bytes, length * sizeof(Character));
      return text;
    }
  }
};

template <class T, class Allocator>
struct Codec<std::vector<T, Allocator>> : detail::SequenceCodec<std::vector<T, Allocator>> {};

template <class T, class Allocator>
requires(bitwise<T>&& std::is_trivial_v<T>) struct Codec<std::vector<T, Allocator>> {
  using Container = std::vector<T, Allocator>;
  using Parts = TypeList<>;

  static void write(Writer& writer, const Container& container) {
    writer.put(static_cast<std::uint64_t>(container.size()));
    writer.append(container.data(), container.size() * sizeof(T));
  }

  static Container read(Reader& reader) {
    const std::size_t length = reader.get_length(sizeof(T), type_name<Container>());
    const std::byte* bytes = reader.take(length * sizeof(T), type_name<Container>());
    // assign() from pointers of a trivial type is one memmove into memory that is not cleared first, whatever the
    // alignment of the source; the elements are never accessed through the pointer.
    Container container;
    if (length != 0) {
      const auto* first = reinterpret_cast<const T*>(bytes);
      container.assign(first, first + length);
    }
    return container;
  }
};

template <class Allocator>
struct Codec<std::vector<bool, Allocator>> {
  using Container = std::vector<bool, Allocator>;
  using Parts = TypeList<>;

  static void write(Writer& writer, const Container& container) {
    writer.put(static_cast<std::uint64_t>(container.size()));
    std::uint8_t bits = 0;
    std::size_t used = 0;
    for (const bool bit : container) {
      bits = static_cast<std::uint8_t>(bits | ((bit ? 1U : 0U) << used));
      if (++used == 8) {
        writer.put(bits);
        bits = 0;
        used = 0;
      }
    }
    if (used != 0) writer.put(bits);
  }

  static Container read(Reader& reader) {
    const auto length = reader.get<std::uint64_t>(type_name<Container>());
    if (length / 8 > reader.remaining()) throw_bad_length(type_name<Container>(), length, reader.remaining());
    const std::byte* bytes = reader.take((length + 7) / 8, type_name<Container>());
    Container container(length);
    for (std::size_t index = 0; index < length; ++index) {
      container[index] = ((std::to_integer<unsigned>(bytes[index / 8]) >> (index % 8)) & 1U) != 0;
    }
    return container;
  }
};

template <class T, class Allocator>
struct Codec<std::deque<T, Allocator>> : detail::SequenceCodec<std::deque<T, Allocator>> {};
template <class T, class Allocator>
struct Codec<std::list<T, Allocator>> : detail::SequenceCodec<std::list<T, Allocator>> {};

template <class T, std::size_t count>
requires(!bitwise<std::array<T, count>>) struct Codec<std::array<T, count>> {
  using Container = std::array<T, count>;
  using Parts = TypeList<T>;

  static void write(Writer& writer, const Container& container) {
    for (const T& element : container) wire::write(writer, element);
  }

  static Container read(Reader& reader) { return read_each(reader, std::make_index_sequence<count>()); }

 private:
  template <std::size_t... positions>
  static Container read_each(Reader& reader, std::index_sequence<positions...>) {
    static_cast<void>(reader);
    return Container{(static_cast<void>(positions), wire::read<T>(reader))...};
  }
};

template <class Key, class Compare, class Allocator>
requires detail::StatelessPolicies<Compare>
struct Codec<std::set<Key, Compare, Allocator>>
    : detail::AssociativeCodec<std::set<Key, Compare, Allocator>, Key> {
  using Parts = TypeList<Key>;
};
template <class Key, class Compare, class Allocator>
requires detail::StatelessPolicies<Compare>
struct Codec<std::multiset<Key, Compare, Allocator>>
    : detail::AssociativeCodec<std::multiset<Key, Compare, Allocator>, Key> {
  using Parts = TypeList<Key>;
};
template <class Key, class Hash, class Equal, class Allocator>
requires detail::StatelessPolicies<Hash, Equal>
struct Codec<std::unordered_set<Key, Hash, Equal, Allocator>>
    : detail::AssociativeCodec<std::unordered_set<Key, Hash, Equal, Allocator>, Key> {
  using Parts = TypeList<Key>;
};
template <class Key, class Hash, class Equal, class Allocator>
requires detail::StatelessPolicies<Hash, Equal>
struct Codec<std::unordered_multiset<Key, Hash, Equal, Allocator>>
    : detail::AssociativeCodec<std::unordered_multiset<Key, Hash, Equal, Allocator>, Key> {
  using Parts = TypeList<Key>;
};
template <class Key, class Mapped, class Compare, class Allocator>
requires detail::StatelessPolicies<Compare>
struct Codec<std::map<Key, Mapped, Compare, Allocator>>
    : detail::AssociativeCodec<std::map<Key, Mapped, Compare, Allocator>, std::pair<Key, Mapped>> {
  using Parts = TypeList<Key, Mapped>;
};
template <class Key, class Mapped, class Compare, class Allocator>
requires detail::StatelessPolicies<Compare>
struct Codec<std::multimap<Key, Mapped, Compare, Allocator>>
    : detail::AssociativeCodec<std::multimap<Key, Mapped, Compare, Allocator>, std::pair<Key, Mapped>> {
  using Parts = TypeList<Key, Mapped>;
};
template <class Key, class Mapped, class Hash, class Equal, class Allocator>
requires detail::StatelessPolicies<Hash, Equal>
struct Codec<std::unordered_map<Key, Mapped, Hash, Equal, Allocator>>
    : detail::AssociativeCodec<std::unordered_map<Key, Mapped, Hash, Equal, Allocator>,
                               std::pair<Key, Mapped>> {
  using Parts = TypeList<Key, Mapped>;
};
template <class Key, class Mapped, class Hash, class Equal, class Allocator>
requires detail::StatelessPolicies<Hash, Equal>
struct Codec<std::unordered_multimap<Key, Mapped, Hash, Equal, Allocator>>
    : detail::AssociativeCodec<std::unordered_multimap<Key, Mapped, Hash, Equal, Allocator>,
                               std::pair<Key, Mapped>> {
  using Parts = TypeList<Key, Mapped>;
};

}  // namespace procyon::wire
