// A contact sheet of all pictures beneath a directory: one task a picture, so that a file that crashes its decoder, or
// keeps it busy for ever, costs exactly itself.
#include <fmt/core.h>
#include <getopt.h>
#include <procyon/procyon.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "comment.hpp"
#include "image.hpp"

namespace mp = procyon;
namespace fs = std::filesystem;

namespace {

struct Options {
  std::string directory = "/usr/share/doc/imagemagick-6-common/html";
  std::string sheet = "contactsheet.png";
  int processes = 0;
  int side = 96;
  std::chrono::milliseconds timeout{2000};
};

struct Thumbnail {
  Image image;
  std::string comment;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(image.width, image.height, image.pixels, comment);
  }
};

// The task.
Thumbnail thumbnail_of(int side, const std::string& path) {
  const std::vector<std::uint8_t> file = read_file(path);
  std::string comment = trusting_comment_of(file);
  return {scaled_to_fit(decode(file, side), side), std::move(comment)};
}

std::vector<std::string> pictures_beneath(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(directory, fs::directory_options::skip_permission_denied)) {
    const std::string ending = entry.path().extension().string();
    if (entry.is_regular_file() && (ending == ".png" || ending == ".jpg" || ending == ".jpeg"))
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A grid of cells, row by row.
class Sheet {
 public:
  Sheet(std::size_t count, int side)
      : side_(side),
        columns_(std::max(1, static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count)))))),
        image_(columns_ * (side + gap) + gap,
               static_cast<int>((count + static_cast<std::size_t>(columns_) - 1) /
                                static_cast<std::size_t>(columns_)) *
                       (side + gap) +
                   gap,
               48) {}

  void put(std::size_t cell, const Image& picture) {
    const auto [left, top] = place_of(cell);
    for (int y = 0; y < picture.height; ++y)
      std::copy_n(picture.at(0, y), 3 * picture.width,
                  image_.at(left + (side_ - picture.width) / 2, top + (side_ - picture.height) / 2 + y));
  }
  // For one that could not be decoded.
  void cross_out(std::size_t cell) {
    const auto [left, top] = place_of(cell);
    for (int step = 0; step < side_; ++step)
      for (const int x : {step, side_ - 1 - step}) image_.at(left + x, top + step)[0] = 255;
  }
  const Image& image() const { return image_; }

 private:
  static constexpr int gap = 6;
  std::pair<int, int> place_of(std::size_t cell) const {
    const int index = static_cast<int>(cell);
    return {gap + index % columns_ * (side_ + gap), gap + index / columns_ * (side_ + gap)};
  }

  int side_;
  int columns_;
  Image image_;
};

int run(const Options& options) {
  const std::vector<std::string> files = pictures_beneath(options.directory);
  fmt::print("{} pictures beneath {}\n", files.size(), options.directory);
  Sheet sheet(files.size(), options.side);
  std::vector<std::string> bad;
  std::size_t with_comment = 0;
  const auto start = std::chrono::steady_clock::now();
  mp::Pool pool({.processes = options.processes});
  std::size_t cell = 0;
  for (const auto& outcome : mp::progress(
           {.unit = "picture"}, pool.imap_outcomes({.timeout = options.timeout},
                                                   mp::partial(thumbnail_of, options.side), files))) {
    if (outcome) {
      sheet.put(cell, outcome->image);
      with_comment += outcome->comment.empty() ? 0 : 1;
    } else {
      sheet.cross_out(cell);
      bad.push_back(fmt::format("{}  {}: {}", files[cell], outcome.error().type(), outcome.error().what()));
    }
    ++cell;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_png(sheet.image(), options.sheet);
  fmt::print("{} of them on {} ({} with a comment), {:.0f} pictures/s\n", files.size() - bad.size(),
             options.sheet, with_comment, static_cast<double>(files.size()) / seconds);
  if (!bad.empty()) fmt::print("\n{} could not be decoded, and are crossed out:\n", bad.size());
  for (const std::string& each : bad) fmt::print("  {}\n", each);
  return 0;
}

[[noreturn]] void explain(int status) {
  fmt::print(status == 0 ? stdout : stderr,
             "contactsheet [--output FILE.png] [--processes N] [--side PIXELS] [--timeout SECONDS] [DIR]\n"
             "A contact sheet of every JPEG and PNG beneath DIR.\n");
  std::exit(status);
}

double number(const char* text, double least) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least)) explain(2);
  return value;
}

Options parse_options(int argc, char** argv) {
  const option known[] = {
      {"output", required_argument, nullptr, 'o'}, {"processes", required_argument, nullptr, 'p'},
      {"side", required_argument, nullptr, 's'},   {"timeout", required_argument, nullptr, 't'},
      {"help", no_argument, nullptr, 'h'},         {}};
  Options options;
  for (int which; (which = ::getopt_long(argc, argv, "o:", known, nullptr)) != -1;) {
    if (which == 'o') options.sheet = optarg;
    if (which == 'p') options.processes = static_cast<int>(number(optarg, 1));
    if (which == 's') options.side = static_cast<int>(number(optarg, 8));
    if (which == 't') options.timeout = std::chrono::milliseconds(std::llround(1000 * number(optarg, 0.001)));
    if (which == 'h') explain(0);
    if (which == '?') explain(2);
  }
  if (argc - optind > 1) explain(2);
  if (optind < argc) options.directory = argv[optind];
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_options(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "contactsheet: {}\n", error.what());
    return 1;
  }
}
