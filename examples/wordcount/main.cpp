// Counts the words of every file beneath a directory with a pool of processes: one task a file, so that a file that
// takes its process down costs exactly itself.
#include <fmt/core.h>
#include <fmt/format.h>
#include <procyon/procyon.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "count_file.hpp"
#include "options.hpp"

namespace mp = procyon;

namespace {

struct BadFile {
  std::string path;
  std::string type;
  std::string what;
};

struct Count {
  WordCounts words;
  std::uint64_t bytes = 0;
  std::size_t binary = 0;
  std::vector<std::string> good;
  std::vector<BadFile> bad;
  double seconds = 0;
  std::string stats;

  void add(const std::string& path, const FileCounts& file) {
    words.merge(file.words);
    bytes += file.bytes;
    binary += file.binary ? 1 : 0;
    good.push_back(path);
  }
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

std::vector<std::string> files_beneath(const std::string& directory) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(directory, fs::directory_options::skip_permission_denied)) {
    if (!entry.is_symlink() && entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The whole of it, as far as Procyon is concerned. Files go to the workers in chunks of a millisecond of work, since most are
// small; what becomes of each is still its own.
Count count_in_pool(const std::vector<std::string>& files, const Options& options) {
  Count count;
  const Stopwatch watch;
  mp::Pool pool({.processes = options.processes, .trace = !options.trace.empty()});
  const auto task = options.poison ? count_file_or_poison : count_file;
  auto file = files.begin();
  for (const auto& outcome : mp::progress(
           {.unit = "file"},
           pool.imap_outcomes({.timeout = options.timeout, .retries = options.retries}, task, files))) {
    if (outcome) {
      count.add(*file, *outcome);
    } else {
      count.bad.push_back({*file, outcome.error().type(), outcome.error().what()});
    }
    ++file;
  }
  count.seconds = watch.seconds();
  if (!options.trace.empty()) {
    pool.trace(options.trace);
    count.stats = to_string(pool.stats());
  }
  return count;
}

// The same tasks, one after the other, in this process.
Count count_alone(const std::vector<std::string>& files) {
  Count count;
  const Stopwatch watch;
  for (const auto& file : files) count.add(file, count_file(file));
  count.seconds = watch.seconds();
  return count;
}

// So that both counts find the files in memory.
void read_all(const std::vector<std::string>& files) {
  for (const auto& file : files) {
    try {
      read_file(file);
    } catch (const std::system_error&) {
      // The pool will report it.
    }
  }
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

void print_words(const Count& count, std::size_t top) {
  for (const auto& [word, times] : count.words.top(top)) fmt::print("{:>14}  {}\n", grouped(times), word);
  fmt::print("\n{} words, {} different, in {} files; {} binary files skipped\n", grouped(count.words.total()),
             grouped(count.words.different()), grouped(count.good.size() - count.binary),
             grouped(count.binary));
}

void print_bad(const std::vector<BadFile>& bad) {
  if (bad.empty()) return;
  std::size_t width = 0;
  for (const auto& file : bad) width = std::max(width, file.path.size());
  fmt::print("\n{} files could not be counted:\n", grouped(bad.size()));
  for (const auto& file : bad) fmt::print("  {:<{}}  {}: {}\n", file.path, width, file.type, file.what);
}

void print_speed(std::string_view who, const Count& count, std::size_t files) {
  fmt::print("{:<14} {:8.3f} s {:>10} files/s {:8.1f} MB/s\n", who, count.seconds,
             grouped(static_cast<std::uint64_t>(static_cast<double>(files) / count.seconds)),
             static_cast<double>(count.bytes) / 1e6 / count.seconds);
}

int run(Options options) {
  if (options.processes == 0) options.processes = mp::cpu_count();
  const auto files = files_beneath(options.directory);
  fmt::print("{} files beneath {}, {} processes{}\n", grouped(files.size()), options.directory,
             options.processes, options.poison ? ", one file in a hundred poisoned" : "");
  std::fflush(stdout);
  if (options.baseline) read_all(files);

  const Count count = count_in_pool(files, options);
  print_words(count, options.top);
  print_bad(count.bad);

  if (!count.stats.empty()) fmt::print("\n{}", count.stats);
  fmt::print("\n");
  print_speed(fmt::format("{} processes", options.processes), count, files.size());
  if (!options.baseline) return 0;
  const Count alone = count_alone(count.good);
  print_speed("one process", alone, count.good.size());
  // Files that hang are waited for: with poison, times say nothing.
  if (!options.poison) fmt::print("speed-up       {:8.2f}x\n", alone.seconds / count.seconds);
  if (alone.words != count.words) {
    fmt::print("The two counts differ.\n");
    return 1;
  }
  fmt::print("Both counted the same words{}.\n",
             count.bad.empty() ? "" : " in the files that could be counted");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_options(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "wordcount: {}\n", error.what());
    return 1;
  }
}
