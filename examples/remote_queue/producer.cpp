// Gives out numbers and collects their prime factors:  remote_queue_producer ADDRESS NUMBER...
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "jobs.hpp"

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: remote_queue_producer ADDRESS NUMBER...\n");
    return 2;
  }
  mp::SyncManager remote({.address = argv[1], .authkey = shared_key()});
  remote.connect();
  auto jobs = remote.find<Jobs>("jobs");
  auto results = remote.find<Results>("results");

  std::vector<std::uint64_t> numbers;
  for (int i = 2; i < argc; ++i) numbers.push_back(std::stoull(argv[i]));
  jobs.put_many(numbers);
  jobs.join();  // whatever becomes of the workers: what a dead one had taken is given to another

  std::vector<Factors> answers;
  while (auto answer = results.try_get()) answers.push_back(*answer);
  std::ranges::sort(answers, {}, &Factors::number);
  for (const auto& [number, primes] : answers) fmt::print("{} = {}\n", number, fmt::join(primes, " * "));
}
