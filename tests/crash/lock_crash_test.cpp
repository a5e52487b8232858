// A process is killed at every instruction of taking and freeing a Lock, an RLock, or the lock of a Value. Whoever is
// left takes the lock in bounded time, and is told of the death exactly if the dead one held it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/lock.hpp"
#include "procyon/value.hpp"
#include "session_state.hpp"
#include "shared_page.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;
using arena::OwnerWord;
using arena::Session;

OwnerWord& owner_word(sync::RobustWord& word) {
  static_assert(std::is_standard_layout_v<sync::RobustWord>, "the owner word comes first");
  return reinterpret_cast<OwnerWord&>(word);
}
template <class AnyLock>
OwnerWord& owner_word(const AnyLock& lock) {
  return owner_word(lock.reference().template get<sync::LockState>().word);
}

bool has_waiters(OwnerWord& word) {
  return (reinterpret_cast<std::atomic<std::uint64_t>&>(word).load() & OwnerWord::waiters_bit) != 0;
}

enum class Told : std::uint8_t { cleanly, owner_died, not_in_time };

/// Takes the lock and frees it; if somebody died with it, repairs what it protects.
template <class AnyLock>
Told take_and_free(
    AnyLock& lock, const std::function<void()>& repair = [] {}) {
  try {
    if (!lock.acquire(20s)) return Told::not_in_time;
    lock.release();
    return Told::cleanly;
  } catch (OwnerDied& died) {
    repair();
    died.recover();
    return Told::owner_died;
  }
}

/// For windows with an exception in them: tens of thousands of instructions that leave the shared world alone.
Options throwing_window() {
  Options options = Options::from_environment();
  options.budget = options.budget ? std::min<std::size_t>(*options.budget, 100) : 2'000;
  return options;
}

template <class AnyLock>
struct LockOperation {
  const char* name;
  std::function<void(AnyLock&)> arrange = [](AnyLock&) {};  // in the survivor
  std::function<void(AnyLock&)> before_window = [](AnyLock& lock) {
    lock.acquire();
    lock.release();
  };
  std::function<void(AnyLock&)> window;
  std::function<void(AnyLock&)> before_check = [](AnyLock&) {};
  Options options = Options::from_environment();
};

template <class AnyLock>
void expect_lock_survives(const LockOperation<AnyLock>& what) {
  std::optional<AnyLock> lock;
  SharedPage<std::atomic<std::uint32_t>> victim;
  std::size_t used = 0;
  const Scenario scenario{.name = what.name,
                          .prepare =
                              [&] {
                                lock.reset();
                                make_session_like_new();
                                *victim = 0;
                                used = used_bytes();
                                lock.emplace();
                                what.arrange(*lock);
                              },
                          .victim =
                              [&] {
                                what.before_window(*lock);
                                begin_window();
                                what.window(*lock);
                                end_window();
                                *victim = Session::current().self().bits();
                              },
                          .check =
                              [&](const KillPoint&) {
                                what.before_check(*lock);
                                const OwnerWord& word = owner_word(*lock);
                                // The one owner who is dead here is the victim, or whom it took the lock over from.
                                const bool lost = word.owner_has_died_unrepaired() ||
                                                  (word.is_held() && !Session::current().alive(word.owner()));
                                EXPECT_EQ(take_and_free(*lock), lost ? Told::owner_died : Told::cleanly);
                                EXPECT_EQ(take_and_free(*lock), Told::cleanly);
                                expect_session_is_whole(used + 64);
                                EXPECT_EQ(take_and_free(*lock), Told::cleanly);
                              }};
  expect_survives_every_kill(scenario, what.options);
}

TEST(LockCrash, AcquireAndRelease) {
  expect_lock_survives<Lock>({.name = "lock.acquire and release", .window = [](Lock& lock) {
                                lock.acquire();
                                lock.release();
                              }});
}

TEST(LockCrash, TheFirstThingAProcessDoes) {
  expect_lock_survives<Lock>({.name = "lock.acquire, joining",
                              .before_window = [](Lock&) {},
                              .window =
                                  [](Lock& lock) {
                                    lock.acquire();
                                    lock.release();
                                  }});
}

TEST(LockCrash, AcquireInTime) {
  expect_lock_survives<Lock>({.name = "lock.acquire, timed", .window = [](Lock& lock) {
                                static_cast<void>(lock.acquire(1s));
                                static_cast<void>(lock.try_lock());  // refused
                                lock.release();
                              }});
}

