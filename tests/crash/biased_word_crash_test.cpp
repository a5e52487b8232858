// A process is killed at every instruction of entering and leaving a biased lock, of becoming its biased owner, and of
// revoking the bias of another. Afterwards survivors have the lock one at a time, and are told if what it protects may
// be half changed.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "session_state.hpp"
#include "stepper.hpp"
#include "sync/biased_word.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;
using arena::Acquired;
using sync::BiasedWord;

struct Guarded : arena::Counted {
  BiasedWord word;
  std::atomic<std::uint64_t> first{0};  // equal while nobody is in
  std::atomic<std::uint64_t> second{0};
};
constexpr arena::ObjectType guarded_type{"CrashBiasedWord", 0x7003};

// One change under the lock; mended if a death left it half done, which must have been told.
void change(Guarded& guarded) {
  const Acquired acquired = guarded.word.lock(os::Deadline::after(20s));
  ASSERT_NE(acquired, Acquired::not_in_time);
  const std::uint64_t first = guarded.first.load(std::memory_order_relaxed);
  if (acquired == Acquired::after_owner_died) {
    guarded.second.store(first, std::memory_order_relaxed);
    guarded.word.mark_recovered();
  }
  EXPECT_EQ(first, guarded.second.load(std::memory_order_relaxed)) << "half changed, and nobody was told";
  guarded.first.store(first + 1, std::memory_order_relaxed);
  guarded.second.store(first + 1, std::memory_order_relaxed);
  guarded.word.unlock();
}

void change_until_biased(Guarded& guarded) {
  for (int i = 0; i < 100'000 && !guarded.word.is_biased(); ++i) change(guarded);
}

struct BiasedOperation {
  std::string name;
  std::function<void(Guarded&)> arrange = [](Guarded&) {};        // in the survivor
  std::function<void(Guarded&)> before_window = [](Guarded&) {};  // in the victim
  std::function<void(Guarded&)> window = change;
};

void expect_lock_survives(const BiasedOperation& operation) {
  if (!BiasedWord::accept_fences()) GTEST_SKIP() << "no membarrier(2) here, so nothing is biased";
  arena::Reference reference;
  std::size_t used = 0;
  const Scenario scenario{.name = operation.name,
                          .prepare =
                              [&] {
                                reference = {};
                                make_session_like_new();
                                used = used_bytes();
                                reference = arena::Reference::create<Guarded>(guarded_type);
                                operation.arrange(reference.get<Guarded>());
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                BiasedWord::accept_fences();
                                auto& guarded = reference.get<Guarded>();
                                operation.before_window(guarded);
                                begin_window();
                                operation.window(guarded);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                auto& guarded = reference.get<Guarded>();
                                for (int i = 0; i < 3; ++i) change(guarded);
                                EXPECT_FALSE(guarded.word.is_held_by_caller());
                                change_until_biased(guarded);  // and all goes on as before
                                EXPECT_TRUE(guarded.word.is_biased());
                                for (int i = 0; i < 3; ++i) change(guarded);
                                EXPECT_FALSE(guarded.word.is_held_by_caller());
                                reference = {};
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario);
}

TEST(BiasedWordCrash, TakeItPlain) { expect_lock_survives({.name = "biased word, plain"}); }
TEST(BiasedWordCrash, TakeItByItsBias) {
  expect_lock_survives({.name = "biased word, by its bias", .before_window = change_until_biased});
}
TEST(BiasedWordCrash, BecomeItsBiasedOwner) {
  expect_lock_survives({.name = "biased word, becoming its owner",
                        .before_window =
                            [](Guarded& guarded) {
                              for (std::uint32_t i = 0; i < BiasedWord::first_patience; ++i) change(guarded);
                              EXPECT_FALSE(guarded.word.is_biased());
                            },
                        .window =
                            [](Guarded& guarded) {
                              change(guarded);
                              change(guarded);
                            }});
}
TEST(BiasedWordCrash, RevokeTheBiasOfALivingOne) {
  expect_lock_survives({.name = "biased word, revoke", .arrange = change_until_biased});
}
TEST(BiasedWordCrash, RevokeTheBiasOfADeadOne) {
  expect_lock_survives({.name = "biased word, revoke, owner dead outside", .arrange = [](Guarded& guarded) {
                          let_somebody_die([&] {
                            BiasedWord::accept_fences();
                            change_until_biased(guarded);
                          });
                        }});
}
TEST(BiasedWordCrash, RevokeTheBiasOfOneThatDiedInside) {
  expect_lock_survives({.name = "biased word, revoke, owner dead inside", .arrange = [](Guarded& guarded) {
                          let_somebody_die([&] {
                            BiasedWord::accept_fences();
                            change_until_biased(guarded);
                            guarded.word.lock(os::Deadline::never());
                            guarded.first.store(guarded.first.load() + 1);
                          });
                        }});
}
TEST(BiasedWordCrash, GoOnWithARevocationThatADeathInterrupted) {
  if (!os::crash_points_enabled) GTEST_SKIP() << "built without crash points";
  expect_lock_survives({.name = "biased word, revoke after a dead revoker", .arrange = [](Guarded& guarded) {
                          change_until_biased(guarded);
                          let_somebody_die([&] {
                            os::arm_crash_point("biased_word.revoking");
                            change(guarded);
                          });
                        }});
}

}  // namespace
}  // namespace procyon::crash
