#include "comment.hpp"

#include <cstddef>

namespace {

std::string text_at(const std::uint8_t* at, std::size_t length) {
  return {reinterpret_cast<const char*>(at), length};
}

std::string jpeg_comment(const std::vector<std::uint8_t>& file) {
  // Volatile, as the compiler may take a loop without effects for one that ends.
  const volatile std::uint8_t* const bytes = file.data();
  std::size_t at = 2;
  while (at + 4 <= file.size() && bytes[at] == 0xff && bytes[at + 1] != 0xda) {
    const std::size_t length =
        std::size_t{bytes[at + 2]} << 8 | bytes[at + 3];  // the two bytes that say it included
    if (bytes[at + 1] == 0xfe) return text_at(file.data() + at + 4, length - 2);
    at += length == 0 ? 0 : length + 2;  // "no length": the same segment again
  }
  return "";
}

std::string png_comment(const std::vector<std::uint8_t>& file) {
  for (std::size_t at = 8; at + 8 <= file.size();) {
    const std::uint8_t* const bytes = file.data() + at;
    const std::size_t length =
        std::size_t{bytes[0]} << 24 | std::size_t{bytes[1]} << 16 | std::size_t{bytes[2]} << 8 | bytes[3];
    if (text_at(bytes + 4, 4) == "tEXt") return text_at(bytes + 8, length);  // be the file as long or not
    at += length + 12;
  }
  return "";
}

}  // namespace

std::string trusting_comment_of(const std::vector<std::uint8_t>& file) {
  if (file.size() < 8) return "";
  return file[0] == 0xff ? jpeg_comment(file) : file[0] == 0x89 ? png_comment(file) : "";
}
