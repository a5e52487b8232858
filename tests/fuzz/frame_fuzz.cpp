// The framing of messages: the input is a stream that comes in pieces, whose sizes its first byte decides.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>

#include "channel/connection_frame.hpp"
#include "fuzz_target.hpp"

using namespace procyon::channel;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Gives the stream in pieces; calls `complete` for each message. Stops where the stream is not sensible.
template <class Complete>
void read_stream(std::span<const std::byte> stream, unsigned seed, Complete complete) {
  std::minstd_rand random(seed);
  IncomingMessage incoming;
  while (incoming.sensible()) {
    if (incoming.complete()) {
      complete(incoming.take());
      continue;
    }
    const std::span<std::byte> room = incoming.room();
    require(!room.empty());
    require(room.size() <= std::max(IncomingMessage::first_step, 2 * incoming.received()));
    const std::size_t size = std::min({room.size(), stream.size(), std::size_t{1} + random() % 40});
    if (size == 0) return;
    std::memcpy(room.data(), stream.data(), size);
    stream = stream.subspan(size);
    incoming.arrived(size);
    if (incoming.length()) require(incoming.received() <= *incoming.length());
  }
}

}  // namespace

void fuzz(std::span<const std::byte> input) {
  if (input.empty()) return;
  const auto seed = std::to_integer<unsigned>(input.front());
  input = input.subspan(1);
  read_stream(input, seed, [](const std::vector<std::byte>&) {});
  // As one message, it comes back.
  const FramePrefix prefix(input.size());
  std::vector<std::byte> stream(prefix.bytes().begin(), prefix.bytes().end());
  stream.insert(stream.end(), input.begin(), input.end());
  int messages = 0;
  read_stream(stream, seed, [&](const std::vector<std::byte>& message) {
    ++messages;
    require(std::equal(message.begin(), message.end(), input.begin(), input.end()));
  });
  require(messages == 1);
}
