// A lock keeps the lines of several processes apart: one at a time writes to the terminal.
#include <fmt/core.h>
#include <cstdio>
#include <mutex>
#include <procyon/procyon.hpp>
#include <vector>

namespace mp = procyon;

void work(mp::Lock lock, int number) {
  const std::scoped_lock held(lock);
  for (const char* step : {"begins", "works", "ends"}) {
    fmt::print("process {} {}\n", number, step);
    std::fflush(stdout);
  }
}

int main() {
  mp::Lock lock;
  std::vector<mp::Process> processes;
  for (int i = 0; i < 4; ++i) processes.emplace_back(work, lock, i);
  for (auto& p : processes) p.start();
  for (auto& p : processes) p.join();
}
