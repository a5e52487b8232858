#include "procyon/detail/manager/signature.hpp"

#include <gtest/gtest.h>

#include "procyon/proxy.hpp"

namespace procyon::manager {
namespace {

struct Point {
  double x;
  double y;
};
struct Named {
  int number;
  std::string name;
};
struct Tree {
  std::string name;
  std::vector<Tree> children;
};
class Hidden {
 public:
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value_);
  }

 private:
  int value_ = 0;
};
enum class Colour : std::uint16_t { red };

struct Counter {
  int inc(int by) { return by; }
  [[nodiscard]] std::string name() const noexcept { return ""; }
  void put(const std::string& /*key*/, const std::vector<double>& /*values*/) {}
  [[nodiscard]] std::shared_ptr<Point> origin() const { return nullptr; }
  [[nodiscard]] Proxy<Point> corner() const { return {}; }
  [[nodiscard]] std::shared_ptr<const Point> copy() const { return nullptr; }
  [[nodiscard]] std::shared_ptr<int> number() const { return nullptr; }
};

TEST(Signature, OfNumbersIsTheirSize) {
  EXPECT_EQ(signature_of<int>(), "i32");
  EXPECT_EQ(signature_of<unsigned long>(), "u64");
  EXPECT_EQ(signature_of<long long>(), signature_of<long>());
  EXPECT_EQ(signature_of<double>(), "f64");
  EXPECT_EQ(signature_of<bool>(), "bool");
  EXPECT_EQ(signature_of<Colour>(), "u16");
}

TEST(Signature, OfTheLibrarysTypesSaysWhatTheyHold) {
  EXPECT_EQ(signature_of<std::string>(), "str");
  EXPECT_EQ((signature_of<std::map<std::string, int>>()), "map<str,i32>");
  EXPECT_EQ(signature_of<std::vector<std::optional<int>>>(), "list<optional<i32>>");
  EXPECT_EQ((signature_of<std::tuple<int, std::string>>()), "{i32,str}");
  EXPECT_EQ((signature_of<std::array<int, 12>>()), "array<i32,12>");
  EXPECT_EQ(signature_of<std::chrono::milliseconds>(), "duration<i64,1/1000>");
  EXPECT_NE(signature_of<std::vector<bool>>(), signature_of<std::deque<bool>>());
}

TEST(Signature, OfAnAggregateIsThatOfItsMembers) {
  EXPECT_EQ(signature_of<Named>(), "{i32,str}");
  EXPECT_EQ(signature_of<Point>(), "pod{f64,f64}");
  EXPECT_EQ(signature_of<Tree>(), "{str,list<Tree>}");
}

TEST(Signature, OfWhatHidesItsMembersIsItsName) {
  EXPECT_EQ(signature_of<Hidden>(), "Hidden");
  EXPECT_EQ(signature_of<Proxy<Counter>>(), "proxy<Proxy<Counter>>");
}

TEST(Signature, OfAMethodHasItsNameAndTypes) {
  EXPECT_EQ(method_signature<&Counter::inc>(), "inc(i32)->i32");
  EXPECT_EQ(method_signature<&Counter::name>(), "name()->str");
  EXPECT_EQ(method_signature<&Counter::put>(), "put(str,list<f64>)->void");
}

TEST(Signature, OfAnObjectThatIsServedIsAProxy) {
  EXPECT_EQ(method_signature<&Counter::origin>(), "origin()->proxy");
  EXPECT_EQ(method_signature<&Counter::corner>(), "corner()->proxy");
  EXPECT_EQ(method_signature<&Counter::copy>(), "copy()->ptr<pod{f64,f64}>");
  EXPECT_EQ(method_signature<&Counter::number>(), "number()->ptr<i32>");
  EXPECT_EQ(signature::proxy_text<Point>.view(), signature_of<Proxy<Point>>());
}

}  // namespace
}  // namespace procyon::manager
