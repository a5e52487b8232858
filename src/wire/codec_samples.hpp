// Values of every kind that the codec knows, for tests that do the same with each.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "procyon/detail/wire/codec.hpp"

namespace procyon::wire::samples {

enum class Color : unsigned char { red, green, blue };
enum class Switch : bool { off, on };

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Flags {
  int number = 0;
  bool flag = false;
  friend bool operator==(const Flags&, const Flags&) = default;
};

struct Job {
  int id = 0;
  std::string name;
  Point corners[2][2] = {};
  std::vector<Point> path;
  std::array<std::string, 2> tags;
  Color color = Color::red;
  friend bool operator==(const Job&, const Job&) = default;
};

struct BitFields {
  unsigned low : 3;
  unsigned high : 5;
  std::string text;
  friend bool operator==(const BitFields&, const BitFields&) = default;
};

struct Constant {
  const int number;
  const std::string text;
  friend bool operator==(const Constant&, const Constant&) = default;
};

struct Empty {
  friend bool operator==(const Empty&, const Empty&) = default;
};

// Contains itself, in two ways.
struct Tree {
  int value = 0;
  std::vector<Tree> children;
  std::shared_ptr<Tree> other;
  friend bool operator==(const Tree& left, const Tree& right) {
    return left.value == right.value && left.children == right.children &&
           (left.other == nullptr) == (right.other == nullptr) &&
           (!left.other || *left.other == *right.other);
  }
};

// Private members, as cereal's users write it.
class Account {
 public:
  Account() = default;
  Account(std::string owner, long balance) : owner_(std::move(owner)), balance_(balance) {}

  template <class Archive>
  void serialize(Archive& archive) {
    archive(owner_, balance_);
    if constexpr (Archive::is_loading::value) loaded_ = true;
  }

  bool loaded() const { return loaded_; }
  friend bool operator==(const Account& left, const Account& right) {
    return left.owner_ == right.owner_ && left.balance_ == right.balance_;
  }

 private:
  std::string owner_;
  long balance_ = 0;
  bool loaded_ = false;
};

// A class that says of itself that its bytes may be copied.
class Fixed {
 public:
  explicit Fixed(double value) : units_(static_cast<long>(value * 1000)) {}
  friend bool operator==(const Fixed&, const Fixed&) = default;

 private:
  long units_;
};

// Calls visit(name, value) for a value of each kind.
template <class Visit>
void for_each(Visit visit);

}  // namespace procyon::wire::samples

template <>
inline constexpr bool procyon::enable_bitwise<procyon::wire::samples::Fixed> = true;

namespace procyon::wire::samples {

template <class Visit>
void for_each_simple(Visit& visit) {
  using namespace std::chrono_literals;
  visit("bool", true);
  visit("char", 'x');
  visit("int", -5);
  visit("uint64", std::numeric_limits<std::uint64_t>::max());
  visit("float", 1.5F);
  visit("double", -0.25);
  visit("enum", Color::blue);
  visit("enum of bool", Switch::on);
  visit("byte", std::byte{7});
  visit("string", std::string("hello"));
  visit("empty string", std::string());
  visit("string with zeros", std::string("a\0b", 3));
  visit("long string", std::string(5000, 'y'));
  visit("wide string", std::wstring(L"wide"));
  visit("u16string", std::u16string(u"u16"));
  visit("duration", 1500ms);
  visit("time point", std::chrono::system_clock::time_point(12345s));
  visit("complex", std::complex<double>(1, -2));
  visit("bitset", std::bitset<13>("1010011100101"));
  visit("path", std::filesystem::path("/a/b c"));
  visit("monostate", std::monostate{});
  visit("member pointer", &Point::y);
}

template <class Visit>
void for_each_container(Visit& visit) {
  visit("vector", std::vector<int>{1, 2, 3});
  visit("empty vector", std::vector<int>{});
  visit("vector of bool", std::vector<bool>{true, false, true, true, false, true, true, true, false});
  visit("vector of string", std::vector<std::string>{"a", "", "ccc"});
  visit("vector of vector", std::vector<std::vector<Point>>{{}, {{1, 2}}, {{3, 4}, {5, 6}}});
  visit("vector of empty", std::vector<Empty>(3));
  visit("vector of monostate", std::vector<std::monostate>(2));
  visit("vector of not trivial", std::vector<Point>{{1, 2}, {3, 4}});
  visit("vector of fixed", std::vector<Fixed>{Fixed(1.5), Fixed(2.5)});
  visit("deque", std::deque<std::string>{"a", "b"});
  visit("list", std::list<int>{1, 2});
  visit("array", std::array<int, 3>{1, 2, 3});
  visit("array of string", std::array<std::string, 2>{"a", "b"});
  visit("empty array", std::array<std::string, 0>{});
  visit("map", std::map<std::string, int>{{"a", 1}, {"b", 2}});
  visit("map of map", std::map<int, std::map<int, std::string>>{{1, {{2, "x"}}}, {3, {}}});
  visit("multimap", std::multimap<int, int>{{1, 2}, {1, 3}});
  visit("descending map", std::map<int, int, std::greater<>>{{1, 2}, {3, 4}});
  visit("set", std::set<std::string>{"b", "a"});
  visit("multiset", std::multiset<int>{1, 1, 2});
  visit("unordered_set", std::unordered_set<int>{1, 2, 3});
  visit("unordered_multiset", std::unordered_multiset<int>{1, 1});
  visit("unordered_map", std::unordered_map<std::string, Point>{{"a", {1, 2}}, {"b", {3, 4}}});
  visit("unordered_multimap", std::unordered_multimap<int, int>{{1, 2}, {1, 3}});
}

template <class Visit>
void for_each_composite(Visit& visit) {
  visit("optional", std::optional<std::string>("x"));
  visit("empty optional", std::optional<int>());
  visit("optional of optional", std::optional<std::optional<int>>(std::optional<int>()));
  visit("variant", std::variant<int, std::string, Point>(Point{1, 2}));
  visit("variant, first", std::variant<std::monostate, std::string>());
  visit("variant of equal types", std::variant<int, int>(std::in_place_index<1>, 5));
  visit("pair", std::pair<int, std::string>(1, "x"));
  visit("pair of const", std::pair<const int, bool>(1, true));
  visit("tuple", std::tuple<int, std::string, std::vector<int>>(1, "x", {1, 2}));
  visit("empty tuple", std::tuple<>());
  visit("tuple of tuple", std::tuple<std::tuple<int>>(std::tuple<int>(4)));
  visit("aggregate", Point{1, 2});
  visit("aggregate with bool", Flags{4, true});
  visit("aggregate of everything", Job{7, "name", {{{1, 2}, {}}, {}}, {{1, 2}}, {"x", "y"}, Color::green});
  visit("aggregate of bit fields", BitFields{5, 17, "x"});
  visit("aggregate of constants", Constant{5, "x"});
  visit("empty aggregate", Empty{});
  visit("tree",
        Tree{1, {Tree{2, {}, nullptr}, Tree{3, {Tree{}}, nullptr}}, std::make_shared<Tree>(Tree{9, {}, {}})});
  visit("serialize", Account("me", 12));
  visit("vector of serialize", std::vector<Account>{{"me", 12}, {"you", 13}});
  visit("enable_bitwise", Fixed(2.5));
}

template <class Visit>
void for_each(Visit visit) {
  for_each_simple(visit);
  for_each_container(visit);
  for_each_composite(visit);
}

}  // namespace procyon::wire::samples
