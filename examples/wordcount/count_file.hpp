// The task: one file.
#pragma once

#include <cstdint>
#include <string>

#include "word_counts.hpp"

struct FileCounts {
  WordCounts words;
  std::uint64_t bytes = 0;
  bool binary = false;  // a zero byte near its beginning: its words are not counted
};

// Throws std::system_error if the file cannot be read.
FileCounts count_file(const std::string& path);

// The same, but one file in a hundred, chosen by its path, is poison: it crashes the process that counts it, ends it,
// hangs, or throws.
FileCounts count_file_or_poison(const std::string& path);

// The file's content.
std::string read_file(const std::string& path);
