#include "process/log.hpp"

#include <errno.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>
#include <mutex>
#include <string>
#include <utility>

#include "process/state.hpp"

namespace procyon::process {

namespace {

// All parts by one system call, so that lines of different processes do not mix.
void write_line(std::initializer_list<std::string_view> parts) noexcept {
  iovec pieces[6];
  int count = 0;
  for (const std::string_view part : parts) pieces[count++] = {const_cast<char*>(part.data()), part.size()};
  const int saved = errno;
  while (::writev(STDERR_FILENO, pieces, count) < 0 && errno == EINTR) {
  }
  errno = saved;
}

constexpr std::pair<LogLevel, spdlog::level::level_enum> levels[] = {{LogLevel::debug, spdlog::level::debug},
                                                                     {LogLevel::info, spdlog::level::info},
                                                                     {LogLevel::warning, spdlog::level::warn},
                                                                     {LogLevel::error, spdlog::level::err},
                                                                     {LogLevel::off, spdlog::level::off}};

spdlog::level::level_enum to_spdlog(LogLevel level) { return levels[static_cast<std::size_t>(level)].second; }

// As Python names them.
std::string_view name_of_level(spdlog::level::level_enum level) {
  constexpr std::string_view names[] = {"TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"};
  return names[static_cast<std::size_t>(level)];
}

// "[INFO/calc-1] text", or as a pattern that its user has set says. No lock on the usual way: a process may be forked
// while another thread logs.
class StderrSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    if (has_pattern_.load(std::memory_order_acquire)) return log_by_pattern(message);
    write_line(
        {"[", name_of_level(message.level), "/", State::current().name(), "] ", std::string(text) + "\n"});
  }
  void flush() override {}
  void set_pattern(const std::string& pattern) override {
    set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern));
  }
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    const std::lock_guard lock(mutex_);
    formatter_ = std::move(formatter);
    has_pattern_.store(true, std::memory_order_release);
  }

 private:
  void log_by_pattern(const spdlog::details::log_msg& message) {
    const std::lock_guard lock(mutex_);
    spdlog::memory_buf_t buffer;
    formatter_->format(message, buffer);
    write_line({std::string_view(buffer.data(), buffer.size())});
  }

  std::mutex mutex_;
  std::unique_ptr<spdlog::formatter> formatter_;
  std::atomic<bool> has_pattern_{false};
};

// Set with the first request for it, and never destroyed: children may log while the program ends.
constinit std::atomic<spdlog::logger*> known_logger{nullptr};
constinit std::atomic<bool> writes_to_stderr{false};

const std::shared_ptr<spdlog::logger>& logger() {
  static const auto* const made = [] {
    // The sink is there from the start, and off: the list of sinks must not change while others log.
    auto sink = std::make_shared<StderrSink>();
    sink->set_level(spdlog::level::off);
    auto* holder =
        new std::shared_ptr<spdlog::logger>(std::make_shared<spdlog::logger>("procyon", std::move(sink)));
    known_logger.store(holder->get(), std::memory_order_release);
    return holder;
  }();
  return *made;
}

constexpr std::uint32_t to_stderr_bit = 0x100;

}  // namespace

bool logs(LogLevel level) noexcept {
  const spdlog::logger* known = known_logger.load(std::memory_order_acquire);
  if (known == nullptr || !known->should_log(to_spdlog(level))) return false;
  return writes_to_stderr.load(std::memory_order_relaxed) || known->sinks().size() > 1;
}

void log(LogLevel level, std::string_view sentence) noexcept {
  if (logs(level)) logger()->log(to_spdlog(level), spdlog::string_view_t(sentence.data(), sentence.size()));
}

void warn(std::string_view sentence) noexcept {
  if (logs(LogLevel::warning))
    log(LogLevel::warning, sentence);
  else
    write_line({"procyon: warning: ", sentence, "\n"});
}

void report(std::string_view line) noexcept { write_line({line, "\n"}); }

std::uint32_t logging_of_this_process() noexcept {
  const spdlog::logger* known = known_logger.load(std::memory_order_acquire);
  if (known == nullptr) return 0;
  const auto level = static_cast<std::uint32_t>(known->level()) + 1;
  return level | (writes_to_stderr.load() ? to_stderr_bit : 0);
}

void log_as_parent(std::uint32_t logging) {
  if (logging == 0) return;
  if ((logging & to_stderr_bit) != 0) log_to_stderr();
  logger()->set_level(static_cast<spdlog::level::level_enum>((logging & 0xff) - 1));
}

void log_as_environment_says() {
  const char* text = ::secure_getenv("PROCYON_LOG");
  if (text == nullptr || *text == '\0') return;
  constexpr std::pair<std::string_view, LogLevel> names[] = {{"debug", LogLevel::debug},
                                                             {"info", LogLevel::info},
                                                             {"warning", LogLevel::warning},
                                                             {"error", LogLevel::error},
                                                             {"off", LogLevel::off}};
  for (const auto& [name, level] : names)
    if (name == text) return log_to_stderr(level);
  write_line(
      {"procyon: warning: PROCYON_LOG is '", text, "'; it may be debug, info, warning, error or off\n"});
}

}  // namespace procyon::process

namespace procyon {

void log_to_stderr(LogLevel level) {
  const auto& logger = process::logger();
  logger->set_level(process::to_spdlog(level));
  logger->sinks().front()->set_level(spdlog::level::trace);
  process::writes_to_stderr.store(true);
}

std::shared_ptr<spdlog::logger> get_logger() { return process::logger(); }

}  // namespace procyon
