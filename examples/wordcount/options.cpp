#include "options.hpp"

#include <fmt/core.h>
#include <getopt.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace {

constexpr std::string_view usage =
    R"(Counts the words of every file beneath a directory, with a pool of processes.

wordcount [OPTION]... [DIR]      DIR is /usr/include unless it is given

  --processes N    workers; as many as there are cores unless it is given
  --top K          print the K most frequent words (10)
  --poison         one file in a hundred crashes its worker, ends it, hangs, or throws
  --timeout S      seconds that one file may take (2)
  --retries N      times that a file which took its process down is tried again (0)
  --trace FILE     write what ran when on which worker, for https://ui.perfetto.dev or timeline.py
  --no-baseline    do not count again in one process to compare time and result
)";

[[noreturn]] void refuse(const std::string& why) {
  fmt::print(stderr, "wordcount: {}\nwordcount --help says what there is.\n", why);
  std::exit(2);
}

template <class Number>
Number number(const char* option, std::string_view text, Number least) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least)) {
    refuse(fmt::format("--{} wants a number from {} up, not \"{}\"", option, least, text));
  }
  return value;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  enum { processes = 1, top, poison, timeout, retries, trace, no_baseline, help };
  const option known[] = {{"processes", required_argument, nullptr, processes},
                          {"top", required_argument, nullptr, top},
                          {"poison", no_argument, nullptr, poison},
                          {"timeout", required_argument, nullptr, timeout},
                          {"retries", required_argument, nullptr, retries},
                          {"trace", required_argument, nullptr, trace},
                          {"no-baseline", no_argument, nullptr, no_baseline},
                          {"help", no_argument, nullptr, help},
                          {}};
  Options options;
  for (int which; (which = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (which) {
      case processes:
        options.processes = number("processes", optarg, 1);
        break;
      case top:
        options.top = number<std::size_t>("top", optarg, 0);
        break;
      case poison:
        options.poison = true;
        break;
      case timeout:
        options.timeout = std::chrono::milliseconds(std::llround(1000 * number("timeout", optarg, 0.001)));
        break;
      case retries:
        options.retries = number("retries", optarg, 0);
        break;
      case trace:
        options.trace = optarg;
        break;
      case no_baseline:
        options.baseline = false;
        break;
      case help:
        fmt::print("{}", usage);
        std::exit(0);
      default:
        std::exit(2);  // getopt has said what is wrong
    }
  }
  if (argc - optind > 1) refuse("there can be only one directory");
  if (optind < argc) options.directory = argv[optind];
  return options;
}
