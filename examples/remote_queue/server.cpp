// Keeps two queues for programs on any machine:  remote_queue_server [ADDRESS]
#include <fmt/core.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "jobs.hpp"

int main(int argc, char** argv) {
  mp::Manager manager({.address = argc > 1 ? argv[1] : "tcp://127.0.0.1:0", .authkey = shared_key()});
  manager.share("jobs", manager.JoinableQueue<std::uint64_t>());
  manager.share("results", manager.Queue<Factors>());
  fmt::print("{}\n", manager.address());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) fmt::print("{}\n", manager.debug_info());
}
