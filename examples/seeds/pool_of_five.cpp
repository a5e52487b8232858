// Ten tasks for five processes: never more than five run at a time.
#include <procyon/procyon.hpp>

namespace mp = procyon;

void test() {}

int main() {
  mp::Pool p({.processes = 5});
  for (int i = 0; i < 10; ++i) p.apply_async(test);
  p.close();
  p.join();
}
