// What a process may be told to run, and with which arguments.

#include "process/arguments_test.hpp"

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "procyon/partial.hpp"

namespace procyon {
namespace {

using namespace testing;

void named_alike() { ::_exit(11); }

class ArgumentsTest : public UnderEachStartMethod {
 protected:
  template <class F, class... Arguments>
  static int code_of(F&& target, Arguments&&... arguments) {
    auto p = context().Process(std::forward<F>(target), std::forward<Arguments>(arguments)...);
    p.start();
    p.join();
    return *p.exitcode();
  }
};
INSTANTIATE_TEST_SUITE_P(Under, ArgumentsTest, all_start_methods, name_of_start_method);

TEST_P(ArgumentsTest, ComeByPosition) {
  EXPECT_EQ(
      code_of([](int a, long b, char c,
                 const std::string& d) { ::_exit(a == 1 && b == 2 && c == 'c' && d == "four" ? 7 : 1); },
              1, 2L, 'c', "four"),
      7);
}

struct Args {
  int a = 0;
  int b = 0;
  std::string c = "default";
};

TEST_P(ArgumentsTest, ComeByNameInAnAggregate) {
  const auto target = [](const Args& args) {
    ::_exit(args.a == 4 && args.b == 0 && args.c == "six" ? 7 : 1);
  };
  EXPECT_EQ(code_of(target, Args{.a = 4, .c = "six"}), 7);
}

TEST_P(ArgumentsTest, ComeByPositionAndByName) {
  const auto target = [](int first, const Args& args) {
    ::_exit(first == 1 && args.a == 4 && args.b == 5 && args.c == "default" ? 7 : 1);
  };
  EXPECT_EQ(code_of(target, 1, Args{.a = 4, .b = 5}), 7);
}

TEST_P(ArgumentsTest, MayBeMovableOnly) {
  std::vector<std::unique_ptr<std::string>> many;
  many.push_back(std::make_unique<std::string>("one"));
  many.push_back(nullptr);
  const auto target = [](std::unique_ptr<int> number, std::vector<std::unique_ptr<std::string>> texts) {
    ::_exit(*number == 42 && *texts.at(0) == "one" && texts.at(1) == nullptr ? 7 : 1);
  };
  EXPECT_EQ(code_of(target, std::make_unique<int>(42), std::move(many)), 7);
}

struct MovableFunction {
  std::unique_ptr<int> number;
  void operator()() const { ::_exit(*number); }
};

TEST_P(ArgumentsTest, TheTargetMayBeMovableOnly) {
  EXPECT_EQ(code_of(MovableFunction{std::make_unique<int>(7)}), 7);
}

TEST_P(ArgumentsTest, AreCopiedWhenTheProcessIsMade) {
  std::vector<int> numbers{1, 2, 3};
  auto p = context().Process([](const std::vector<int>& n) { ::_exit(static_cast<int>(n.size())); }, numbers);
  numbers.clear();
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 3);
}

struct Account {
  int balance = 0;
  void exit_with_balance(int more) const { ::_exit(balance + more); }
};

TEST_P(ArgumentsTest, TheTargetMayBeAMemberFunctionWithItsObject) {
  EXPECT_EQ(code_of(&Account::exit_with_balance, Account{40}, 2), 42);
}

TEST_P(ArgumentsTest, TheTargetMayBeAPartial) {
  EXPECT_EQ(code_of(partial([](int a, int b, int c) { ::_exit(a + b + c); }, 1, 2), 4), 7);
}

TEST_P(ArgumentsTest, ContainersAndOptionalsCross) {
  const std::map<std::string, std::vector<int>> table{{"a", {1, 2}}, {"b", {}}};
  const auto target = [](const std::map<std::string, std::vector<int>>& t, std::optional<int> there,
                         std::optional<int> absent) {
    ::_exit(t.at("a").size() == 2 && t.at("b").empty() && there == 3 && !absent ? 7 : 1);
  };
  EXPECT_EQ(code_of(target, table, std::optional(3), std::optional<int>()), 7);
}

TEST_P(ArgumentsTest, TheTargetMayBeATemplate) {
  EXPECT_EQ(code_of(exit_with_number<7>), 7);
  EXPECT_EQ(code_of(exit_with_number<8>), 8);
  EXPECT_EQ(code_of([](int size) { ::_exit(size); }, size_of_each(1.0)), static_cast<int>(sizeof(double)));
  EXPECT_EQ(code_of([](auto value) { ::_exit(size_of_each(value)); }, 'c'), 1);
}

TEST_P(ArgumentsTest, TheTargetMayBeInlineOrNamedAlikeInAnotherTranslationUnit) {
  EXPECT_EQ(code_of(exit_with_inline, 9), 9);
  EXPECT_EQ(code_of(named_alike), 11);
  EXPECT_EQ(code_of([] { ::_exit(44); }), 44);
  EXPECT_EQ(codes_of_the_other_unit(context()), std::pair(22, 33));
}

TEST_P(ArgumentsTest, FunctionPointersAmongThemCross) {
  EXPECT_EQ(code_of([](void (*function)(int), int code) { function(code); }, &exit_with_inline, 7), 7);
}

}  // namespace
}  // namespace procyon
