#include "middle.hpp"

#include <cstdio>
#include <procyon/procyon.hpp>
#include <string>

static void greet(const std::string& name) {
  std::printf("Hello, %s\n", name.c_str());
  std::fflush(stdout);
}

int greet_in_a_process() {
  procyon::Process process(greet, std::string("middle"));
  process.start();
  process.join();
  return process.exitcode().value_or(-1);
}
