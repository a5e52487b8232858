// Starts a process, gives it an argument, and looks at how it ended.
#include <cstdio>
#include <procyon/procyon.hpp>
#include <string>

namespace mp = procyon;

void greet(const std::string& name) {
  std::printf("Hello, %s\n", name.c_str());
  std::fflush(stdout);
}

int main() {
  mp::Process process(greet, std::string("direct"));
  process.start();
  process.join();
  std::printf("exit code %d\n", process.exitcode().value_or(-1));
}
