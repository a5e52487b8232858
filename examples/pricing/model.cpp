#include "model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

namespace {

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

Estimate estimate(std::uint64_t paths, double sum, double squares) {
  const auto count = static_cast<double>(paths);
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean) / count)};
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

Sums& Sums::operator+=(const Sums& other) {
  paths += other.paths;
  european += other.european;
  european_squares += other.european_squares;
  asian += other.asian;
  asian_squares += other.asian_squares;
  return *this;
}

Estimate european(const Sums& sums) { return estimate(sums.paths, sums.european, sums.european_squares); }
Estimate asian(const Sums& sums) { return estimate(sums.paths, sums.asian, sums.asian_squares); }

Sums price_block(const Option& option, std::uint64_t seed, std::uint64_t paths) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const double step = option.years / option.steps;
  const double drift = (option.rate - option.volatility * option.volatility / 2) * step;
  const double spread = option.volatility * std::sqrt(step);
  const double discount = std::exp(-option.rate * option.years);
  Sums sums;
  sums.paths = paths;
  for (std::uint64_t path = 0; path < paths; ++path) {
    double price = option.price;
    double total = 0;
    for (int each = 0; each < option.steps; ++each) {
      price *= std::exp(drift + spread * normal(random));
      total += price;
    }
    const double by_last = discount * std::max(0.0, price - option.strike);
    const double by_mean = discount * std::max(0.0, total / option.steps - option.strike);
    sums.european += by_last;
    sums.european_squares += by_last * by_last;
    sums.asian += by_mean;
    sums.asian_squares += by_mean * by_mean;
  }
  return sums;
}

double black_scholes(const Option& option) {
  const double spread = option.volatility * std::sqrt(option.years);
  const double d1 = (std::log(option.price / option.strike) +
                     (option.rate + option.volatility * option.volatility / 2) * option.years) /
                    spread;
  return option.price * normal_cdf(d1) -
         option.strike * std::exp(-option.rate * option.years) * normal_cdf(d1 - spread);
}

double volatility_of(const std::vector<double>& monthly_prices) {
  if (monthly_prices.size() < 3) throw std::runtime_error("too few prices to tell how much they vary");
  double sum = 0;
  double squares = 0;
  const auto count = static_cast<double>(monthly_prices.size() - 1);
  for (std::size_t month = 1; month < monthly_prices.size(); ++month) {
    const double change = std::log(monthly_prices[month] / monthly_prices[month - 1]);
    sum += change;
    squares += change * change;
  }
  return std::sqrt((squares - sum * sum / count) / (count - 1) * 12);
}

std::vector<double> column_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<double> values;
  std::size_t column = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string> fields = fields_of(line);
    if (column == 0) {
      column = static_cast<std::size_t>(std::find(fields.begin(), fields.end(), name) - fields.begin());
      if (column == 0 || column == fields.size())
        throw std::runtime_error(fmt::format("there is no column {} in {}", name, path));
    } else if (column < fields.size() && !fields[column].empty()) {
      values.push_back(std::stod(fields[column]));
    }
  }
  return values;
}
