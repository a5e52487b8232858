// MessageView: a message of a queue, read where it lies.
//
//   mp::Queue<std::vector<double>> frames;
//   ...
//   const mp::MessageView<std::vector<double>> frame = frames.get_view();
//   sum(*frame);                          // a std::span<const double> into shared memory: nothing was copied
//
// A large message lies in a block of shared memory that the view owns; it goes with the view, so keep what must last
// longer. Of a std::vector one sees a std::span, of a std::string a std::string_view, of a plain type a const reference.
// Movable; one thread at a time. Not for small messages: get() is as quick there.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/wire/bitwise.hpp"
#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/type_name.hpp"

namespace procyon {

namespace channel {

// How the bytes of a T read in place. Elements lie behind a length of 8 bytes.
template <class T>
struct InPlace {
  static constexpr bool possible = wire::bitwise<T> && alignof(T) <= alignof(std::max_align_t);
  using Seen = T;
  static const T* open(wire::Reader& reader) {
    return reinterpret_cast<const T*>(reader.take(sizeof(T), wire::type_name<T>()));
  }
};

template <class Element, class Range, class View>
struct InPlaceRange {
  static constexpr bool possible = wire::bitwise<Element> && alignof(Element) <= sizeof(std::uint64_t);
  using Seen = View;
  static View open(wire::Reader& reader) {
    const std::size_t length = reader.get_length(sizeof(Element), wire::type_name<Range>());
    const std::byte* const bytes = reader.take(length * sizeof(Element), wire::type_name<Range>());
    return View(reinterpret_cast<const Element*>(bytes), length);
  }
};

template <class T, class Allocator>
struct InPlace<std::vector<T, Allocator>> : InPlaceRange<T, std::vector<T, Allocator>, std::span<const T>> {};

template <class Character, class Traits, class Allocator>
struct InPlace<std::basic_string<Character, Traits, Allocator>>
    : InPlaceRange<Character, std::basic_string<Character, Traits, Allocator>,
                   std::basic_string_view<Character, Traits>> {};

}  // namespace channel

template <class T>
class MessageView {
  static_assert(channel::InPlace<T>::possible,
                "procyon: a message of this type cannot be read in place; views are for plain types without "
                "pointers, and for std::vector and std::string of such: use get()");
  using InPlace = channel::InPlace<T>;
  static constexpr bool is_range = !std::is_same_v<typename InPlace::Seen, T>;
  using Stored = std::conditional_t<is_range, typename InPlace::Seen, const T*>;

 public:
  /// What one sees: std::span<const E>, std::string_view or T itself.
  using value_type = typename InPlace::Seen;

  /// For the library.
  explicit MessageView(std::unique_ptr<channel::ReceivedMessage> message)
      : message_(std::move(message)), seen_(open(*message_)) {}

  [[nodiscard]] const value_type& operator*() const {
    if constexpr (is_range)
      return seen_;
    else
      return *seen_;
  }
  [[nodiscard]] const value_type* operator->() const { return &**this; }

 private:
  static Stored open(const channel::ReceivedMessage& message) {
    wire::Reader reader(message.bytes());
    const Stored seen = InPlace::open(reader);
    reader.expect_end(wire::type_name<T>());
    return seen;
  }

  std::unique_ptr<channel::ReceivedMessage> message_;
  Stored seen_;
};

}  // namespace procyon
