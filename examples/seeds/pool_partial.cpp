// partial() fixes the first arguments; map() gives the last one.
#include <fmt/ranges.h>

#include <procyon/procyon.hpp>

namespace mp = procyon;

int func(int a, int b, int c) { return 100 * a + 10 * b + c; }

int main() {
  mp::Pool pool(4);
  const std::vector cs = {3, 4, 5, 6};
  const auto partial_func = mp::partial(func, 1, 2);
  fmt::print("{}\n", pool.map(partial_func, cs));
  pool.close();
  pool.join();
}
