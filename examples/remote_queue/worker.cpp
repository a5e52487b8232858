// Factors numbers until the server is gone:  remote_queue_worker ADDRESS
#include <fmt/core.h>

#include <string>

#include "jobs.hpp"

Factors factor(std::uint64_t number) {
  Factors factors{number, {}};
  for (std::uint64_t prime = 2; prime * prime <= number; ++prime)
    for (; number % prime == 0; number /= prime) factors.primes.push_back(prime);
  if (number > 1 || factors.primes.empty()) factors.primes.push_back(number);
  return factors;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: remote_queue_worker ADDRESS\n");
    return 2;
  }
  try {
    mp::SyncManager remote({.address = argv[1], .authkey = shared_key()});
    remote.connect();
    auto jobs = remote.find<Jobs>("jobs");
    auto results = remote.find<Results>("results");
    for (;;) {
      results.put(factor(jobs.get()));
      jobs.task_done();
    }
  } catch (const mp::ManagerGone&) {
    // The server's end is the end of the work.
  }
}
