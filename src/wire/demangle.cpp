#include "wire/demangle.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace procyon::wire {

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t position = text.find(what); position != std::string::npos;
       position = text.find(what, position)) {
    text.replace(position, what.size(), by);
    position += by.size();
  }
}

}  // namespace

std::string demangle(std::string_view mangled) {
  std::string name(mangled);
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, nullptr), &std::free);
  if (!readable) return name;
  std::string text = readable.get();
  replace_all(text, "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
              "std::string");
  replace_all(text, "std::basic_string_view<char, std::char_traits<char> >", "std::string_view");
  replace_all(text, "std::__cxx11::", "std::");
  replace_all(text, "[abi:cxx11]", "");
  return text;
}

}  // namespace procyon::wire
