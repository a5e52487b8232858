#include "image.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <jpeglib.h>
#include <png.h>

namespace {

// libjpeg reports an error by a call that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf escape;
  char text[JMSG_LENGTH_MAX];
};

void escape(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<JpegErrors*>(jpeg->err);
  errors->manager.format_message(jpeg, errors->text);
  std::longjmp(errors->escape, 1);
}
void say_nothing(j_common_ptr, int) {}

// Nothing in here has a destructor: errors jump over it. False on an error.
bool read_jpeg(jpeg_decompress_struct& jpeg, JpegErrors& errors, const std::vector<std::uint8_t>& file,
               int side, Image& image) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_mem_src(&jpeg, file.data(), file.size());
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  const auto wanted = static_cast<unsigned>(side);
  while (jpeg.scale_denom < 8 &&
         std::min(jpeg.image_width, jpeg.image_height) / (jpeg.scale_denom * 2) >= wanted)
    jpeg.scale_denom *= 2;
  jpeg_start_decompress(&jpeg);
  image = Image(static_cast<int>(jpeg.output_width), static_cast<int>(jpeg.output_height), 0);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = image.at(0, static_cast<int>(jpeg.output_scanline));
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

Image decode_jpeg(const std::vector<std::uint8_t>& file, int side) {
  JpegErrors errors{};
  jpeg_decompress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = escape;
  errors.manager.emit_message = say_nothing;
  jpeg_create_decompress(&jpeg);
  Image image;
  const bool is_read = read_jpeg(jpeg, errors, file, side, image);
  const bool is_damaged = errors.manager.num_warnings != 0;
  jpeg_destroy_decompress(&jpeg);
  if (!is_read) throw std::runtime_error(std::string("not a good JPEG: ") + errors.text);
  if (is_damaged) throw std::runtime_error("a damaged JPEG: part of it is missing or makes no sense");
  return image;
}

Image decode_png(const std::vector<std::uint8_t>& file) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const auto fail = [&png] {
    const std::string why = png.message;
    png_image_free(&png);
    throw std::runtime_error("not a good PNG: " + why);
  };
  if (png_image_begin_read_from_memory(&png, file.data(), file.size()) == 0) fail();
  png.format = PNG_FORMAT_RGB;
  Image image(static_cast<int>(png.width), static_cast<int>(png.height), 0);
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&png, &white, image.pixels.data(), 0, nullptr) == 0) fail();
  return image;
}

bool begins_with(const std::vector<std::uint8_t>& file, const char* magic, std::size_t size) {
  return file.size() >= size && std::memcmp(file.data(), magic, size) == 0;
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + path);
  struct stat status {};
  ::fstat(file, &status);
  std::vector<std::uint8_t> content(static_cast<std::size_t>(status.st_size));
  const ssize_t got = ::read(file, content.data(), content.size());
  const int error = errno;
  ::close(file);
  if (got < 0) throw std::system_error(error, std::generic_category(), "cannot read " + path);
  content.resize(static_cast<std::size_t>(got));
  return content;
}

Image decode(const std::vector<std::uint8_t>& file, int side) {
  if (begins_with(file, "\xff\xd8", 2)) return decode_jpeg(file, side);
  if (begins_with(file, "\x89PNG", 4)) return decode_png(file);
  throw std::runtime_error("neither a JPEG nor a PNG");
}

// Each pixel is the mean of those that it stands for.
Image scaled_to_fit(const Image& image, int side) {
  const int longest = std::max(image.width, image.height);
  if (longest <= side) return image;
  Image small(std::max(1, image.width * side / longest), std::max(1, image.height * side / longest), 0);
  for (int y = 0; y < small.height; ++y) {
    const int top = y * image.height / small.height;
    const int bottom = std::max(top + 1, (y + 1) * image.height / small.height);
    for (int x = 0; x < small.width; ++x) {
      const int left = x * image.width / small.width;
      const int right = std::max(left + 1, (x + 1) * image.width / small.width);
      unsigned sums[3] = {};
      for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column)
          for (int colour = 0; colour < 3; ++colour) sums[colour] += image.at(column, row)[colour];
      const auto count = static_cast<unsigned>((bottom - top) * (right - left));
      for (int colour = 0; colour < 3; ++colour)
        small.at(x, y)[colour] = static_cast<std::uint8_t>(sums[colour] / count);
    }
  }
  return small;
}

void write_png(const Image& image, const std::string& path) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&png, path.c_str(), 0, image.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error("cannot write " + path + ": " + png.message);
}
