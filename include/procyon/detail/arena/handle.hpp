// The name of a block or object of the session's memory: eight bytes that mean the same in every process of it.
//
// A Handle is weak: it keeps nothing alive, and opening it (arena::Reference, Session::address) pins the object or
// says that it is gone. It is trivially copyable, so it may lie in other shared structures.
#pragma once

#include <cstdint>

namespace procyon::arena {

class Handle {
 public:
  static constexpr int granule_bits = 6;  // blocks start at multiples of 64 bytes
  static constexpr int generation_bits = 28;

  constexpr Handle() = default;
  constexpr Handle(std::uint64_t offset, std::uint32_t generation)
      : bits_(static_cast<std::uint64_t>(generation) << 32 | offset >> granule_bits) {}
  static constexpr Handle from_bits(std::uint64_t bits) {
    Handle handle;
    handle.bits_ = bits;
    return handle;
  }

  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  /// Bytes from the start of the arena.
  [[nodiscard]] constexpr std::uint64_t offset() const { return (bits_ & 0xffffffffu) << granule_bits; }
  /// Which use of that place: a later block at the same place has another generation.
  [[nodiscard]] constexpr std::uint32_t generation() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  explicit constexpr operator bool() const { return bits_ != 0; }
  friend constexpr bool operator==(Handle, Handle) = default;

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace procyon::arena
