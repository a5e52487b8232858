#include "procyon/outcome.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "procyon/errors.hpp"

namespace procyon {
namespace {

Outcome<int> failed() { return std::make_exception_ptr(std::out_of_range("no such thing")); }

TEST(Outcome, HoldsAValue) {
  Outcome<std::string> outcome("abc");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, "abc");
  EXPECT_EQ(outcome->size(), 3U);
  EXPECT_EQ(outcome.value(), "abc");
  EXPECT_EQ(outcome.value_or("x"), "abc");
  *outcome += "d";
  EXPECT_EQ(std::move(outcome).value(), "abcd");
}

TEST(Outcome, HoldsAnError) {
  const Outcome<int> outcome = failed();
  ASSERT_FALSE(outcome);
  EXPECT_THROW(outcome.value(), std::out_of_range);
  EXPECT_EQ(outcome.value_or(7), 7);
  EXPECT_EQ(outcome.error().what(), "no such thing");
  EXPECT_EQ(outcome.error().type(), "std::out_of_range");
  EXPECT_TRUE(outcome.error().is<std::logic_error>());
  EXPECT_FALSE(outcome.error().is<std::bad_alloc>());
  EXPECT_THROW(outcome.error().rethrow(), std::out_of_range);
}

TEST(Outcome, TellsMisuse) {
  const Outcome<int> outcome = failed();
  try {
    static_cast<void>(*outcome);
    FAIL() << "gave a value";
  } catch (const std::out_of_range&) {
    FAIL() << "threw the error itself";
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("no such thing"), std::string::npos) << error.what();
  }
  EXPECT_THROW(Outcome<int>(3).error(), std::logic_error);
  EXPECT_THROW(Outcome<void>().error(), std::logic_error);
}

TEST(Outcome, OfVoidTellsWhetherItSucceeded) {
  EXPECT_TRUE(Outcome<void>());
  EXPECT_NO_THROW(Outcome<void>().value());
  const Outcome<void> outcome = std::make_exception_ptr(std::bad_alloc());
  EXPECT_FALSE(outcome);
  EXPECT_THROW(outcome.value(), std::bad_alloc);
  EXPECT_THROW(*outcome, std::logic_error);
}

TEST(Outcome, CarriesWhatCanOnlyBeMoved) {
  Outcome<std::unique_ptr<int>> outcome(std::make_unique<int>(3));
  const std::unique_ptr<int> pointer = *std::move(outcome);
  EXPECT_EQ(*pointer, 3);
}

TEST(Error, DescribesRemoteErrorsByTheirOwnType) {
  const Outcome<int> outcome =
      std::make_exception_ptr(RemoteError("my::Error", "line 4", "parse()+0x1 in indexer"));
  EXPECT_EQ(outcome.error().type(), "my::Error");
  EXPECT_EQ(outcome.error().what(), "line 4");
  EXPECT_EQ(outcome.error().where(), "parse()+0x1 in indexer");
}

TEST(Error, IsText) {
  const Error error = failed().error();
  EXPECT_EQ(fmt::format("{}", error.what()), "no such thing");
  std::ostringstream stream;
  stream << error;
  EXPECT_EQ(stream.str(), "no such thing");
  EXPECT_EQ(std::string(error), "no such thing");
}

TEST(Error, OfAThrownNumberIsTheNumber) {
  const Error error(std::make_exception_ptr(42));
  EXPECT_EQ(error.what(), "42");
  EXPECT_EQ(error.type(), "int");
}

}  // namespace
}  // namespace procyon
