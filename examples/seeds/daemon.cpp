// A daemonic process ends with the program, which does not wait for it.
#include <fmt/core.h>
#include <chrono>
#include <procyon/procyon.hpp>
#include <string>
#include <thread>

namespace mp = procyon;

void task(const std::string& name) {
  std::this_thread::sleep_for(
      std::chrono::seconds(2));  // first: it starts too fast to lose the race by itself
  fmt::print("{} is piaoing\n", name);
}

int main() {
  mp::Process p(task, "egon");
  p.set_daemon(true);  // before start()
  p.start();
  fmt::print("主......\n");  // once this line is there, the daemon ends too
}
