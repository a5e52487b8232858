#include "wire/throw_site.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "procyon/detail/wire/exceptions.hpp"
#include "procyon/errors.hpp"
#include "procyon/outcome.hpp"
#include "wire/symbol.hpp"

namespace procyon::wire {
namespace {

// False under sanitizers, where __cxa_throw is theirs.
bool is_effective() {
  try {
    throw 1;
  } catch (int) {
  }
  return !last_throw_site().empty();
}

struct OwnError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[gnu::noinline]] void distinct_function_that_throws(int number) {
  if (number > 0) throw OwnError("x");
}
[[gnu::noinline]] int distinct_function_that_uses_at(const std::vector<int>& values) { return values.at(10); }

std::exception_ptr catch_one() {
  try {
    distinct_function_that_throws(1);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

TEST(ThrowSite, IsTheFunctionThatThrew) {
  if (!is_effective()) GTEST_SKIP() << "__cxa_throw is not interposed in this build";
  const std::exception_ptr exception = catch_one();
  EXPECT_NE(last_throw_site().find("distinct_function_that_throws(int)+0x"), std::string::npos)
      << last_throw_site();
  EXPECT_EQ(throw_site_of(exception), last_throw_site());
}

TEST(ThrowSite, IsFoundAfterOtherThrows) {
  if (!is_effective()) GTEST_SKIP() << "__cxa_throw is not interposed in this build";
  const std::exception_ptr exception = catch_one();
  for (int count = 0; count < 5; ++count) {
    try {
      throw count;
    } catch (int) {
    }
  }
  EXPECT_NE(throw_site_of(exception).find("distinct_function_that_throws"), std::string::npos);
  EXPECT_EQ(last_throw_site().find("distinct_function_that_throws"), std::string::npos);
}

TEST(ThrowSite, OfALibraryExceptionIsWhoCalledTheLibrary) {
  if (!is_effective()) GTEST_SKIP() << "__cxa_throw is not interposed in this build";
  EXPECT_THROW(distinct_function_that_uses_at({1}), std::out_of_range);
  EXPECT_NE(last_throw_site().find("distinct_function_that_uses_at"), std::string::npos) << last_throw_site();
}

TEST(ThrowSite, BelongsToTheThreadThatThrew) {
  const std::exception_ptr exception = catch_one();
  std::thread([&] {
    EXPECT_EQ(last_throw_site(), "");
    EXPECT_EQ(throw_site_of(exception), "");
  }).join();
}

TEST(ThrowSite, TravelsWithTheException) {
  if (!is_effective()) GTEST_SKIP() << "__cxa_throw is not interposed in this build";
  Writer writer;
  encode_exception(writer, catch_one());
  Reader reader(writer.bytes());
  const Error error(decode_exception(reader));
  EXPECT_NE(error.where().find("distinct_function_that_throws"), std::string::npos) << error.where();
}

TEST(ThrowSite, IsEmptyForNoException) { EXPECT_EQ(throw_site_of(nullptr), ""); }

TEST(Symbol, IsReadFromTheFileOfTheModule) {
  const std::string text = describe_address(reinterpret_cast<const void*>(&distinct_function_that_uses_at));
  EXPECT_NE(text.find("distinct_function_that_uses_at(std::vector<int"), std::string::npos) << text;
  EXPECT_NE(text.find("+0x0 in /"), std::string::npos) << text;
  const int local = 0;
  EXPECT_EQ(describe_address(&local), "");
}

}  // namespace
}  // namespace procyon::wire
