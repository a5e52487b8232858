#include "crew.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <thread>

namespace procyon::torture {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds phase_length{250};

}  // namespace

Crew::Crew(const Options& options, const char* structure, Pulse& pulse, unsigned places, Make make,
           Killed killed)
    : options_(options),
      structure_(structure),
      pulse_(pulse),
      make_(std::move(make)),
      killed_(std::move(killed)),
      random_(options.seed),
      told_(Clock::now()) {
  places_.reserve(places);
  for (unsigned place = 0; place < places; ++place) {
    places_.push_back({make_(place), 0, Clock::now()});
    places_.back().process.start();
  }
}

void Crew::run() {
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options_.minutes * 60));
  const auto pause = [&] {
    const auto mean = 2'000'000'000 / std::max(*options_.kills_per_second, 1u);
    return std::chrono::nanoseconds(random_() % mean);
  };
  auto next_kill = begin + pause();
  auto next_look = begin;
  while (Clock::now() < end && (options_.kills == 0 || kills_ < options_.kills)) {
    std::this_thread::sleep_until(std::min(next_kill, next_look));
    if (*options_.kills_per_second != 0 && Clock::now() >= next_kill) {
      kill_somebody();
      next_kill =
          std::max(next_kill + pause(), Clock::now() - 100ms);  // a late start does not become a massacre
    }
    if (*options_.kills_per_second == 0) next_kill = end;
    if (Clock::now() < next_look) continue;
    look_at_everybody();
    tell_progress(begin, false);
    shared(pulse_.phase)
        .store(static_cast<std::uint64_t>((Clock::now() - begin) / phase_length), std::memory_order_relaxed);
    next_look = Clock::now() + 10ms;
  }
  shared(pulse_.phase).store(0, std::memory_order_relaxed);
  tell_progress(begin, true);
}

void Crew::kill_somebody() {
  const auto number = static_cast<unsigned>(random_() % places_.size());
  Process& victim = places_[number].process;
  victim.kill();
  if (!victim.join(longest_wait)) throw Violation("a process that was killed did not end");
  demand(victim.exitcode() == -SIGKILL, "a process ended by itself, not by the kill");
  killed_(number);
  ++kills_;
  victim = make_(number);
  victim.start();
}

void Crew::look_at(unsigned number) {
  Place& place = places_[number];
  const std::uint64_t beats = shared(pulse_.beats[number]).load(std::memory_order_relaxed);
  const auto now = Clock::now();
  const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(now - place.heard);
  longest_silence_ = std::max(longest_silence_, silence);
  if (beats != place.beats) {
    place.beats = beats;
    place.heard = now;
  } else if (silence > longest_wait) {
    // Left as it is, so that a debugger can look.
    fmt::print(stderr, "\nprocyon_torture: {}: place {} (pid {}) hangs: nothing from it for {} s; seed {}\n",
               structure_, number, place.process.pid().value_or(-1), longest_wait.count(), options_.seed);
    if (std::getenv("PROCYON_TORTURE_STAY") != nullptr) ::pause();
    throw Violation("somebody hangs");
  }
}

void Crew::look_at_everybody() {
  for (unsigned number = 0; number < places_.size(); ++number) {
    demand(places_[number].process.is_alive(), "a process ended by itself");
    look_at(number);
  }
}

void Crew::wait_for_end_of(unsigned first, unsigned last, const std::function<void()>& nudge) {
  const auto give_up = Clock::now() + longest_wait;
  for (unsigned number = first; number < last; ++number) {
    Process& process = places_[number].process;
    while (!process.join(10ms)) {
      nudge();
      if (Clock::now() > give_up) throw Violation("a process that was asked to end does not");
    }
    demand(process.exitcode() == 0, "a process ended with an error");
  }
}

void Crew::tell_progress(Clock::time_point begin, bool last) {
  if (::isatty(STDERR_FILENO) == 0 || (!last && Clock::now() - told_ < 200ms)) return;
  told_ = Clock::now();
  const auto beats = std::accumulate(pulse_.beats, pulse_.beats + most_workers, std::uint64_t{0});
  fmt::print(stderr, "\r{}: {:.0f} s, {} kills, {} steps, longest silence {} ms \033[K{}", structure_,
             std::chrono::duration<double>(told_ - begin).count(), kills_, beats, longest_silence_.count(),
             last ? "\n" : "");
}

}  // namespace procyon::torture
