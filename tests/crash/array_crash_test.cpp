// A process is killed at every instruction of changing an Array under its lock, of atomic access to shared values, and of
// making an Array. Whoever is left is told of a death inside the lock, never sees half an atomic change, and misses no memory.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <span>

#include "procyon/array.hpp"
#include "procyon/value.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

arena::OwnerWord& owner_word(const Array<int>& array) {
  return reinterpret_cast<arena::OwnerWord&>(array.reference().get<sync::ArrayState>().lock);
}

bool are_equal(std::span<int> items) { return items[0] == items[1] && items[1] == items[2]; }

TEST(ArrayCrash, With) {
  std::optional<Array<int>> array;
  std::size_t used = 0;
  const Scenario scenario{.name = "array.with",
                          .prepare =
                              [&] {
                                array.reset();
                                make_session_like_new();
                                array.emplace(3u);
                                used = used_bytes();
                              },
                          .victim =
                              [&] {
                                arena::Session::current().self();
                                begin_window();
                                array->with([](std::span<int> items) {
                                  for (int& item : items) ++item;
                                });
                                end_window();
                              },
                          .check =
                              [&](const KillPoint& point) {
                                const bool lost = owner_word(*array).is_held();
                                bool told = false;
                                try {
                                  array->with([](std::span<int> items) { EXPECT_TRUE(are_equal(items)); });
                                } catch (OwnerDied& died) {
                                  told = true;
                                  for (int& item : *array) item = 1;
                                  died.recover();
                                }
                                EXPECT_EQ(told, lost);
                                array->with([&](std::span<int> items) {
                                  EXPECT_TRUE(are_equal(items));
                                  if (!point.killed()) {
                                    EXPECT_EQ(items[0], 1);
                                  }
                                });
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario);
}

struct Range {
  int low;
  int high;
};

template <class Shared, class... Index>
void expect_atomic_access_survives(const char* name, const std::function<Shared()>& make, Index... index) {
  std::optional<Shared> shared;
  const Scenario scenario{
      .name = name,
      .prepare =
          [&] {
            shared.reset();
            make_session_like_new();
            shared.emplace(make());
          },
      .victim =
          [&] {
            arena::Session::current().self();
            begin_window();
            Range seen = shared->atomic(index...).load();
            while (!shared->atomic(index...).compare_exchange_weak(seen, {seen.low + 1, seen.high + 1})) {
            }
            end_window();
          },
      .check =
          [&](const KillPoint& point) {
            const Range seen = shared->atomic(index...).load();
            EXPECT_EQ(seen.low, seen.high);
            EXPECT_TRUE(seen.low == 8 || (point.killed() && seen.low == 7)) << seen.low;
            shared->atomic(index...).store({9, 9});
            EXPECT_EQ(shared->atomic(index...).load().high, 9);
          }};
  expect_survives_every_kill(scenario);
}

TEST(ArrayCrash, AtomicAccessToAValue) {
  expect_atomic_access_survives<Value<Range>>("value.atomic", [] { return Value<Range>({7, 7}); });
}
TEST(ArrayCrash, AtomicAccessToARawValue) {
  expect_atomic_access_survives<RawValue<Range>>("rawvalue.atomic", [] { return RawValue<Range>({7, 7}); });
}
TEST(ArrayCrash, AtomicAccessToAnItem) {
  expect_atomic_access_survives<RawArray<Range>>(
      "rawarray.atomic",
      [] {
        return RawArray<Range>{{1, 1}, {7, 7}};
      },
      1u);
}

TEST(ArrayCrash, CreateAndDestroy) {
  std::size_t used = 0;
  const Scenario scenario{.name = "array, created and destroyed",
                          .prepare =
                              [&] {
                                make_session_like_new();
                                used = used_bytes();
                              },
                          .victim =
                              [] {
                                const Array<int> first{1, 2, 3};  // its slab is there
                                begin_window();
                                { const Array<int> array{1, 2, 3}; }
                                end_window();
                              },
                          .check = [&](const KillPoint&) { expect_session_is_whole(used); }};
  expect_survives_every_kill(scenario);
}

}  // namespace
}  // namespace procyon::crash
