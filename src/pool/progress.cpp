#include "procyon/progress.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace procyon {
namespace {

constexpr std::chrono::milliseconds draw_interval{100};
constexpr std::size_t default_columns = 80;
constexpr std::size_t smallest_bar = 5;  // below this many columns a bar says nothing

bool says_utf8(std::string_view locale) {
  const auto dot = locale.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view codeset = locale.substr(dot + 1);
  return codeset.starts_with("UTF-8") || codeset.starts_with("utf8") || codeset.starts_with("utf-8");
}

// The environment and not the C locale, which stays "C" in a program that never calls setlocale().
bool terminal_speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return says_utf8(value);
  }
  return false;
}

std::size_t terminal_columns(std::FILE* file) {
  winsize size{};
  if (::ioctl(::fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return default_columns;
  return size.ws_col;
}

bool is_continuation_byte(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// Columns on the terminal: one per code point, which is true of everything a bar itself draws.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return !is_continuation_byte(byte); }));
}

void cut_to_columns(std::string& text, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    if (!is_continuation_byte(text[end]) && seen++ == columns) break;
  }
  text.resize(end);
}

// 83 -> "01:23", 3723 -> "1:02:03"
std::string clock_time(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 3.6e9));
  if (whole < 3600) return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

// Per second, or seconds for one where that is slower: "1.25M it/s", "36.5 it/s", "2.10 s/it"
std::string rate_text(double per_second, const std::string& unit) {
  if (per_second <= 0) return fmt::format("? {}/s", unit);
  if (per_second < 1) return fmt::format("{:.2f} s/{}", 1 / per_second, unit);
  if (per_second < 1e4) return fmt::format("{:.1f} {}/s", per_second, unit);
  if (per_second < 1e6) return fmt::format("{:.1f}k {}/s", per_second / 1e3, unit);
  return fmt::format("{:.2f}M {}/s", per_second / 1e6, unit);
}

std::string bar_text(double fraction, std::size_t columns, bool utf8) {
  const auto eighths = static_cast<std::size_t>(fraction * static_cast<double>(columns * 8));
  std::string bar;
  for (std::size_t column = 0; column < columns; ++column) {
    const std::size_t filled = std::min<std::size_t>(eighths - std::min(eighths, column * 8), 8);
    if (!utf8) {
      bar += filled == 8 ? '#' : ' ';
    } else if (filled == 0) {
      bar += ' ';
    } else {
      bar += "\xE2\x96";  // U+2588 (full block) down from U+258F (one eighth)
      bar += static_cast<char>(0x90 - static_cast<int>(filled));
    }
  }
  return bar;
}

}  // namespace

ProgressBar::ProgressBar(ProgressOptions options)
    : options_(std::move(options)),
      file_(options_.file != nullptr ? options_.file : stderr),
      owner_(::getpid()),
      visible_(::isatty(::fileno(file_)) == 1),
      utf8_(terminal_speaks_utf8()),
      start_(Clock::now()) {
  if (visible_) draw(start_);
}

ProgressBar::~ProgressBar() {
  if (!visible_ || ::getpid() != owner_) return;
  if (options_.leave) {
    draw(Clock::now());
    write("\n");
  } else {
    write(fmt::format("\r{:{}}\r", "", drawn_columns_));
  }
}

void ProgressBar::advance(std::size_t finished, std::size_t failed) noexcept {
  finished_.fetch_add(finished, std::memory_order_relaxed);
  if (failed != 0) failed_.fetch_add(failed, std::memory_order_relaxed);
  if (!visible_) return;
  const auto now = Clock::now();
  if (now.time_since_epoch().count() >= next_draw_.load(std::memory_order_relaxed) && ::getpid() == owner_)
    draw(now);
}

void ProgressBar::draw(Clock::time_point now) noexcept try {
  const std::unique_lock lock(drawing_);
  next_draw_.store((now + draw_interval).time_since_epoch().count(), std::memory_order_relaxed);
  const std::size_t finished = finished_.load(std::memory_order_relaxed);
  const std::size_t failed = failed_.load(std::memory_order_relaxed);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = elapsed > 0 ? static_cast<double>(finished) / elapsed : 0;
  // A total that turns out too small (the range grew) is no total.
  const std::size_t total = options_.total.value_or(0);
  const bool bounded = total > 0 && finished <= total;

  std::string left = options_.description.empty() ? "" : options_.description + ": ";
  std::string right = fmt::format("{} [{}", finished, clock_time(elapsed));
  if (bounded) {
    const auto remaining = rate > 0 ? clock_time(static_cast<double>(total - finished) / rate) : "?";
    right = fmt::format("{}/{} [{}<{}", finished, total, clock_time(elapsed), remaining);
  }
  right += ", " + rate_text(rate, options_.unit);
  if (failed > 0) right += fmt::format(", {} failed", failed);
  right += "]";

  // Not the last column: some terminals would begin a new line there.
  const std::size_t columns = std::max<std::size_t>(terminal_columns(file_), 2) - 1;
  if (bounded) {
    const double fraction = static_cast<double>(finished) / static_cast<double>(total);
    left += fmt::format("{:3.0f}% ", std::floor(fraction * 100));
    const std::size_t used = columns_of(left) + columns_of(right) + 2;
    if (used + smallest_bar <= columns) {
      left.back() = '|';
      left += fmt::format("{}| ", bar_text(fraction, columns - used, utf8_));
    }
  }
  std::string line = left + right;
  cut_to_columns(line, columns);

  const std::size_t before = std::min(drawn_columns_, columns);
  drawn_columns_ = columns_of(line);
  write(fmt::format("\r{}{:{}}", line, "", before - std::min(before, drawn_columns_)));
} catch (...) {
  // No memory for a line of text: the work goes on without it.
}

// One call, so that what other processes write to the same terminal falls between two lines and not into one.
void ProgressBar::write(const std::string& text) noexcept {
  std::fwrite(text.data(), 1, text.size(), file_);
  std::fflush(file_);
}

}  // namespace procyon
