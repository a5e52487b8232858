#include "procyon/detail/wire/reflection.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "procyon/detail/wire/bitwise.hpp"
#include "procyon/detail/wire/fields.hpp"

namespace procyon::wire {
namespace {

struct Nothing {};
struct Point {
  double x, y;
};
struct WithDefaults {
  int number = 3;
  std::string text = "abc";
  std::optional<int> maybe;
};
struct WithArrays {
  char name[16];
  Point corners[2][3];
  int last;
};
struct Nested {
  Point point;
  WithArrays arrays;
  std::array<std::string, 3> texts;
  std::map<int, std::vector<int>> map;
};
struct NoDefault {
  explicit NoDefault(int) {}
};
struct HoldsNoDefault {
  NoDefault first;
  int second;
};
struct ArrayBesideNoDefault {
  int array[3];
  NoDefault last;
};
struct WithConst {
  const int number;
  const std::string text;
};
struct WithReference {
  int& reference;
};
struct Derived : Point {
  int more;
};
struct DerivedFromNothing : Nothing {
  int more;
};
struct WithUniquePointer {
  std::unique_ptr<int> pointer;
  std::unique_ptr<WithUniquePointer> next;
};
struct Large {
  int m01, m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12, m13, m14, m15, m16;
  int m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32;
};
struct TooLarge {
  Large first;
  int m01, m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12, m13, m14, m15, m16;
  int m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32;
};
struct BitFields {
  unsigned low : 3;
  unsigned high : 5;
  int whole;
};
enum class Color : unsigned char { red, green };
struct Mixed {
  Color color;
  long double number;
  std::byte byte;
};
struct WithBool {
  int number;
  bool flag;
};
struct WithPointer {
  int number;
  char* pointer;
};
class Hidden {
 public:
  Hidden() = default;
  int number() const { return number_; }

 private:
  int number_ = 0;
};

static_assert(field_count<Nothing> == 0);
static_assert(field_count<Point> == 2);
static_assert(field_count<WithDefaults> == 3);
static_assert(field_count<WithArrays> == 3);
static_assert(field_count<Nested> == 4);
static_assert(field_count<HoldsNoDefault> == 2);
static_assert(field_count<WithConst> == 2);
static_assert(field_count<WithUniquePointer> == 2);
static_assert(field_count<Large> == 32);
static_assert(field_count<BitFields> == 3);
static_assert(field_count<Mixed> == 3);

static_assert(!ReflectedAggregate<ArrayBesideNoDefault>);
static_assert(!ReflectedAggregate<TooLarge>);
static_assert(!ReflectedAggregate<Derived>);
static_assert(!ReflectedAggregate<DerivedFromNothing>);
static_assert(!ReflectedAggregate<Hidden>);
static_assert(!ReflectedAggregate<int>);
static_assert(!ReflectedAggregate<std::string>);
static_assert(has_bases<Derived> && has_bases<DerivedFromNothing> && !has_bases<Point> && !has_bases<Nested>);

static_assert(std::is_same_v<FieldTypes<WithArrays>, TypeList<char[16], Point[2][3], int>>);
static_assert(std::is_same_v<FieldTypes<WithReference>, TypeList<int&>>);
static_assert(std::is_same_v<FieldTypes<WithConst>, TypeList<const int, const std::string>>);

static_assert(bitwise<int> && bitwise<double> && bitwise<Color> && bitwise<std::byte> && bitwise<char16_t>);
static_assert(bitwise<Point> && bitwise<WithArrays> && bitwise<Large> && bitwise<Mixed>);
static_assert(bitwise<std::array<Point, 4>> && bitwise<Point[4]> && bitwise<std::complex<float>>);
static_assert(bitwise<std::chrono::nanoseconds> && bitwise<std::chrono::system_clock::time_point>);
static_assert(!bitwise<bool> && !bitwise<WithBool> && !bitwise<WithPointer> && !bitwise<int*>);
static_assert(!bitwise<WithReference> && !bitwise<Hidden> && !bitwise<std::string> && !bitwise<Nothing>);

TEST(Reflection, VisitsTheMembersInTheirOrder) {
  WithDefaults value;
  std::string seen;
  visit_fields(value, [&seen](int& number, std::string& text, std::optional<int>& maybe) {
    seen = std::to_string(number) + text + (maybe ? "some" : "none");
    number = 8;
  });
  EXPECT_EQ(seen, "3abcnone");
  EXPECT_EQ(value.number, 8);
}

TEST(Reflection, SeesArraysAsOneMember) {
  WithArrays value{};
  value.last = 4;
  visit_fields(value, [](char(&name)[16], Point(&corners)[2][3], int& last) {
    EXPECT_EQ(sizeof(name), 16U);
    EXPECT_EQ(sizeof(corners), 6 * sizeof(Point));
    EXPECT_EQ(last, 4);
  });
}

TEST(TypeName, IsWhatTheSourceSays) {
  EXPECT_EQ(type_name<int>(), "int");
  EXPECT_NE(type_name<Point>().find("Point"), std::string_view::npos);
  EXPECT_NE(type_hash<int>(), type_hash<unsigned>());
  EXPECT_NE(type_hash<void(int)>(), type_hash<void(long)>());
}

TEST(TypeName, TellsLambdasFromOtherTypes) {
  int number = 0;
  auto captures = [&number](std::vector<int> values) { number += static_cast<int>(values.size()); };
  auto nothing = [] {};
  auto generic = [](auto value) { return value; };
  captures({});
  static_assert(is_closure<decltype(captures)>() && is_closure<decltype(nothing)>() &&
                is_closure<decltype(generic)>());
  static_assert(!is_closure<int>() && !is_closure<Point>() && !is_closure<std::vector<decltype(nothing)>>());
}

}  // namespace
}  // namespace procyon::wire
