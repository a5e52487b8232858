// Two functions, each in a process of its own.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

void print_cube(int n) { fmt::print("Cube: {}\n", n * n * n); }
void print_square(int n) { fmt::print("Square: {}\n", n * n); }

int main() {
  mp::Process p1(print_square, 10), p2(print_cube, 10);
  p1.start();
  p2.start();
  p1.join();
  p2.join();
  fmt::print("Done!\n");
}
