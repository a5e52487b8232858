// The last lines that a worker wrote to its stderr, kept in a file without a name.
//
//   LastWords words;                               // the master makes it, and sends words.file() to the worker
//   become_stderr(file);                           // in the worker: descriptor 2 is that file from now on
//   words.trim();                                  // now and then
//   std::string lines = words.lines();             // when it has ended
//
// A file, because it never blocks its writer, outlives it, and holds what was written until the very last
// instruction; a pipe blocks a worker that writes more than is read, and kills it when its reader is gone. The file
// is appended to and never cut: trim() gives the pages back that lie before the last 64 KiB, so what is written
// meanwhile goes on behind. So a worker that writes much holds what it writes between two trims, and no more.
#pragma once

#include <cstddef>
#include <string>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::pool {

class LastWords {
 public:
  /// Throws std::system_error.
  LastWords();

  [[nodiscard]] const os::Descriptor& file() const { return file_; }
  void trim();
  /// The last lines: at most 20, and 4 KiB. What is not text is replaced.
  [[nodiscard]] std::string lines() const;

 private:
  os::Descriptor file_;
  std::size_t trimmed_ = 0;  // bytes at the beginning that were given back
};

/// Makes `file` this process's stderr. Throws std::system_error.
void become_stderr(int file);

}  // namespace procyon::pool
