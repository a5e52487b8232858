// Options on shares, priced by drawing paths of the share's price.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// The right to buy a share for `strike` in `years`. The Asian option pays by the mean of the prices on `steps` days instead
// of the last; for it there is no formula.
struct Option {
  double price;  // of the share today
  double strike;
  double years;
  double rate;        // of interest, a year
  double volatility;  // a year
  int steps;
};

// What many paths add up to. Sums of blocks can be added, in any order, for any number of processes.
struct Sums {
  std::uint64_t paths = 0;
  double european = 0, european_squares = 0;
  double asian = 0, asian_squares = 0;

  Sums& operator+=(const Sums& other);
};

struct Estimate {
  double value;
  double error;  // standard error
};
Estimate european(const Sums& sums);
Estimate asian(const Sums& sums);

// The task: so many paths, drawn from a generator of this seed. The same block has the same sums wherever it runs.
Sums price_block(const Option& option, std::uint64_t seed, std::uint64_t paths);

// The formula of Black and Scholes, for the European option.
double black_scholes(const Option& option);

// Of monthly prices: how much a year's return varies.
double volatility_of(const std::vector<double>& monthly_prices);

// One column of a table of comma-separated values, "Date,IBM,AAPL,...", without the fields that are empty. Throws
// std::runtime_error if there is no such file or column.
std::vector<double> column_of(const std::string& path, const std::string& name);
