// The names and hashes of types, found at compile time.
//
//   type_name<std::vector<int>>()     "std::vector<int>"      for sentences
//   type_hash<void(int)>()            a 64-bit number, the same in every process of one program
//
// The text is the compiler's own, so g++ and clang differ; never store it or compare it between builds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace procyon::wire {

namespace detail {

// The whole signature of an instantiation: one string that contains the name of T.
template <class T>
consteval std::string_view signature_of() {
  return {__PRETTY_FUNCTION__, sizeof(__PRETTY_FUNCTION__) - 1};
}

// FNV-1a. Not a defence against an enemy: it tells a program's own types apart.
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ULL) {
  for (const char character : text) {
    hash ^= static_cast<unsigned char>(character);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace detail

// The name of T as the compiler spells it.
template <class T>
consteval std::string_view type_name() {
  std::string_view text = detail::signature_of<T>();
  const std::size_t begin = text.find("T = ") + 4;
  // g++ appends the meaning of std::string_view after a semicolon; clang ends at the bracket.
  std::size_t end = text.rfind("; std::string_view = ");
  if (end == std::string_view::npos) end = text.rfind(']');
  return text.substr(begin, end - begin);
}

// A number that stands for the type T in this build of the program.
template <class T>
consteval std::uint64_t type_hash() {
  return detail::hash_text(detail::signature_of<T>());
}

// True if T is the type of a lambda expression. It only chooses between two sentences of refusal, so that
// reading the compiler's spelling is good enough.
template <class T>
consteval bool is_closure() {
  const std::string_view name = type_name<T>();
  if (name.empty()) return false;
  // g++: "main()::<lambda(int)>"; clang: "(lambda at file.cpp:3:5)". Find the bracket that matches the last
  // one.
  const char close = name.back();
  if (close != '>' && close != ')') return false;
  const char open = close == '>' ? '<' : '(';
  std::size_t depth = 0;
  for (std::size_t position = name.size(); position-- > 0;) {
    if (name[position] == close) ++depth;
    if (name[position] == open && --depth == 0) return name.substr(position + 1).starts_with("lambda");
  }
  return false;
}

}  // namespace procyon::wire
