// Names for the addresses of a crash: "parse(std::string const&) at parser.cpp:17".
//
//   Symbols symbols;
//   for (const std::string& line : symbols.describe(*crash)) ...
//
// By libdw of elfutils, which is looked for when the first crash is described, and let go again: whoever uses this
// library need not link it, nor have it. Without it, or without debug information, a line says less:
// "parse(std::string const&) in /usr/bin/reader", or the file and the place in it, which addr2line understands.
//
// What it has found it keeps: a program that crashes at one place again and again is not read each time. One thread.
// The first look at a large program takes some ten milliseconds.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pool/crash_record.hpp"

namespace procyon::pool {

class Symbols {
 public:
  /// A line for each function that was running, also for those that the compiler made part of others; up to the one
  /// that the pool called. Never throws but std::bad_alloc.
  std::vector<std::string> describe(const Crash& crash);

 private:
  using Place = std::pair<std::string, std::uint64_t>;
  std::map<Place, std::vector<std::string>> known_;
};

}  // namespace procyon::pool
