// Prices options on shares by drawing millions of paths on all cores, and shows how much faster that is than one process.
#include <fmt/core.h>
#include <getopt.h>
#include <procyon/procyon.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "model.hpp"

namespace mp = procyon;

namespace {

struct Options {
  std::string prices = "/usr/share/matplotlib/mpl-data/sample_data/Stocks.csv";
  std::vector<std::string> shares = {"IBM", "AAPL", "MSFT", "AMZN"};
  int processes = 0;
  std::uint64_t paths = 400'000;  // for each share
};

constexpr std::uint64_t block_paths = 4096;

// What each task gets, one vector an argument.
struct Blocks {
  std::vector<Option> options;
  std::vector<std::uint64_t> seeds;
  std::vector<std::uint64_t> paths;
};

Blocks blocks_for(const std::vector<Option>& options, std::uint64_t paths) {
  Blocks blocks;
  for (const Option& option : options) {
    for (std::uint64_t begun = 0; begun < paths; begun += block_paths) {
      blocks.options.push_back(option);
      blocks.seeds.push_back(blocks.seeds.size() + 1);
      blocks.paths.push_back(std::min(block_paths, paths - begun));
    }
  }
  return blocks;
}

struct Result {
  std::vector<Sums> sums;  // of each block
  double seconds;
};

template <class Work>
Result timed(Work work) {
  const auto start = std::chrono::steady_clock::now();
  Result result{work(), 0};
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Result with_pool(const Blocks& blocks, int processes) {
  mp::Pool pool({.processes = processes});
  return timed([&] { return pool.map(price_block, blocks.options, blocks.seeds, blocks.paths); });
}

Result alone(const Blocks& blocks) {
  return timed([&] {
    std::vector<Sums> sums;
    for (std::size_t block = 0; block < blocks.seeds.size(); ++block)
      sums.push_back(price_block(blocks.options[block], blocks.seeds[block], blocks.paths[block]));
    return sums;
  });
}

bool same(const Result& a, const Result& b) {
  for (std::size_t block = 0; block < a.sums.size(); ++block)
    if (a.sums[block].asian != b.sums[block].asian || a.sums[block].european != b.sums[block].european)
      return false;
  return a.sums.size() == b.sums.size();
}

void print_prices(const std::vector<std::string>& shares, const std::vector<Option>& options,
                  const Result& result) {
  fmt::print("{:<6} {:>10} {:>10} {:>20} {:>12} {:>20}\n", "share", "price", "volatility", "call in a year",
             "by formula", "on the mean");
  const std::size_t per_share = result.sums.size() / shares.size();
  for (std::size_t share = 0; share < shares.size(); ++share) {
    Sums sums;
    for (std::size_t block = 0; block < per_share; ++block) sums += result.sums[share * per_share + block];
    const Estimate simple = european(sums);
    const Estimate mean = asian(sums);
    fmt::print("{:<6} {:>10.2f} {:>9.1f}% {:>11.3f} +- {:5.3f} {:>12.3f} {:>11.3f} +- {:5.3f}\n",
               shares[share], options[share].price, 100 * options[share].volatility, simple.value,
               simple.error, black_scholes(options[share]), mean.value, mean.error);
  }
}

int run(const Options& wanted) {
  std::vector<Option> options;
  for (const std::string& share : wanted.shares) {
    const std::vector<double> prices = column_of(wanted.prices, share);
    const double volatility = volatility_of(prices);
    options.push_back({prices.back(), prices.back(), 1, 0.03, volatility, 252});
  }
  const Blocks blocks = blocks_for(options, wanted.paths);
  const int most = wanted.processes == 0 ? mp::cpu_count() : wanted.processes;
  fmt::print("{} paths of 252 days for each share, in {} tasks\n\n", wanted.paths, blocks.seeds.size());

  const Result reference = alone(blocks);
  print_prices(wanted.shares, options, reference);
  fmt::print("\nno pool        {:8.3f} s\n", reference.seconds);
  for (int processes = 1; processes <= most;
       processes = processes < most ? std::min(2 * processes, most) : most + 1) {
    const Result result = with_pool(blocks, processes);
    fmt::print("{:>2} {:<11} {:8.3f} s  {:5.2f}x\n", processes, processes == 1 ? "process" : "processes",
               result.seconds, reference.seconds / result.seconds);
    if (!same(result, reference)) {
      fmt::print("The sums differ.\n");
      return 1;
    }
  }
  fmt::print("All of them to the last bit the same.\n");
  return 0;
}

[[noreturn]] void explain(int status) {
  fmt::print(status == 0 ? stdout : stderr,
             "pricing [--paths N] [--prices FILE.csv] [--processes N] [SHARE]...\n"
             "Prices options on shares whose monthly prices are columns of the file.\n");
  std::exit(status);
}

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0' || value == 0 || *text == '-') explain(2);
  return value;
}

Options parse_options(int argc, char** argv) {
  const option known[] = {{"paths", required_argument, nullptr, 'n'},
                          {"prices", required_argument, nullptr, 'f'},
                          {"processes", required_argument, nullptr, 'p'},
                          {"help", no_argument, nullptr, 'h'},
                          {}};
  Options options;
  for (int which; (which = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    if (which == 'n') options.paths = number(optarg);
    if (which == 'f') options.prices = optarg;
    if (which == 'p') options.processes = static_cast<int>(number(optarg));
    if (which == 'h') explain(0);
    if (which == '?') explain(2);
  }
  if (optind < argc) options.shares.assign(argv + optind, argv + argc);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_options(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "pricing: {}\n", error.what());
    return 1;
  }
}