TEST(LockCrash, AnRLockTakenTwice) {
  expect_lock_survives<RLock>({.name = "rlock.acquire and release, twice", .window = [](RLock& lock) {
                                 lock.acquire();
                                 lock.acquire();
                                 lock.release();
                                 lock.release();
                               }});
}

TEST(LockCrash, WaitForALivingOwner) {
  // It never gets the lock: killed before it sleeps, and asleep.
  expect_lock_survives<Lock>({.name = "lock.acquire, waits",
                              .arrange = [](Lock& lock) { lock.acquire(); },
                              .before_window = [](Lock&) { Session::current().self(); },
                              .window = [](Lock& lock) { lock.acquire(); },
                              .before_check = [](Lock& lock) { lock.release(); },
                              .options = waiting_window()});
}

TEST(LockCrash, WaitForALivingOwnerWhoReleases) {
  expect_lock_survives<Lock>({.name = "lock.acquire, waits and gets it",
                              .arrange =
                                  [&](Lock& lock) {
                                    start_helper([&] {
                                      lock.acquire();
                                      const bool waited_for =
                                          comes_true([&] { return has_waiters(owner_word(lock)); });
                                      std::this_thread::sleep_for(3ms);  // lets it fall asleep
                                      lock.release();
                                      return waited_for ? 0 : 1;
                                    });
                                    ASSERT_TRUE(comes_true([&] { return lock.locked(); }));
                                  },
                              .before_window = [](Lock&) { Session::current().self(); },
                              .window = [](Lock& lock) { lock.acquire(); },
                              .before_check =
                                  [&](Lock& lock) {
                                    // The survivor waits as well; unless the victim has the lock, this makes the owner release it.
                                    if (Session::current().alive(owner_word(lock).owner())) {
                                      EXPECT_TRUE(lock.acquire(20s));
                                      lock.release();
                                    }
                                    EXPECT_EQ(end_of_helper(), 0);
                                  },
                              .options = slow_check(40)});
}

TEST(LockCrash, ReleaseToAWaiter) {
  std::optional<Lock> lock;
  bool released = false;  // in an earlier run, that is, killed at an earlier point
  const Scenario scenario{
      .name = "lock.release, somebody waits",
      .prepare =
          [&] {
            make_session_like_new();
            lock.emplace();
            start_helper([&] {
              if (!comes_true([&] { return lock->locked(); })) return 99;
              return static_cast<int>(take_and_free(*lock));
            });
          },
      .victim =
          [&] {
            lock->acquire();
            if (!comes_true([&] { return has_waiters(owner_word(*lock)); })) ::_exit(1);
            begin_window();
            lock->release();
            end_window();
          },
      .check =
          [&](const KillPoint& point) {
            const Told told = static_cast<Told>(end_of_helper());
            if (!point.killed()) {
              EXPECT_EQ(told, Told::cleanly);
            } else {
              EXPECT_EQ(told, released || told == Told::cleanly ? Told::cleanly : Told::owner_died);
              released = told == Told::cleanly;
            }
            EXPECT_EQ(take_and_free(*lock), Told::cleanly);
          }};
  expect_survives_every_kill(scenario, slow_check(40));
  EXPECT_TRUE(released);
}

TEST(LockCrash, TakeTheWordFromTheDeadAndRepair) {
  expect_lock_survives<Lock>({.name = "owner word, taken from the dead",
                              .arrange = [](Lock& lock) { let_somebody_die([&] { lock.acquire(); }); },
                              .before_window = [](Lock&) { Session::current().self(); },
                              .window =
                                  [](Lock& lock) {
                                    OwnerWord& word = owner_word(lock);
                                    word.lock(os::Deadline::never());
                                    word.mark_recovered();
                                    word.unlock();
                                  },
                              .options = waiting_window()});
}

TEST(LockCrash, TakeTheWordFromTheDeadAndLeaveItUnrepaired) {
  expect_lock_survives<Lock>({.name = "owner word, not repaired",
                              .arrange = [](Lock& lock) { let_somebody_die([&] { lock.acquire(); }); },
                              .before_window = [](Lock&) { Session::current().self(); },
                              .window =
                                  [](Lock& lock) {
                                    OwnerWord& word = owner_word(lock);
                                    word.lock(os::Deadline::never());
                                    word.unlock();
                                    word.lock(os::Deadline::never());
                                  },
                              .options = waiting_window()});
}

