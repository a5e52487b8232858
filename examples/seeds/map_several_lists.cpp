// map() takes one list for each argument of the function, and ends with the shortest.
#include <fmt/ranges.h>

#include <procyon/procyon.hpp>

namespace mp = procyon;

std::string text(int x) { return std::to_string(x); }
std::tuple<int, int> two(int x, int y) { return {x, y}; }
std::tuple<int, int, int> three(int x, int y, int z) { return {x, y, z}; }

int main() {
  const std::vector a = {1, 2, 3, 4, 5};
  const std::vector b = {6, 7, 8, 9, 10};
  const std::vector c = {11, 12, 13};
  mp::Pool pool({.processes = 2});
  fmt::print("{}\n", pool.map(text, a));
  fmt::print("{}\n", pool.map(two, a, b));
  fmt::print("{}\n", pool.map(three, a, b, c));
}
