// What a process can be asked, before its end and after; once it is closed only its name is left.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

struct Finally {
  ~Finally() { fmt::print("我退出了\n"); }
};

long calc(long n) {
  Finally finally;
  long sum = 0;
  for (long i = 0; i < n; ++i) sum += 1;
  return sum;
}

int main() {
  mp::Process process({.name = "pro-1"}, calc, 10'000'000);
  process.start();
  fmt::print("{}\n", process.name());
  fmt::print("{}\n", process.daemon());
  fmt::print("{}\n", process.ident().value());
  fmt::print("{}\n", process.pid().value());
  process.join();

  fmt::print("{}\n", process.exitcode().value());
  fmt::print("{}\n", process.authkey());  // its length only: it is a secret
  process.close();
  try {
    fmt::print("{}\n", process.pid().value());
  } catch (const std::logic_error& error) {
    fmt::print("{}\n", error.what());
  }
}
