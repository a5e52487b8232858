// What every contender of a benchmark needs: a stopwatch, memory shared with its children, children, and a main
// that runs one contender by name. A benchmark program holds several contenders; run.py runs each in a process of
// its own, in turns with its rivals, so that the drift of the machine's clock meets them all alike.
//
//     Result plain_mutex() { ...; Stopwatch watch; ...work...; return watch.stop(operations); }
//     int main(int argc, char** argv) { return run_contender(argc, argv, {{"uncontended/pthread", plain_mutex}}); }
//
// It prints one line of JSON: the operations, the wall seconds they took, and the CPU seconds spent outside of them
// (run.py has the CPU seconds of the whole process tree from the kernel).
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

struct Result {
  double operations;
  double seconds;
  double busy_seconds = seconds;  // during which CPU seconds are counted, if more than what is measured
  double p99 = 0;                 // seconds that 99 of 100 single operations do not exceed; 0: not measured
};

// Wall time between its construction and stop().
class Stopwatch {
 public:
  Stopwatch();
  Result stop(double operations) const;

 private:
  std::chrono::steady_clock::time_point start_;
};

struct Contender {
  std::string name;
  Result (*run)();
};

int run_contender(int argc, char** argv, const std::vector<Contender>& contenders);

// Of single operations, in seconds.
double percentile_99(std::vector<double> times);

// A benchmark whose answer is wrong has measured nothing: ends the program with the sentence.
[[noreturn]] void fail(std::string_view what);
inline void require(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

// An object in memory that children forked from here on share. Never unmapped: the process is short.
template <class T, class... Args>
T& shared(Args&&... args) {
  void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED, "mmap failed");
  return *new (memory) T(std::forward<Args>(args)...);
}

void join_child(pid_t pid);
pid_t fork_child();  // as fork(), but fails loudly

template <class Body>
pid_t in_child(Body body) {
  const pid_t pid = fork_child();
  if (pid == 0) {
    body();
    std::_Exit(0);
  }
  return pid;
}

// Keeps the caller on one of the cores it may use, so that two processes really run side by side from the start.
void stay_on_core(int index);

// A gigabyte of ordinary memory that has been written to: a large parent.
void touch_one_gibibyte();

inline void pause_briefly() { __builtin_ia32_pause(); }

template <class T>
void keep(T& value) {  // the compiler must believe that the value is used
  asm volatile("" : "+m"(value) : : "memory");
}

// A message of which each byte depends on its number, so that a reader that sums it up has looked at all of it.
template <std::size_t Words>
struct Message {
  std::array<std::uint64_t, Words> words;

  static Message number(std::uint64_t i) {
    Message message;
    // Larger ones are made and summed up at the speed of memory.
    const std::uint64_t seed = i * 0x9E3779B97F4A7C15U;
    for (std::size_t word = 0; word < Words; ++word)
      message.words[word] = Words <= 8 ? (i + word) * 0x9E3779B97F4A7C15U : seed + word;
    return message;
  }
  std::uint64_t checksum() const {
    std::uint64_t sum = 0;
    for (const auto word : words) sum = Words <= 8 ? sum * 31 + word : sum + word;
    return sum;
  }
};
using Message64 = Message<8>;

// What the checksums of messages 0 to count-1 add up to.
template <class M>
std::uint64_t expected_checksum(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += M::number(i).checksum();
  return sum;
}

}  // namespace bench
