#include "procyon/detail/wire/transferable.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "procyon/auth_key.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/partial.hpp"
#include "wire/codec_samples.hpp"

namespace procyon::wire {
namespace {

template <class T>
constexpr Problem problem_of = FindingFor<T>::problem;

struct HoldsView {
  int number;
  std::vector<std::map<int, std::string_view>> views;
};
struct HoldsText {
  const char* text;
};
struct HoldsReference {
  const int& reference;
};
struct HoldsMutableReference {
  std::string name;
  int& reference;
};
struct Base {
  int number;
};
struct Derived : Base {
  int more;
};
struct Animal {
  virtual ~Animal() = default;
};
struct Cat final : Animal {
  template <class Archive>
  void serialize(Archive&) {}
};
class Hidden {
 public:
  Hidden() = default;
  int number() const { return number_; }

 private:
  int number_ = 0;
};
class NoDefault {
 public:
  explicit NoDefault(int) {}
  template <class Archive>
  void serialize(Archive&) {}
};
union Either {
  int number;
  float fraction;
};
struct StatefulCompare {
  bool descending = false;
  bool operator()(int left, int right) const { return descending ? left > right : left < right; }
};

static_assert(Transferable<int> && Transferable<samples::Job> && Transferable<samples::Tree> &&
              Transferable<samples::Account> && Transferable<const int> && Transferable<int[3]>);
static_assert(Transferable<int (*)(int)> && Transferable<int (Hidden::*)() const> &&
              Transferable<int Base::*>);
static_assert(Transferable<std::vector<void (*)()>> && Transferable<std::less<>>);
static_assert(Transferable<Partial<int (*)(int), int>> && !Transferable<Partial<int (*)(int), int*>>);
static_assert(Transferable<std::unique_ptr<Cat>>);

static_assert(problem_of<int&> == Problem::reference);
static_assert(problem_of<std::tuple<int, const int&>> == Problem::reference);
static_assert(problem_of<HoldsReference> == Problem::reference);
static_assert(problem_of<HoldsMutableReference> == Problem::reference);
static_assert(problem_of<int*> == Problem::raw_pointer);
static_assert(problem_of<void*> == Problem::raw_pointer);
static_assert(problem_of<std::nullptr_t> == Problem::raw_pointer);
static_assert(problem_of<std::map<int, std::vector<int*>>> == Problem::raw_pointer);
static_assert(problem_of<HoldsText> == Problem::c_string);
static_assert(problem_of<HoldsView> == Problem::string_view);
static_assert(problem_of<std::span<int>> == Problem::span);
static_assert(problem_of<std::reference_wrapper<int>> == Problem::reference_wrapper);
static_assert(problem_of<std::function<void()>> == Problem::std_function);
static_assert(problem_of<NoDefault> == Problem::no_default_constructor);
static_assert(problem_of<Derived> == Problem::base_classes);
static_assert(problem_of<Either> == Problem::is_union);
static_assert(problem_of<std::unique_ptr<Animal>> == Problem::polymorphic_pointer);
static_assert(problem_of<std::shared_ptr<Animal>> == Problem::polymorphic_pointer);
static_assert(problem_of<Hidden> == Problem::class_type);
static_assert(problem_of<std::mutex> == Problem::class_type);
static_assert(problem_of<std::thread> == Problem::class_type);
static_assert(problem_of<std::set<int, StatefulCompare>> == Problem::class_type);
static_assert(std::is_same_v<FindingFor<HoldsView>::Offender, std::string_view>);

static_assert(std::is_same_v<stored_t<const char (&)[6]>, std::string>);
static_assert(std::is_same_v<stored_t<const char*>, std::string>);
static_assert(std::is_same_v<stored_t<char*>, std::string>);
static_assert(std::is_same_v<stored_t<const std::string&>, std::string>);
static_assert(std::is_same_v<stored_t<int&&>, int>);
static_assert(std::is_same_v<stored_t<int (&)(int)>, int (*)(int)>);
static_assert(std::is_same_v<stored_t<std::vector<bool>::reference>, bool>);
static_assert(!Transferable<stored_t<std::string_view>>);

TEST(Transferable, RefusesLambdasThatCaptureAlthoughTheyAreTriviallyCopyable) {
  int number = 1;
  auto by_reference = [&number] { return number; };
  auto by_value = [number] { return number; };
  auto nothing = [] { return 1; };
  auto generic = [](auto value) { return value; };
  EXPECT_EQ(by_reference() + by_value() + nothing() + generic(1), 4);
  static_assert(std::is_trivially_copyable_v<decltype(by_reference)>);
  EXPECT_EQ(problem_of<decltype(by_reference)>, Problem::captures);
  EXPECT_EQ(problem_of<decltype(by_value)>, Problem::captures);
  EXPECT_EQ(problem_of<decltype(nothing)>, Problem::none);
  EXPECT_EQ(problem_of<decltype(generic)>, Problem::none);
}

TEST(Transferable, RefusesSecrets) {
  struct WithKey {
    int number;
    AuthKey key;
  };
  EXPECT_FALSE(Transferable<AuthKey>);
  EXPECT_FALSE(Transferable<WithKey>);
  EXPECT_FALSE(Transferable<std::vector<AuthKey>>);
}

}  // namespace
}  // namespace procyon::wire
