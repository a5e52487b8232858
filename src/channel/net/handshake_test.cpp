#include "channel/net/handshake.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/net/mac.hpp"

namespace procyon::channel::net {
namespace {

using connection::Generation;
using Progress = Handshake::Progress;
using Role = Handshake::Role;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string hexadecimal(const Mac& mac) {
  std::string text;
  for (const std::byte byte : mac.bytes()) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

std::string mac_text(Digest digest, std::string_view key, std::string_view message) {
  return text_of(Mac(digest, AuthKey(key), bytes_of(message)).bytes());
}

/// What it says next; "" if it waits.
std::string word_of(Handshake& handshake) {
  const auto message = handshake.take_outgoing();
  return message ? text_of(*message) : std::string();
}

/// Both sides talk until neither has anything to say.
void talk(Handshake& one, Handshake& other) {
  for (int i = 0; i < 20; ++i) {
    for (auto [from, to] : {std::pair{&one, &other}, {&other, &one}}) {
      const auto message = from->take_outgoing();
      EXPECT_LE(message.value_or(std::vector<std::byte>()).size(), Handshake::longest_message);
      if (message && to->progress() == Progress::going_on) to->received(*message);
    }
  }
}

// RFC 2202, RFC 4231, and NIST's examples for SHA-3.
TEST(Mac, IsThatOfThePublishedExamples) {
  const std::string_view what = "what do ya want for nothing?";
  EXPECT_EQ(hexadecimal(Mac(Digest::md5, AuthKey("Jefe"), bytes_of(what))),
            "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(hexadecimal(Mac(Digest::sha256, AuthKey("Jefe"), bytes_of(what))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hexadecimal(Mac(Digest::sha384, AuthKey("Jefe"), bytes_of(what))),
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
  EXPECT_EQ(hexadecimal(Mac(Digest::sha3_256, AuthKey("Jefe"), bytes_of(what))),
            "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5");
  EXPECT_EQ(
      hexadecimal(Mac(Digest::sha3_384, AuthKey("Jefe"), bytes_of(what))),
      "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a");
}

TEST(Handshake, SidesWithOneKeyAgreeInEveryGeneration) {
  for (const Generation acceptor : {Generation::any, Generation::modern, Generation::legacy}) {
    for (const Generation connector : {Generation::any, Generation::modern, Generation::legacy}) {
      const bool opposed = (acceptor == Generation::modern && connector == Generation::legacy) ||
                           (acceptor == Generation::legacy && connector == Generation::modern);
      Handshake one(AuthKey("secret"), Role::acceptor, acceptor);
      Handshake other(AuthKey("secret"), Role::connector, connector);
      talk(one, other);
      EXPECT_EQ(one.progress() == Progress::authenticated && other.progress() == Progress::authenticated,
                !opposed);
    }
  }
}

TEST(Handshake, WithAnotherKeyIsRefusedOnBothSidesInASentence) {
  Handshake one(AuthKey("secret"), Role::acceptor, Generation::any);
  Handshake other(AuthKey("a guess"), Role::connector, Generation::any);
  talk(one, other);
  EXPECT_EQ(one.progress(), Progress::refused);
  EXPECT_EQ(other.progress(), Progress::refused);
  EXPECT_EQ(one.reason(), "it does not have the key");
  EXPECT_EQ(other.reason(), "it says that our key is not its own");
}

TEST(Handshake, ChallengesInTheModernWayAndTakesAnswersOfEveryDigest) {
  for (const Digest digest :
       {Digest::md5, Digest::sha256, Digest::sha384, Digest::sha3_256, Digest::sha3_384}) {
    Handshake handshake(AuthKey("secret"), Role::acceptor, Generation::any);
    const std::string challenge = word_of(handshake);
    ASSERT_EQ(challenge.substr(0, 19), "#CHALLENGE#{sha256}");
    ASSERT_EQ(challenge.size(), 19u + 40u);
    handshake.received(
        bytes_of(fmt::format("{{{}}}", name_of(digest)) + mac_text(digest, "secret", challenge.substr(11))));
    EXPECT_EQ(word_of(handshake), "#WELCOME#");
    EXPECT_EQ(handshake.progress(), Progress::going_on);  // now it is asked
  }
}

// Python up to 3.11: it answers with 16 bytes and challenges with 20.
TEST(Handshake, TakesThePeersOfTheOldGeneration) {
  Handshake handshake(AuthKey("secret"), Role::acceptor, Generation::any);
  const std::string challenge = word_of(handshake);
  handshake.received(bytes_of(mac_text(Digest::md5, "secret", challenge.substr(11))));
  EXPECT_EQ(word_of(handshake), "#WELCOME#");
  handshake.received(bytes_of("#CHALLENGE#01234567890123456789"));
  EXPECT_EQ(word_of(handshake), mac_text(Digest::md5, "secret", "01234567890123456789"));
  handshake.received(bytes_of("#WELCOME#"));
  EXPECT_EQ(handshake.progress(), Progress::authenticated);
}

TEST(Handshake, ChallengesAsTheOldGenerationIfItIsTold) {
  Handshake handshake(AuthKey("secret"), Role::acceptor, Generation::legacy);
  const std::string challenge = word_of(handshake);
  ASSERT_EQ(challenge.size(), 11u + 20u);
  handshake.received(bytes_of(mac_text(Digest::md5, "secret", challenge.substr(11))));
  EXPECT_EQ(word_of(handshake), "#WELCOME#");
}

TEST(Handshake, OfTheModernKindOnlyRefusesMd5) {
  Handshake acceptor(AuthKey("secret"), Role::acceptor, Generation::modern);
  acceptor.received(bytes_of(mac_text(Digest::md5, "secret", word_of(acceptor).substr(11))));
  EXPECT_EQ(word_of(acceptor), "#FAILURE#");
  EXPECT_NE(acceptor.reason().find("HMAC-MD5"), std::string::npos);
  Handshake connector(AuthKey("secret"), Role::connector, Generation::modern);
  connector.received(bytes_of("#CHALLENGE#01234567890123456789"));
  EXPECT_EQ(connector.progress(), Progress::refused);
  EXPECT_EQ(word_of(connector), "");  // nothing to guess a key from
}

TEST(Handshake, OfAnAcceptorThatDoesNotHaveTheKeyIsFoundOutByTheConnector) {
  Handshake connector(AuthKey("secret"), Role::connector, Generation::any);
  connector.received(bytes_of("#CHALLENGE#{sha256}0123456789012345678901234567890123456789"));
  EXPECT_EQ(word_of(connector).substr(0, 8), "{sha256}");
  connector.received(bytes_of("#WELCOME#"));  // to anybody
  EXPECT_EQ(word_of(connector).substr(0, 11), "#CHALLENGE#");
  connector.received(bytes_of("{sha256}01234567890123456789012345678901"));
  EXPECT_EQ(word_of(connector), "#FAILURE#");
  EXPECT_EQ(connector.progress(), Progress::refused);
}

TEST(Handshake, AnAnswerIsNotAcceptedASecondTime) {
  Handshake first(AuthKey("secret"), Role::acceptor, Generation::any);
  const std::string answer = "{sha256}" + mac_text(Digest::sha256, "secret", word_of(first).substr(11));
  Handshake second(AuthKey("secret"), Role::acceptor, Generation::any);
  second.received(bytes_of(answer));
  EXPECT_EQ(second.progress(), Progress::refused);
}

TEST(Handshake, RefusesWhatIsNotTheProtocol) {
  for (const std::string_view answer :
       {"", "x", "{sha256}", "{sha256}short",
        "{sha512}0123456789012345678901234567890123456789012345678901234567890123", "{", "{}", "}", "{sha256",
        "0123456789012345", "01234567890123456789", "#WELCOME#"}) {
    Handshake handshake(AuthKey("secret"), Role::acceptor, Generation::any);
    static_cast<void>(word_of(handshake));
    handshake.received(bytes_of(answer));
    EXPECT_EQ(handshake.progress(), Progress::refused) << answer;
    EXPECT_EQ(word_of(handshake), "#FAILURE#") << answer;
  }
  for (const std::string_view challenge :
       {"", "#CHALLENGE#", "#CHALLENGE#short", "#CHALLENGE#0123456789012345",
        "#CHALLENGE#{sha512}01234567890123456789", "#CHALLENGE#012345678901234567890", "#WELCOME#",
        "GET / HTTP/1.1"}) {
    Handshake handshake(AuthKey("secret"), Role::connector, Generation::any);
    handshake.received(bytes_of(challenge));
    EXPECT_EQ(handshake.progress(), Progress::refused) << challenge;
    EXPECT_EQ(word_of(handshake), "") << challenge;
  }
}

TEST(Handshake, SurvivesWhateverComes) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    Handshake handshake(AuthKey("secret"), i % 2 == 0 ? Role::acceptor : Role::connector, Generation::any);
    while (handshake.progress() == Progress::going_on) {
      const std::string said = word_of(handshake);
      std::string message = i % 3 == 0   ? said
                            : i % 3 == 1 ? "#CHALLENGE#{md5}0123456789012345678901234567890"
                                         : "#WELCOME#";
      const std::size_t changes = random() % 4;
      for (std::size_t change = 0; change < changes; ++change) {
        if (random() % 2 == 0) message.resize(random() % (Handshake::longest_message + 1));
        if (!message.empty()) message[random() % message.size()] = static_cast<char>(random());
      }
      handshake.received(bytes_of(message));
      EXPECT_NE(handshake.progress(), Progress::authenticated);
    }
  }
}

}  // namespace
}  // namespace procyon::channel::net
