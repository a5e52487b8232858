// Locks: alone, two processes at one, and a counter that a lock guards.
#include <sched.h>
#include <procyon/lock.hpp>
#include <procyon/process.hpp>
#include <procyon/value.hpp>

#include "harness.hpp"
#include "peers/locks.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr std::uint64_t alone = 10'000'000;
constexpr std::uint64_t each = 6'000'000;  // of two processes at one lock

template <class Lock>
struct Guarded {
  Lock lock;
  alignas(64) std::uint64_t counter = 0;  // away from the lock's own line, as a user's data would be

  void increment(std::uint64_t times) {
    for (std::uint64_t i = 0; i < times; ++i) {
      lock.lock();
      ++counter;
      keep(counter);
      lock.unlock();
    }
  }
};

// Lock and unlock, nobody else there.
template <class Lock>
Result uncontended() {
  auto& lock = shared<Lock>();
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < alone; ++i) {
    lock.lock();
    lock.unlock();
  }
  return watch.stop(alone);
}

// Two processes, each of which increments the guarded counter.
template <class Lock>
Result contended() {
  auto& guarded = shared<Guarded<Lock>>();
  auto& go = shared<std::atomic<int>>(0);
  const auto body = [&](int core) {
    stay_on_core(core);
    ++go;
    while (go != 3) ::sched_yield();
    guarded.increment(each);
  };
  const pid_t first = in_child([&] { body(0); });
  const pid_t second = in_child([&] { body(1); });
  while (go != 2) ::sched_yield();
  const Stopwatch watch;
  ++go;
  join_child(first);
  join_child(second);
  const Result result = watch.stop(2 * each);
  require(guarded.counter == 2 * each, "the lock did not exclude");
  return result;
}

// One process increments a shared counter.
template <class Lock>
Result increment() {
  auto& guarded = shared<Guarded<Lock>>();
  const Stopwatch watch;
  guarded.increment(alone);
  const Result result = watch.stop(alone);
  require(guarded.counter == alone, "increments were lost");
  return result;
}

Result our_uncontended() {
  mp::Lock lock;
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < alone; ++i) {
    lock.lock();
    lock.unlock();
  }
  return watch.stop(alone);
}

void our_contender(mp::Lock lock, mp::Value<std::uint64_t> counter, mp::Value<int> ready, int core) {
  std::atomic_ref go(ready.value());
  stay_on_core(core);
  ++go;
  while (go != 3) ::sched_yield();
  for (std::uint64_t i = 0; i < each; ++i) {
    lock.lock();
    ++counter.value();
    keep(counter.value());
    lock.unlock();
  }
}

Result our_contended() {
  const mp::Lock lock;
  const mp::Value<std::uint64_t> counter(0);
  const mp::Value<int> ready(0);
  std::atomic_ref go(ready.value());
  mp::Process first(our_contender, lock, counter, ready, 0);
  mp::Process second(our_contender, lock, counter, ready, 1);
  first.start();
  second.start();
  while (go != 2) ::sched_yield();
  const Stopwatch watch;
  ++go;
  first.join();
  second.join();
  const Result result = watch.stop(2 * each);
  require(counter.value() == 2 * each, "the lock did not exclude");
  return result;
}

Result our_increment() {
  const mp::Value<std::uint64_t> counter(0);
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < alone; ++i) counter.with([](std::uint64_t& n) { ++n; });
  const Result result = watch.stop(alone);
  require(counter.value() == alone, "increments were lost");
  return result;
}

Result increment_fetch_add() {
  auto& counter = shared<std::atomic<std::uint64_t>>(0U);
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < alone; ++i) counter.fetch_add(1, std::memory_order_relaxed);
  return watch.stop(alone);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv,
                       {
                           {"uncontended/procyon", our_uncontended},
                           {"uncontended/test-and-set", uncontended<TestAndSetLock>},
                           {"uncontended/futex", uncontended<FutexMutex>},
                           {"uncontended/pthread", uncontended<SharedPthreadMutex>},
                           {"uncontended/pthread-robust", uncontended<RobustPthreadMutex>},
                           {"uncontended/boost", uncontended<BoostMutex>},
                           {"contended/procyon", our_contended},
                           {"contended/test-and-set", contended<TestAndSetLock>},
                           {"contended/futex", contended<FutexMutex>},
                           {"contended/pthread", contended<SharedPthreadMutex>},
                           {"contended/pthread-robust", contended<RobustPthreadMutex>},
                           {"contended/boost", contended<BoostMutex>},
                           {"increment/procyon", our_increment},
                           {"increment/fetch_add", increment_fetch_add},
                           {"increment/futex", increment<FutexMutex>},
                           {"increment/pthread", increment<SharedPthreadMutex>},
                           {"increment/pthread-robust", increment<RobustPthreadMutex>},
                       });
}
