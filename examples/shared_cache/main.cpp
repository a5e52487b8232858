// Workers that share what they have found out:  shared_cache [QUESTIONS] [PROCESSES]
#include <fmt/core.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <procyon/manager.hpp>
#include <procyon/pool.hpp>

namespace mp = procyon;

struct Shared {
  mp::DictProxy<std::uint64_t, std::uint64_t> cache;
  mp::SetProxy<std::uint64_t> begun;  // who adds a number to it computes it
  mp::ValueProxy<std::uint64_t> computed;
};

/// How many steps the Collatz sequence of a number takes to 1: stands for work that is worth asking others first.
std::uint64_t steps(std::uint64_t number) {
  std::uint64_t count = 0;
  for (; number != 1; ++count) number = number % 2 == 0 ? number / 2 : 3 * number + 1;
  return count;
}

std::uint64_t ask(const Shared& shared, std::uint64_t number) {
  if (auto known = shared.cache.get(number)) return *known;
  const std::uint64_t answer = steps(number);
  if (shared.begun.add(number)) shared.computed.with([](std::uint64_t& count) { ++count; });
  return shared.cache.setdefault(number, answer);
}

int main(int argc, char** argv) {
  const std::uint64_t questions = argc > 1 ? std::stoull(argv[1]) : 2000;
  const int processes = argc > 2 ? std::stoi(argv[2]) : 2;

  mp::Manager manager;
  const Shared shared{manager.dict<std::uint64_t, std::uint64_t>(), manager.set<std::uint64_t>(),
                      manager.Value<std::uint64_t>()};
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < questions; ++i) numbers.push_back(1 + i * i % 97);  // many of them often

  mp::Pool pool(processes);
  const auto answers = pool.map(mp::partial(ask, shared), numbers);
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i] != steps(numbers[i])) return fmt::print("wrong for {}\n", numbers[i]), 1;
  fmt::print("{} questions, {} of them different, {} answers in the cache\n", questions,
             shared.computed.get(), shared.cache.size());
}
