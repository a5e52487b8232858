// Four processes count at the same time. As long as there are cores, it takes no longer than one alone.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

std::pair<int, long> calc(int i, long count) {
  volatile long sum = 0;  // volatile: the compiler would not count, it would know
  for (long k = 0; k < count; ++k) sum = sum + 1;
  return {i, sum};
}

int main(int argc, char** argv) {
  const long count = argc > 1 ? std::stol(argv[1]) : 1'000'000'000;
  const auto start = std::chrono::steady_clock::now();
  std::vector<mp::Process> ps;
  for (int i = 0; i < 4; ++i) {
    ps.push_back(mp::Process({.name = fmt::format("calc-{}", i)}, calc, i, count));
    ps.back().start();
  }
  for (auto& p : ps) p.join();
  fmt::print("{:.6f}\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  fmt::print("===end===\n");
}
