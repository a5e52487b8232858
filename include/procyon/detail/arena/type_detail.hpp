// A small code for a C++ type, equal in all processes of one build: tells Value<int> from Value<double>, when a handle
// is opened as the wrong one. Not unique: a check that finds most mistakes, not a proof.
#pragma once

#include <cstdint>
#include <string_view>

namespace procyon::arena {

template <class T>
constexpr std::uint16_t type_detail() {
  const std::string_view name = __PRETTY_FUNCTION__;
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char character : name) hash = (hash ^ static_cast<unsigned char>(character)) * 16777619u;
  return static_cast<std::uint16_t>(hash >> 16 ^ hash);
}

}  // namespace procyon::arena
