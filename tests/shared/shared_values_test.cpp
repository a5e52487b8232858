// Value, RawValue, Array and RawArray on every way to another process, under each start method.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "procyon/array.hpp"
#include "procyon/context.hpp"
#include "procyon/errors.hpp"
#include "procyon/handle.hpp"
#include "procyon/pipe.hpp"
#include "procyon/process.hpp"
#include "procyon/queue.hpp"
#include "procyon/shared_memory.hpp"
#include "procyon/value.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

class SharedValues : public ::testing::TestWithParam<const char*> {
 protected:
  template <class Target, class... Arguments>
  static void run(Target&& target, const Arguments&... arguments) {
    auto p = get_context(GetParam()).Process(std::forward<Target>(target), arguments...);
    p.start();
    p.join();
    EXPECT_EQ(p.exitcode(), 0);
  }
};
INSTANTIATE_TEST_SUITE_P(Under, SharedValues, ::testing::Values("forkserver", "spawn", "fork"),
                         [](const auto& method) { return std::string(method.param); });

TEST_P(SharedValues, AreArguments) {
  const Value<int> value(1);
  const RawValue<double> raw(0.5);
  const Array<int> array{1, 2, 3};
  const RawArray<long> raw_array(1000);
  run(
      [](const Value<int>& v, RawValue<double> r, Array<int> a, const RawArray<long>& ra) {
        v.with([](int& n) { n += 41; });
        r.atomic().fetch_add(0.5);
        a.with([](std::span<int> items) { items[2] = 30; });
        std::iota(ra.begin(), ra.end(), 0);
      },
      value, raw, array, raw_array);
  EXPECT_EQ(value.value(), 42);
  EXPECT_EQ(raw.value(), 1);
  EXPECT_EQ(array[2], 30);
  EXPECT_EQ(raw_array[999], 999);
}

struct Board {
  std::string name;
  std::optional<Value<int>> total;
  std::vector<Array<double>> rows;
  std::map<std::string, RawArray<char>> letters;
};

TEST_P(SharedValues, LieInAggregatesAndContainers) {
  const Board board{
      "board", Value<int>(0), {Array<double>(1), Array<double>{1, 2}}, {{"a", RawArray<char>{'a'}}}};
  run(
      [](const Board& b) {
        b.total->value() = static_cast<int>(b.rows.size());
        b.rows.at(1)[1] = 4;
        b.letters.at("a")[0] = b.name.front();
      },
      board);
  EXPECT_EQ(board.total->value(), 2);
  EXPECT_EQ(board.rows[1][1], 4);
  EXPECT_EQ(board.letters.at("a")[0], 'b');
}

TEST_P(SharedValues, GoThroughQueues) {
  Queue<Array<int>> arrays;
  Queue<RawValue<int>> values;
  const Array<int> array(1);
  arrays.put(array);
  run(
      [](Queue<Array<int>> from, Queue<RawValue<int>> to) {
        auto received = from.get(60s);
        received.with([](std::span<int> items) { items[0] = 7; });
        to.put(RawValue<int>(received[0]));
      },
      arrays, values);
  EXPECT_EQ(values.get(60s).value(), 7);
  EXPECT_EQ(array[0], 7);
}

TEST_P(SharedValues, GoThroughPipes) {
  auto [ours, theirs] = Pipe();
  const Array<int> array(1);
  ours.send(array);
  ours.send(SharedMemory());
  run(
      [](Connection connection) {
        auto received = connection.recv<Array<int>>(60s);
        static_cast<void>(connection.recv<SharedMemory>(60s));
        received[0] = 7;
        connection.send(RawValue<int>(received[0]));
      },
      theirs);
  EXPECT_EQ(ours.recv<RawValue<int>>(60s).value(), 7);
  EXPECT_EQ(array[0], 7);
}

struct Slot {
  Handle<Array<int>> array;
  int uses;
};

TEST_P(SharedValues, LieInOneAnotherByTheirHandles) {
  const Array<int> inner{1};
  const Value<Slot> outer(Slot{handle_of(inner), 0});
  run(
      [](const Value<Slot>& o) {
        o.with([](Slot& slot) {
          slot.array.open()[0] = 9;
          ++slot.uses;
        });
      },
      outer);
  EXPECT_EQ(inner[0], 9);
  EXPECT_EQ(outer.value().uses, 1);
}

TEST_P(SharedValues, AHandleWhoseObjectIsGoneSaysSo) {
  std::optional<Array<int>> array(3u);
  const Handle<Array<int>> handle = handle_of(*array);
  array.reset();
  run(
      [](Handle<Array<int>> gone) {
        try {
          static_cast<void>(gone.open());
        } catch (const ObjectGone& error) {
          ::_exit(std::string(error.what()).find("gone") == std::string::npos ? 2 : 0);
        }
        ::_exit(1);
      },
      handle);
  EXPECT_THROW(static_cast<void>(handle.open()), ObjectGone);
}

TEST(SharedHandle, OfNothingIsGone) {
  const Handle<Value<int>> none;
  EXPECT_FALSE(none);
  EXPECT_THROW(static_cast<void>(none.open()), ObjectGone);
}

TEST(SharedHandle, OfAnotherTypeIsRefused) {
  const Value<int> value(1);
  const Handle<Value<double>> wrong{handle_of(value).bits};
  EXPECT_THROW(static_cast<void>(wrong.open()), std::logic_error);
}

TEST(SharedHandle, HasAtomicAccess) {
  const Value<int> value(1);
  const RawValue<Handle<Value<int>>> current;
  current.atomic().store(handle_of(value));
  EXPECT_EQ(current.atomic().load().open().value(), 1);
}

}  // namespace
}  // namespace procyon
