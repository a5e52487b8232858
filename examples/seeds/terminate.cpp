// A terminated process ends at once: what it would have done at its end is not done.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

struct Finally {
  ~Finally() { fmt::print("我退出了\n"); }
};

void calc() {
  Finally finally;
  volatile long sum = 0;
  for (;;) sum = sum + 1;
}

int main() {
  mp::Process process({.name = "pro-1"}, calc);
  process.start();
  process.terminate();
  process.join();
  fmt::print("{} {} {}\n", process.name(), process.exitcode().value(), process.is_alive());
  fmt::print("{}\n", process);
}
