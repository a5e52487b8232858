// One process wakes another and is woken by it: Event, Condition, and what they are made of.
#include <pthread.h>
#include <procyon/condition.hpp>
#include <procyon/event.hpp>
#include <procyon/process.hpp>
#include <procyon/value.hpp>

#include <mutex>

#include "harness.hpp"
#include "peers/locks.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr std::uint64_t rounds = 20'000;

// Two futexes: the limit, which always sleeps.
Result futex() {
  struct Flag {
    alignas(64) std::atomic<std::uint32_t> word{0};
    void set() {
      word.store(1, std::memory_order_release);
      futex_wake(word);
    }
    void await() {
      while (word.load(std::memory_order_acquire) == 0) futex_wait(word, 0);
      word.store(0, std::memory_order_relaxed);
    }
  };
  auto& there = shared<Flag>();
  auto& back = shared<Flag>();
  const pid_t other = in_child([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      there.await();
      back.set();
    }
  });
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    there.set();
    back.await();
  }
  const Result result = watch.stop(rounds);
  join_child(other);
  return result;
}

void event_other(mp::Event there, mp::Event back) {
  for (std::uint64_t i = 0; i < rounds; ++i) {
    there.wait();
    there.clear();
    back.set();
  }
}

Result our_event() {
  mp::Event there;
  mp::Event back;
  mp::Process other(event_other, there, back);
  other.start();
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    there.set();
    back.wait();
    back.clear();
  }
  const Result result = watch.stop(rounds);
  other.join();
  return result;
}

void play(mp::Condition condition, mp::Value<int> turn, int mine) {
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const std::scoped_lock lock(condition);
    condition.wait_for([&] { return turn.value() == mine; });
    turn.value() = 1 - mine;
    condition.notify();
  }
}

Result our_condition() {
  const mp::Condition condition;
  const mp::Value<int> turn(0);
  mp::Process other(play, condition, turn, 1);
  other.start();
  const Stopwatch watch;
  play(condition, turn, 0);
  other.join();
  return watch.stop(rounds);
}

struct Condvar {
  pthread_cond_t condition;
  pthread_mutex_t plain;
  int turn = 0;

  Condvar() {
    pthread_condattr_t attributes;
    ::pthread_condattr_init(&attributes);
    ::pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_cond_init(&condition, &attributes);
    ::pthread_condattr_destroy(&attributes);
    pthread_mutexattr_t mutex_attributes;
    ::pthread_mutexattr_init(&mutex_attributes);
    ::pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutex_init(&plain, &mutex_attributes);
    ::pthread_mutexattr_destroy(&mutex_attributes);
  }
  void play(int mine) {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      ::pthread_mutex_lock(&plain);
      while (turn != mine) ::pthread_cond_wait(&condition, &plain);
      turn = 1 - mine;
      ::pthread_cond_signal(&condition);
      ::pthread_mutex_unlock(&plain);
    }
  }
};

Result condvar() {
  auto& game = shared<Condvar>();
  const pid_t other = in_child([&] { game.play(1); });
  const Stopwatch watch;
  game.play(0);
  join_child(other);
  return watch.stop(rounds);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv,
                       {
                           {"futex", futex},
                           {"event/procyon", our_event},
                           {"condition/procyon", our_condition},
                           {"condition/pthread", condvar},
                       });
}
