// imap() yields the results in order as they come, so that a bar can show how far it is. On a terminal, that is: the results
// go to standard output, the bar to standard error.
#include <fmt/core.h>

#include <procyon/procyon.hpp>
#include <thread>

namespace mp = procyon;

int func(int parameter) {
  std::this_thread::sleep_for(std::chrono::milliseconds(parameter));
  return parameter * parameter;
}

int main() {
  const std::vector parameters = {40, 10, 30, 20, 60, 50};
  mp::Pool pool(4);
  for (const int result : mp::progress(pool.imap(func, parameters))) fmt::print("{}\n", result);
  pool.close();
  pool.join();
}