TEST(LockCrash, FreeItForAClientThatHasDied) {
  expect_lock_survives<Lock>({.name = "owner word, freed as its owner's death would",
                              .before_window = [](Lock&) { Session::current().self(); },
                              .window =
                                  [](Lock& lock) {
                                    OwnerWord& word = owner_word(lock);
                                    word.lock(os::Deadline::never());
                                    word.unlock_as_dead(arena::self_word());
                                  },
                              .options = waiting_window()});
}

template <class AnyLock>
void let_somebody_die_with(AnyLock& lock) {
  let_somebody_die([&] { lock.acquire(); });
}

// The first exception of a process does much that later ones do not.
void warm_up_exceptions() {
  Lock other;
  let_somebody_die_with(other);
  take_and_free(other);
}

TEST(LockCrash, TakeALockFromTheDeadAndRecover) {
  warm_up_exceptions();
  expect_lock_survives<Lock>({.name = "lock.acquire, OwnerDied",
                              .arrange = let_somebody_die_with<Lock>,
                              .before_window = [](Lock&) { Session::current().self(); },
                              .window = [](Lock& lock) { take_and_free(lock); },
                              .options = throwing_window()});
}

TEST(LockCrash, TakeAnRLockFromTheDeadAndRecover) {
  warm_up_exceptions();
  expect_lock_survives<RLock>({.name = "rlock.acquire, OwnerDied",
                               .arrange = let_somebody_die_with<RLock>,
                               .before_window = [](RLock&) { Session::current().self(); },
                               .window = [](RLock& lock) { take_and_free(lock); },
                               .options = throwing_window()});
}

TEST(LockCrash, CreateAndDestroy) {
  std::size_t used = 0;
  const Scenario scenario{.name = "lock, created and destroyed",
                          .prepare =
                              [&] {
                                make_session_like_new();
                                used = used_bytes();
                              },
                          .victim =
                              [] {
                                const Lock first;  // its slab is there
                                begin_window();
                                { const Lock lock; }
                                end_window();
                              },
                          .check = [&](const KillPoint&) { expect_session_is_whole(used); }};
  expect_survives_every_kill(scenario);
}

// Value ---------------------------------------------------------------------------------------------------------

struct Pair {
  int first;
  int second;
};

void expect_value_survives(const char* name, const std::function<void(Value<Pair>&)>& arrange,
                           const std::function<void(Value<Pair>&)>& window, int most,
                           const Options& options) {
  std::optional<Value<Pair>> value;
  const Scenario scenario{.name = name,
                          .prepare =
                              [&] {
                                value.reset();
                                make_session_like_new();
                                value.emplace(Pair{0, 0});
                                arrange(*value);
                              },
                          .victim =
                              [&] {
                                Session::current().self();
                                begin_window();
                                window(*value);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                OwnerWord& word =
                                    owner_word(value->reference().get<sync::ValueState<Pair>>().lock);
                                const bool lost = word.owner_has_died_unrepaired() || word.is_held();
                                const Told told = take_and_free(
                                    value->get_lock(), [&] { value->value().second = value->value().first; });
                                EXPECT_EQ(told, lost ? Told::owner_died : Told::cleanly);
                                // Whole: never half changed without a word.
                                value->with([&](Pair& pair) {
                                  EXPECT_EQ(pair.first, pair.second);
                                  EXPECT_LE(pair.first, most);
                                  if (!point.killed()) {
                                    EXPECT_EQ(pair.first, most);
                                  }
                                });
                              }};
  expect_survives_every_kill(scenario, options);
}

void increment(Value<Pair>& value) {
  value.with([](Pair& pair) {
    ++pair.first;
    ++pair.second;
  });
}

TEST(ValueCrash, With) {
  expect_value_survives(
      "value.with", [](Value<Pair>&) {}, increment, 1, Options::from_environment());
}

TEST(ValueCrash, WithAfterSomebodyDiedInside) {
  warm_up_exceptions();
  expect_value_survives(
      "value.with, OwnerDied",
      [](Value<Pair>& value) {
        let_somebody_die([&] {
          value.get_lock().acquire();
          ++value.value().first;
        });
      },
      [](Value<Pair>& value) {
        take_and_free(value.get_lock(), [&] { value.value().second = value.value().first; });
        increment(value);
      },
      2, throwing_window());
}

}  // namespace
}  // namespace procyon::crash
