#include "channel/net/address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>

namespace procyon::channel::net {
namespace {

using namespace std::chrono_literals;

std::string refusal_of(std::string_view text) {
  try {
    parse_address(text);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(Address, SaysWhatIsWrongWithIt) {
  for (const auto& [text, reason] : {std::pair{"", "neither"},
                                     {"127.0.0.1:80", "neither"},
                                     {"http://a:1", "neither"},
                                     {"unix:", "no name"},
                                     {"unix:@", "no name"},
                                     {"tcp://", "no port"},
                                     {"tcp://host", "no port"},
                                     {"tcp://host:", "65535"},
                                     {"tcp://:80", "no host"},
                                     {"tcp://host:65536", "65535"},
                                     {"tcp://host:-1", "65535"},
                                     {"tcp://host:80x", "65535"},
                                     {"tcp://::1:80", "no host"},
                                     {"tcp://fe80::1:80", "brackets"},
                                     {"tcp://[::1]80", "no port"},
                                     {"tcp://[::1:80", "no port"}}) {
    EXPECT_NE(refusal_of(text).find(reason), std::string::npos) << text << ": " << refusal_of(text);
  }
  EXPECT_NE(refusal_of("unix:/" + std::string(107, 'x')).find("107"), std::string::npos);
  EXPECT_EQ(refusal_of("unix:/" + std::string(106, 'x')), "");
}

TEST(Address, OfEachKindComesBackFromTheSystemAsItWasWritten) {
  for (const std::string text :
       {"unix:/tmp/a path", "unix:@an abstract name", "tcp://127.0.0.1:6000", "tcp://[::1]:0"}) {
    const auto found = resolve(parse_address(text), os::Deadline::never());
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(text_of(found.front()), text);
  }
}

TEST(Address, OfAHostIsLookedUp) {
  const auto found = resolve(parse_address("tcp://localhost:6000"), os::Deadline::after(60s));
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(text_of(found.front()) == "tcp://127.0.0.1:6000" ||
              text_of(found.front()) == "tcp://[::1]:6000");
}

TEST(Address, OfAnUnknownHostIsAnErrorThatNamesIt) {
  try {
    static_cast<void>(resolve(parse_address("tcp://a-host.invalid:6000"), os::Deadline::after(60s)));
    FAIL();
  } catch (const std::exception& error) {  // not known, or not known in time
    EXPECT_NE(std::string(error.what()).find("tcp://a-host.invalid:6000"), std::string::npos) << error.what();
  }
}

TEST(Address, OfOnesOwnCannotBeGuessed) {
  const Address first = private_address();
  EXPECT_EQ(first.kind, Address::Kind::abstract);
  EXPECT_GE(first.name.size(), 32u);
  EXPECT_NE(first.name, private_address().name);
}

}  // namespace
}  // namespace procyon::channel::net
