#include "channel/connection_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace procyon::channel {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

std::vector<std::byte> prefix_of(std::uint64_t length) {
  const FramePrefix prefix(length);
  return {prefix.bytes().begin(), prefix.bytes().end()};
}

/// Gives `stream` to `message`, at most `step` bytes at a time. Returns how many it wanted.
std::size_t feed(IncomingMessage& message, std::span<const std::byte> stream, std::size_t step) {
  std::size_t taken = 0;
  while (taken < stream.size() && message.sensible() && !message.complete()) {
    const auto room = message.room();
    const auto part = stream.subspan(taken, std::min({step, room.size(), stream.size() - taken}));
    std::copy(part.begin(), part.end(), room.begin());
    message.arrived(part.size());
    taken += part.size();
  }
  return taken;
}

TEST(ConnectionFrame, AMessageIsPrecededByItsLengthAsPythonWritesIt) {
  EXPECT_EQ(prefix_of(0), bytes({0, 0, 0, 0}));
  EXPECT_EQ(prefix_of(0x010203), bytes({0, 1, 2, 3}));
  EXPECT_EQ(prefix_of(0x7fffffff), bytes({0x7f, 0xff, 0xff, 0xff}));
  EXPECT_EQ(prefix_of(0x80000000), bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0}));
  EXPECT_EQ(prefix_of(0x0102030405060708), bytes({0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(ConnectionFrame, AMessageIsPutTogetherFromPartsOfAnySize) {
  const auto stream = bytes({0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 'x'});
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    IncomingMessage message;
    EXPECT_FALSE(message.started());
    EXPECT_EQ(feed(message, stream, step), 7u);
    EXPECT_TRUE(message.complete());
    EXPECT_EQ(message.take(), bytes({'a', 'b', 'c'}));
    EXPECT_FALSE(message.started());
    EXPECT_EQ(feed(message, std::span(stream).subspan(7), step),
              4u);  // an empty one, and nothing of what follows
    EXPECT_TRUE(message.complete());
    EXPECT_EQ(message.take(), bytes({}));
  }
}

TEST(ConnectionFrame, ALongPrefixMayAlsoStandBeforeAShortMessage) {
  IncomingMessage message;
  feed(message, bytes({255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b'}), 1);
  EXPECT_TRUE(message.complete());
  EXPECT_EQ(message.take(), bytes({'a', 'b'}));
}

TEST(ConnectionFrame, ANegativeOrImpossibleLengthIsNotSensible) {
  IncomingMessage negative;
  feed(negative, bytes({255, 255, 255, 254}), 1);
  EXPECT_FALSE(negative.sensible());
  IncomingMessage huge;
  feed(huge, bytes({255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}), 5);
  EXPECT_FALSE(huge.sensible());
  EXPECT_FALSE(huge.length().has_value());
}

TEST(ConnectionFrame, AClaimedLengthTakesNoMemoryBeforeTheBytesCome) {
  IncomingMessage message;
  feed(message, prefix_of(std::uint64_t{1} << 60), 12);
  EXPECT_TRUE(message.sensible());
  EXPECT_EQ(message.length(), std::uint64_t{1} << 60);
  EXPECT_EQ(message.room().size(), IncomingMessage::first_step);
  message.arrived(IncomingMessage::first_step);
  EXPECT_EQ(message.room().size(), IncomingMessage::first_step);  // twice as much as has come
  message.arrived(1);
  EXPECT_EQ(message.room().size(), IncomingMessage::first_step - 1);
}

TEST(ConnectionFrame, AMessageMayBeLedIntoABufferAndBack) {
  const auto stream = bytes({0, 0, 0, 4, 'a', 'b', 'c', 'd'});
  IncomingMessage message;
  feed(message, std::span(stream).first(5), 1);
  std::vector<std::byte> buffer(4);
  message.redirect(buffer);
  feed(message, std::span(stream).subspan(5, 1), 1);
  EXPECT_EQ(buffer, bytes({'a', 'b', 0, 0}));
  message.keep();
  feed(message, std::span(stream).subspan(6, 2), 1);
  EXPECT_EQ(message.take(), bytes({'a', 'b', 'c', 'd'}));
}

}  // namespace
}  // namespace procyon::channel
