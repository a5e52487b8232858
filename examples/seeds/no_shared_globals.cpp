// What one process does to a global variable, another does not see.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

int num = 100;

void test_1() {
  num += 1;
  fmt::print("now num {}\n", num);
}

void test_2() { fmt::print("now num {}\n", num); }

int main() {
  mp::Process p1(test_1);
  p1.start();
  mp::Process p2(test_2);
  p2.start();
  p1.join();
  p2.join();
}
