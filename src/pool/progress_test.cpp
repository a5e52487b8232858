#include "procyon/progress.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <list>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace procyon {
namespace {

using namespace std::chrono_literals;

// A terminal of our own: what a bar writes to file() comes out of drawn().
class Terminal {
 public:
  explicit Terminal(unsigned short columns = 80) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = columns;
    int slave = -1;
    if (::openpty(&master_, &slave, nullptr, nullptr, &size) != 0)
      throw std::runtime_error("no pseudo-terminal");
    file_ = ::fdopen(slave, "w");
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    std::fclose(file_);
    ::close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::FILE* file() const { return file_; }
  std::string drawn() const {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::read(master_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int master_ = -1;
  std::FILE* file_ = nullptr;
};

// What stood on the line one after the other.
std::vector<std::string> states(const std::string& drawn) {
  std::vector<std::string> result;
  std::istringstream stream(drawn);
  for (std::string state; std::getline(stream, state, '\r');) {
    if (!state.empty() && state != "\n") result.push_back(state);
  }
  return result;
}

// A range that is no container: it makes its elements, does not know how many, and is read once (as the
// pool's are; and the standard's views do not compile with clang 14).
template <class Make>
struct Generated {
  struct Iterator {
    const Generated* range;
    int next = 0;
    auto operator*() const { return range->make(next); }
    Iterator& operator++() {
      ++next;
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return next == range->count; }
  };
  Iterator begin() const { return {this}; }
  std::default_sentinel_t end() const { return {}; }

  Make make;
  int count;
};
template <class Make>
Generated(Make, int) -> Generated<Make>;

struct FakeOutcome {
  int value;
  explicit operator bool() const { return value >= 0; }
  std::string error() const { return "negative"; }
};

// The bar's glyphs depend on the locale of the environment; the tests choose it.
class ProgressTest : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("LC_ALL", "C", 1); }
};

TEST_F(ProgressTest, ShowsTheTotalOfASizedRangeAndEndsTheLine) {
  const Terminal terminal;
  int sum = 0;
  for (const int x : progress({.description = "adding", .unit = "number", .file = terminal.file()},
                              std::vector{1, 2, 3, 4})) {
    sum += x;
  }
  EXPECT_EQ(sum, 10);
  const std::string drawn = terminal.drawn();
  const auto seen = states(drawn);
  ASSERT_GE(seen.size(), 2U);
  EXPECT_TRUE(seen.front().starts_with("adding:   0%|")) << seen.front();
  EXPECT_NE(seen.front().find("| 0/4 [00:00<?, ? number/s]"), std::string::npos) << seen.front();
  EXPECT_TRUE(seen.back().starts_with("adding: 100%|####")) << seen.back();
  EXPECT_NE(seen.back().find("#| 4/4 [00:00<00:00, "), std::string::npos) << seen.back();
  EXPECT_TRUE(drawn.ends_with("\r\n"));
}

TEST_F(ProgressTest, CountsOnlyWithoutATotal) {
  const Terminal terminal;
  int sum = 0;
  for (const int x : progress({.file = terminal.file()}, Generated{[](int i) { return i * i; }, 3})) sum += x;
  EXPECT_EQ(sum, 5);
  const auto last = states(terminal.drawn()).back();
  EXPECT_TRUE(last.starts_with("3 [00:00, ")) << last;
  EXPECT_EQ(last.find('%'), std::string::npos);
}

TEST_F(ProgressTest, TakesTheTotalFromTheOptionsAndForgetsOneThatIsTooSmall) {
  const Terminal terminal;
  const std::list<int> three{1, 2, 3};
  for ([[maybe_unused]] const int x : progress({.total = 2, .file = terminal.file()}, three)) {
  }
  const auto seen = states(terminal.drawn());
  EXPECT_NE(seen.front().find("0/2"), std::string::npos);
  EXPECT_TRUE(seen.back().starts_with("3 [")) << seen.back();
}

TEST_F(ProgressTest, LoopsOverAnLvalueInPlace) {
  const Terminal terminal;
  std::vector<int> numbers{1, 2, 3};
  for (int& x : progress({.file = terminal.file()}, numbers)) x *= 10;
  EXPECT_EQ(numbers, (std::vector{10, 20, 30}));
}

TEST_F(ProgressTest, PassesOnElementsThatCanOnlyBeMoved) {
  const Terminal terminal;
  std::vector<std::unique_ptr<int>> boxes;
  boxes.push_back(std::make_unique<int>(7));
  for (auto& box : progress({.file = terminal.file()}, std::move(boxes))) {
    const auto taken = std::move(box);
    EXPECT_EQ(*taken, 7);
  }
}

TEST_F(ProgressTest, CountsFailedOutcomesEvenWhenTheLoopMovesThem) {
  const Terminal terminal;
  std::vector<FakeOutcome> outcomes{{1}, {-1}, {2}, {-2}};
  for (auto& outcome : progress({.file = terminal.file()}, outcomes)) std::exchange(outcome, FakeOutcome{0});
  EXPECT_NE(states(terminal.drawn()).back().find(", 2 failed]"), std::string::npos);
}

TEST_F(ProgressTest, CountsFailedOutcomesThatAreMadeOnReading) {
  const Terminal terminal;
  const auto outcome = [](int i) { return FakeOutcome{i - 2}; };
  int good = 0;
  for (const auto& o : progress({.file = terminal.file()}, Generated{outcome, 5})) good += o ? 1 : 0;
  EXPECT_EQ(good, 3);
  EXPECT_NE(states(terminal.drawn()).back().find(", 2 failed]"), std::string::npos);
}

TEST_F(ProgressTest, DrawsAtMostTenTimesASecond) {
  const Terminal terminal;
  const auto start = std::chrono::steady_clock::now();
  for ([[maybe_unused]] const int x : progress({.file = terminal.file()}, std::vector<int>(100'000))) {
  }
  const auto tenths = (std::chrono::steady_clock::now() - start) / 100ms;
  EXPECT_LE(states(terminal.drawn()).size(), static_cast<std::size_t>(tenths) + 2);
}

TEST_F(ProgressTest, NeverFillsTheTerminalsLastColumn) {
  for (const unsigned short columns : std::initializer_list<unsigned short>{1, 2, 10, 20, 40, 60, 80, 200}) {
    const Terminal terminal(columns);
    {
      ProgressBar bar({.description = "a rather long description", .total = 10, .file = terminal.file()});
      bar.advance(5, 2);
    }
    for (auto state : states(terminal.drawn())) {
      while (!state.empty() && (state.back() == '\n' || state.back() == '\r')) state.pop_back();
      EXPECT_LE(state.size(), std::max<std::size_t>(columns, 2) - 1) << state;
    }
  }
}

TEST_F(ProgressTest, DrawsEighthsWhereTheTerminalSpeaksUtf8) {
  ::setenv("LC_ALL", "C.UTF-8", 1);
  const Terminal terminal(60);
  {
    ProgressBar bar({.total = 3, .file = terminal.file()});
    bar.advance();
  }
  const auto last = states(terminal.drawn()).back();
  EXPECT_TRUE(last.starts_with(" 33%|\u2588\u2588")) << last;
}

TEST_F(ProgressTest, EndsTheLineWhenTheLoopIsLeftEarly) {
  const Terminal terminal;
  for (const int x : progress({.file = terminal.file()}, std::vector{0, 1, 2, 3, 4})) {
    if (x == 3) break;
  }
  const std::string drawn = terminal.drawn();
  EXPECT_NE(states(drawn).back().find(" 3/5 ["), std::string::npos) << drawn;
  EXPECT_TRUE(drawn.ends_with("\r\n"));
}

TEST_F(ProgressTest, EndsTheLineWhenTheLoopThrows) {
  const Terminal terminal;
  EXPECT_THROW(
      {
        for (const int x : progress({.file = terminal.file()}, std::vector{0, 1, 2, 3, 4})) {
          if (x == 3) throw std::runtime_error("three");
        }
      },
      std::runtime_error);
  EXPECT_TRUE(terminal.drawn().ends_with("\r\n"));
}

TEST_F(ProgressTest, WipesTheLineWhenItIsNotToBeLeft) {
  const Terminal terminal;
  for ([[maybe_unused]] const int x : progress({.leave = false, .file = terminal.file()}, std::vector{1})) {
  }
  const std::string drawn = terminal.drawn();
  EXPECT_TRUE(drawn.ends_with(" \r")) << drawn;
  EXPECT_EQ(states(drawn).back().find_first_not_of(' '), std::string::npos);
}

TEST_F(ProgressTest, IsSilentWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  for ([[maybe_unused]] const int x : progress({.file = file}, std::vector{1, 2})) {
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

TEST_F(ProgressTest, IsNotDrawnByAChildForkedInsideTheLoop) {
  const Terminal terminal;
  ProgressBar bar({.total = 2, .file = terminal.file()});
  [[maybe_unused]] const auto before = terminal.drawn();
  const pid_t child = ::fork();
  if (child == 0) {
    bar.advance(2);
    bar.~ProgressBar();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(terminal.drawn(), "");
}

static_assert(std::input_iterator<Progress<std::vector<int>&>::Iterator>);
static_assert(
    std::sentinel_for<Progress<std::vector<int>&>::Sentinel, Progress<std::vector<int>&>::Iterator>);

// As AsyncResult: it is known how it ended once somebody has waited.
struct FakeResult {
  bool good;
  mutable bool waited = false;
  bool ready() const { return waited; }
  bool successful() const { return good; }
};

TEST_F(ProgressTest, CountsResultsThatFailedWhileTheLoopWaitedForThem) {
  const Terminal terminal;
  const std::vector<FakeResult> results = {{true}, {false}, {true}, {false}};
  for (const auto& result : progress({.file = terminal.file()}, results)) result.waited = true;
  const auto seen = states(terminal.drawn());
  ASSERT_GE(seen.size(), 2U);
  EXPECT_NE(seen[seen.size() - 1].find("4/4"), std::string::npos) << seen.back();
  EXPECT_NE(seen[seen.size() - 1].find("2 failed"), std::string::npos) << seen.back();
}

TEST_F(ProgressTest, ABarCountsByCallbacksFromAnyThread) {
  const Terminal terminal;
  {
    ProgressBar bar({.total = 4000, .file = terminal.file()});
    const auto good = bar.on_success();
    const auto bad = bar.on_failure();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int each = 0; each < 1000; ++each) each % 10 == 0 ? bad(std::string("error")) : good(each);
      });
    for (std::thread& thread : threads) thread.join();
  }
  const auto seen = states(terminal.drawn());
  ASSERT_FALSE(seen.empty());
  EXPECT_NE(seen.back().find("4000/4000"), std::string::npos) << seen.back();
  EXPECT_NE(seen.back().find("400 failed"), std::string::npos) << seen.back();
}

TEST_F(ProgressTest, ABarOfUnknownLengthCounts) {
  const Terminal terminal;
  {
    ProgressBar bar({.unit = "task", .file = terminal.file()});
    bar.on_success()();
    bar.on_failure()(1, 2);
  }
  const auto seen = states(terminal.drawn());
  EXPECT_EQ(seen.back().find('%'), std::string::npos) << seen.back();
  EXPECT_EQ(seen.back().rfind("2 [00:00", 0), 0U) << seen.back();
  EXPECT_NE(seen.back().find("1 failed"), std::string::npos) << seen.back();
}

TEST_F(ProgressTest, ABarIsSilentWhereThereIsNoTerminal) {
  std::FILE* const file = std::tmpfile();
  {
    ProgressBar bar({.total = 2, .file = file});
    bar.on_success()(1);
    bar.on_failure()(2);
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

}  // namespace
}  // namespace procyon
