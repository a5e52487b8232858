// Two ways to give a process its arguments: by position, and by name.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

struct Args {
  int a, b = 0, c = 0;
};

void test(int a, int b, int c) { fmt::print("{} {} {}\n", a, b, c); }
void test_named(const Args& args) { test(args.a, args.b, args.c); }

int main() {
  mp::Process p1(test, 1, 2, 3);
  p1.start();

  mp::Process p2(test_named, Args{.a = 4, .b = 5, .c = 6});
  p2.start();
}
