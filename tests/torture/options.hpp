// What the torture program is asked to do; see README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace procyon::torture {

struct Options {
  double minutes = 1;
  std::uint64_t kills = 0;                   // ends the run of a structure early, if not 0
  std::optional<unsigned> kills_per_second;  // as the structure has it, if not said
  unsigned producers = 4;
  unsigned consumers = 4;
  std::uint64_t seed = 0;  // 0: taken from the clock, and told
  std::vector<std::string> structures;
};

/// Throws std::invalid_argument, with a sentence, for what it does not know.
Options parse_options(int count, char** arguments);

/// The text of --help.
const char* usage();

}  // namespace procyon::torture
