// A crew: places at which processes work, one at a time. Who is killed is replaced by another at the same place.
//
//   Crew crew(options, ledger.value().pulse, 8, [&](unsigned place) { return Process({.daemon = true}, work, ledger, place); });
//   crew.run();                     // kills at random, until the time is over
//   crew.stop(0, 8);                // asks, and waits for, those that are left
//
// Every wait is bounded: a place that is silent for `longest_wait` is a hang and ends the program, with its place named.
#pragma once

#include <functional>
#include <random>
#include <vector>

#include "procyon/process.hpp"
#include "torture.hpp"

namespace procyon::torture {

class Crew {
 public:
  using Make = std::function<Process(unsigned place)>;
  using Killed = std::function<void(unsigned place)>;

  /// `killed` is called when a victim is dead and not yet replaced.
  Crew(
      const Options& options, const char* structure, Pulse& pulse, unsigned places, Make make,
      Killed killed = [](unsigned) {});
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void run();
  /// Waits for the ends of the places in [first, last), calling `nudge` all the while. They must end with exit code 0.
  void wait_for_end_of(
      unsigned first, unsigned last, const std::function<void()>& nudge = [] {});

  [[nodiscard]] std::uint64_t kills() const { return kills_; }
  [[nodiscard]] Report report(std::string summary) const {
    return {kills_, longest_silence_, std::move(summary)};
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Place {
    Process process;
    std::uint64_t beats;
    Clock::time_point heard;
  };

  void kill_somebody();
  void look_at(unsigned number);
  void look_at_everybody();
  void tell_progress(Clock::time_point begin, bool last);

  const Options& options_;
  const char* structure_;
  Pulse& pulse_;
  Make make_;
  Killed killed_;
  std::mt19937_64 random_;
  std::vector<Place> places_;
  std::uint64_t kills_ = 0;
  std::chrono::milliseconds longest_silence_{0};
  Clock::time_point told_;
};

}  // namespace procyon::torture
