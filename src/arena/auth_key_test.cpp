#include "procyon/auth_key.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <sstream>
#include <stdexcept>

namespace procyon {
namespace {

TEST(AuthKey, RandomOnesDiffer) {
  EXPECT_EQ(AuthKey::random().size(), 32u);
  EXPECT_FALSE(AuthKey::random() == AuthKey::random());
}

TEST(AuthKey, HoldsTheBytesThatItWasGiven) {
  const AuthKey key("secret");
  ASSERT_EQ(key.bytes().size(), 6u);
  EXPECT_EQ(std::memcmp(key.bytes().data(), "secret", 6), 0);
  EXPECT_EQ(key, AuthKey(std::string_view("secret")));
  EXPECT_NE(key, AuthKey("secrets"));
  EXPECT_NE(key, AuthKey("secreT"));
}

TEST(AuthKey, AnEmptyOneIsMisuse) { EXPECT_THROW(AuthKey(""), std::invalid_argument); }

TEST(AuthKey, IsCopiedAndMoved) {
  AuthKey key("one");
  const AuthKey copy = key;
  AuthKey moved = std::move(key);
  EXPECT_EQ(copy, moved);
  moved = AuthKey("another");
  EXPECT_EQ(moved, AuthKey("another"));
  moved = copy;
  EXPECT_EQ(moved, copy);
}

TEST(AuthKey, IsPrintedAsItsLengthOnly) {
  std::ostringstream stream;
  stream << AuthKey("secret");
  EXPECT_EQ(stream.str(), "<AuthKey of 6 bytes>");
}

}  // namespace
}  // namespace procyon
