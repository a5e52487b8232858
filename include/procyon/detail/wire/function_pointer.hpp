// Function pointers and pointers to member functions as values.
//
// A pointer crosses as the place of the function in its module (token.hpp), so it may be a member of an argument, lie in
// a vector, or be the callable itself. A pointer to a virtual member function holds no address but the function's place
// in the table of virtual functions, which is the same in every process of one build. Null stays null.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "procyon/detail/wire/token.hpp"
#include "procyon/detail/wire/traits.hpp"

namespace procyon::wire::detail {

template <class T>
concept FunctionPointer = std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>;

template <class T>
concept CodePointer = FunctionPointer<T> || std::is_member_function_pointer_v<T>;

// A pointer to a member function as the Itanium C++ ABI lays it out.
struct MemberFunctionLayout {
  std::uintptr_t function;    // an address, or for a virtual function a place in the table
  std::ptrdiff_t adjustment;  // added to `this`

  bool is_virtual() const noexcept {
#if defined(__aarch64__) || defined(__arm__)
    return (adjustment & 1) != 0;
#else
    return (function & 1) != 0;
#endif
  }
};

template <class T>
void write_code_value(Writer& writer, const T& value) {
  if constexpr (FunctionPointer<T>) {
    write_code_address(writer, reinterpret_cast<const void*>(value), type_hash<T>());
  } else {
    const auto layout = std::bit_cast<MemberFunctionLayout>(value);
    writer.put(layout.adjustment);
    writer.put(static_cast<std::uint8_t>(layout.is_virtual() ? 1 : 0));
    if (layout.is_virtual()) {
      writer.put(layout.function);
    } else {
      write_code_address(writer, reinterpret_cast<const void*>(layout.function), type_hash<T>());
    }
  }
}

template <class T>
T read_code_value(Reader& reader) {
  if constexpr (FunctionPointer<T>) {
    return reinterpret_cast<T>(const_cast<void*>(read_code_address(reader, type_hash<T>(), type_name<T>())));
  } else {
    MemberFunctionLayout layout{};
    layout.adjustment = reader.get<std::ptrdiff_t>(type_name<T>());
    if (reader.get<std::uint8_t>(type_name<T>()) != 0) {
      layout.function = reader.get<std::uintptr_t>(type_name<T>());
      if (!layout.is_virtual()) throw_bad_value(type_name<T>(), "a virtual function that is none");
    } else {
      layout.function =
          reinterpret_cast<std::uintptr_t>(read_code_address(reader, type_hash<T>(), type_name<T>()));
      if (layout.is_virtual()) throw_bad_value(type_name<T>(), "a function at an odd address");
    }
    return std::bit_cast<T>(layout);
  }
}

}  // namespace procyon::wire::detail
