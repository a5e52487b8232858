// A process that says who it is.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

void work1() {
  for (int i = 0; i < 10; ++i) fmt::print("work： {} {}\n", i, mp::current_process());
}

int main() {
  mp::Process process_1(work1);
  process_1.start();
}
