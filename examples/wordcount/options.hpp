// The command line.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

struct Options {
  std::string directory = "/usr/include";
  int processes = 0;  // zero: as many as there are cores
  std::size_t top = 10;
  bool poison = false;
  std::chrono::milliseconds timeout{2000};  // for one file
  int retries = 0;                          // of a file that takes its process down
  std::string trace = {};                   // a file; empty: none
  bool baseline = true;
};

// Ends the program after --help, and after a mistake, which it names.
Options parse_options(int argc, char** argv);
