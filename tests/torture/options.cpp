#include "options.hpp"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include "torture.hpp"

namespace procyon::torture {

namespace {

template <class Number>
Number number_in(std::string_view option, std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < Number{})
    throw std::invalid_argument(std::string(option) + " wants a number, not \"" + std::string(text) + "\"");
  return number;
}

std::vector<std::string> structures_in(std::string_view text) {
  std::vector<std::string> known;
  for (const Structure& structure : all_structures()) known.emplace_back(structure.name);
  if (text == "all") return known;
  if (std::find(known.begin(), known.end(), text) != known.end()) return {std::string(text)};
  std::string list;
  for (const std::string& name : known) list += name + ", ";
  throw std::invalid_argument("--structure is one of " + list + "all, not \"" + std::string(text) + "\"");
}

void take(Options& options, std::string_view option, std::string_view text) {
  if (option == "--minutes")
    options.minutes = number_in<double>(option, text);
  else if (option == "--kills")
    options.kills = number_in<std::uint64_t>(option, text);
  else if (option == "--kills-per-second")
    options.kills_per_second = number_in<unsigned>(option, text);
  else if (option == "--producers")
    options.producers = number_in<unsigned>(option, text);
  else if (option == "--consumers")
    options.consumers = number_in<unsigned>(option, text);
  else if (option == "--seed")
    options.seed = number_in<std::uint64_t>(option, text);
  else if (option == "--structure")
    options.structures = structures_in(text);
  else
    throw std::invalid_argument("there is no option \"" + std::string(option) + "\"");
}

std::uint64_t seed_from_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_nsec) | 1;
}

}  // namespace

const char* usage() {
  return R"(procyon_torture: kills processes that use a structure, at random moments, and replaces them.

  --structure NAME       queue (default), lock, semaphore, condition, barrier, event, pool, pool-mixed, or all
  --minutes N            how long each structure is tortured (1)
  --kills N              or until so many were killed, if that is sooner
  --kills-per-second N   100, of a pool 10; 0: none
  --producers N          4; other structures have as many processes as both together
  --consumers N          4; the workers of a pool
  --seed N               of the moments and the victims; told at the start
)";
}

Options parse_options(int count, char** arguments) {
  Options options;
  options.structures = structures_in("queue");
  for (int index = 1; index < count; index += 2) {
    if (index + 1 == count)
      throw std::invalid_argument(std::string(arguments[index]) + " wants a value behind it");
    take(options, arguments[index], arguments[index + 1]);
  }
  if (options.producers == 0 || options.consumers == 0 ||
      options.producers + options.consumers > most_workers)
    throw std::invalid_argument("at least one producer and one consumer, and no more than " +
                                std::to_string(most_workers) + " in all");
  if (options.seed == 0) options.seed = seed_from_clock();
  return options;
}

}  // namespace procyon::torture
