// A picture in memory, and how it comes from a file and goes to one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // red, green, blue; row by row

  Image() = default;
  Image(int w, int h, std::uint8_t shade)
      : width(w),
        height(h),
        pixels(std::size_t{3} * static_cast<std::size_t>(w) * static_cast<std::size_t>(h), shade) {}
  std::uint8_t* at(int x, int y) {
    return pixels.data() +
           3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x));
  }
  const std::uint8_t* at(int x, int y) const { return const_cast<Image*>(this)->at(x, y); }
};

// The whole file. Throws std::system_error.
std::vector<std::uint8_t> read_file(const std::string& path);

// Decodes a JPEG or PNG by libjpeg or libpng, transparency on white. A JPEG may come smaller than it is, but with neither
// side below `side` if it was not. Throws std::runtime_error, which says what is wrong with the file.
Image decode(const std::vector<std::uint8_t>& file, int side);

// So that it fits into a square of that side; smaller ones stay as they are.
Image scaled_to_fit(const Image& image, int side);

void write_png(const Image& image, const std::string& path);
